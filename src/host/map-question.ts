/** Sizes of a map by BPF_OBJ_GET_INFO_BY_FD, asked before each call that needs them: descriptors are closed and used again behind our back. */
import { BPF_CMD } from '../uapi/cmd.ts';
import type { MapSizes } from './kernel-buffers.ts';
import type { Call, NativeSpace } from './native-space.ts';

/** The attribute at the front of the space, struct bpf_map_info behind it. */
const QUESTION_SIZE = 16;
const INFO_AT = 64;
/** Asked for: more than any kernel's struct bpf_map_info, less than struct bpf_prog_info. */
const ASKED = 200;

export class MapQuestion {
  readonly #call: Call;
  readonly #space: NativeSpace;
  /** Of the memory that the space has now. */
  #memory: Uint8Array | undefined;
  #words = new Uint32Array(0);
  #base = 0n;

  constructor(call: Call, space: NativeSpace) {
    this.#call = call;
    this.#space = space;
  }

  /** Undefined when the descriptor is no map's. */
  ask(fd: number): MapSizes | undefined {
    if (this.#space.bytes !== this.#memory) this.#begin();
    const words = this.#words;
    words[0] = fd;
    words[1] = ASKED;
    if (this.#call(BPF_CMD.BPF_OBJ_GET_INFO_BY_FD, this.#base, QUESTION_SIZE) < 0) return undefined;
    if (words[1] >= ASKED) {
      // A program's struct fills all of it, and the kernel wants what lies behind a map's to be zero.
      this.#memory = undefined;
      return undefined;
    }
    const at = INFO_AT / 4;
    return { type: words[at], keySize: words[at + 2], valueSize: words[at + 3] };
  }

  #begin(): void {
    const { bytes, base } = this.#space;
    this.#memory = bytes;
    this.#base = base;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, (INFO_AT + ASKED) / 4);
    this.#words.fill(0);
    new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(8, base + BigInt(INFO_AT), LITTLE);
  }
}

/** Byte order of this machine, which its kernel shares. */
const LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
