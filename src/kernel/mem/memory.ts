/** The kernel's memory: one WebAssembly.Memory of fixed size and the views over it (DESIGN of the address space: ARCHITECTURE.md). */

/** Bytes at address 0 that are kept zero and belong to nobody. */
export const NULL_REGION = 0x1_0000;

/** Up to here a loop is faster than a call. */
const SHORT = 8;

/**
 * Guest addresses are offsets into this memory, zero-extended to 64 bits.
 * The memory never grows, so the views stay valid for its whole life.
 */
export class KernelMemory {
  readonly memory: WebAssembly.Memory;
  /** It is a SharedArrayBuffer. */
  readonly shared: boolean;
  readonly size: number;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly view: DataView;

  /** @param size bytes, rounded up to 64 KiB; untouched pages cost nothing */
  constructor(size = 1 << 30, { shared = false }: { readonly shared?: boolean } = {}) {
    const pages = Math.ceil(size / 65536);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
    this.shared = shared;
    this.size = pages * 65536;
    const buffer = this.memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.view = new DataView(buffer);
  }

  /** A copy of the bytes at an address. */
  read(addr: number, size: number): Uint8Array<ArrayBuffer> {
    if (size > SHORT) return this.u8.slice(addr, addr + size);
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i++) bytes[i] = this.u8[addr + i];
    return bytes;
  }

  /** Copies the first `size` bytes of `bytes` to an address. */
  write(addr: number, bytes: Uint8Array, size = bytes.length): void {
    if (size > SHORT) this.u8.set(bytes.length > size ? bytes.subarray(0, size) : bytes, addr);
    else for (let i = 0; i < size; i++) this.u8[addr + i] = bytes[i];
  }
}

/** What a module that imports the memory says of it (limits of the binary format): modules take the one kind or the other. */
export const memoryLimits = ({ shared }: Pick<KernelMemory, 'shared'>): readonly number[] =>
  shared ? [3, 1, 0x80, 0x80, 4] : [0, 1];
