/** The real Linux kernel behind the BpfSyscall door: bpf(2) called through koffi. */
import type { BpfAttrs, BpfSyscall } from '../uapi/attr.ts';
import { encodeAttr, type PointerSpace } from '../uapi/attr-encode.ts';
import { BPF_CMD } from '../uapi/cmd.ts';
import { ERRNO, errnoName } from '../uapi/errno.ts';

/** Why no kernel can be asked: koffi is missing, the platform is not Linux, or bpf(2) is refused. */
export class KernelUnavailableError extends Error {
  override readonly name = 'KernelUnavailableError';
  /**
   * @param reason one sentence without a full stop
   * @param errno what bpf(2) said, 0 when it could not be called
   */
  constructor(
    readonly reason: string,
    readonly errno = 0,
    options?: ErrorOptions,
  ) {
    super(`the kernel's bpf(2) cannot be used: ${reason}`, options);
  }
}

/** The kernel's door, with the calls that only a real process has. */
export interface KernelTransport extends BpfSyscall, Disposable {
  /** Binary form: `attr` is union bpf_attr whose pointers are process addresses (or 0). For tests of the ABI itself. */
  raw(cmd: number, attr: Uint8Array, size?: number): number;
}

/** Number of bpf(2) by Node's name of the architecture. */
const BPF_SYSCALL_NUMBER: Readonly<Record<string, number>> = {
  x64: 321,
  arm64: 280,
  riscv64: 280,
  loong64: 280,
  ia32: 357,
  arm: 386,
  ppc64: 361,
  s390x: 351,
};

/** Linux's EAGAIN of PROG_LOAD asks for another try: a signal came in while verifying. */
const LOAD_RETRIES = 5;
const FIRST_SPACE = 1 << 20;

interface Koffi {
  load(path: string): { func(definition: string): (...args: unknown[]) => unknown };
  errno(): number;
  alloc(type: string, length: number): unknown;
  free(pointer: unknown): void;
  view(pointer: unknown, length: number): ArrayBuffer;
  address(pointer: unknown): bigint;
}

/** Opens the kernel of this machine. Throws {@link KernelUnavailableError} when it cannot be asked. */
export async function openKernelTransport(): Promise<KernelTransport> {
  if (process.platform !== 'linux') throw new KernelUnavailableError(`this is ${process.platform}, not Linux`);
  const number = BPF_SYSCALL_NUMBER[process.arch];
  if (number === undefined) throw new KernelUnavailableError(`its number on ${process.arch} is not known`);
  const koffi = await importKoffi();
  const libc = koffi.load('libc.so.6');
  const syscall = libc.func('long syscall(long number, long cmd, int64_t attr, long size)');
  const closeFd = libc.func('int close(int fd)');
  const space = new NativeSpace(koffi);
  const call = (cmd: number, attr: bigint, size: number): number => {
    const result = Number(syscall(number, cmd, attr, size));
    return result < 0 ? -koffi.errno() : result;
  };

  const transport: KernelTransport = {
    bpf: (cmd, attr) => bpfThrough(call, space, cmd, attr),
    raw(cmd, attr, size = attr.length) {
      const at = space.reserve(Math.max(attr.length, size));
      space.bytes.fill(0, at, at + Math.max(attr.length, size));
      space.bytes.set(attr, at);
      const result = call(cmd, space.base + BigInt(at), size);
      attr.set(space.bytes.subarray(at, at + attr.length));
      return result;
    },
    close: (fd) => (Number(closeFd(fd)) < 0 ? -koffi.errno() : 0),
    [Symbol.dispose]: () => space.dispose(),
  };
  probe(transport);
  return transport;
}

function bpfThrough<C extends keyof BpfAttrs>(
  call: (cmd: number, attr: bigint, size: number) => number,
  space: NativeSpace,
  cmd: C,
  attr: BpfAttrs[C],
): number {
  const encoded = encodeAttr(cmd, attr, space);
  let result = 0;
  for (let tries = 0; tries < LOAD_RETRIES; tries++) {
    result = call(cmd, space.base + BigInt(encoded.at), encoded.size);
    if (result !== -ERRNO.EAGAIN || cmd !== BPF_CMD.BPF_PROG_LOAD) break;
  }
  encoded.finish();
  return result;
}

async function importKoffi(): Promise<Koffi> {
  try {
    const module = (await import('koffi')) as unknown as { default?: Koffi } & Koffi;
    return module.default ?? module;
  } catch (cause) {
    throw new KernelUnavailableError('the optional package koffi is not installed', 0, { cause });
  }
}

/** One harmless command tells whether this process may use bpf(2) at all. */
function probe(transport: KernelTransport): void {
  const result = transport.bpf(BPF_CMD.BPF_PROG_GET_NEXT_ID, { start_id: 0 });
  if (result === 0 || result === -ERRNO.ENOENT) return;
  transport[Symbol.dispose]();
  throw new KernelUnavailableError(`BPF_PROG_GET_NEXT_ID gives ${errnoName(-result)}`, -result);
}

/** Memory outside the JavaScript heap, so that no address changes during a call; one call uses it at a time. */
class NativeSpace implements PointerSpace {
  bytes = new Uint8Array(0);
  base = 0n;
  readonly #koffi: Koffi;
  #pointer: unknown;

  constructor(koffi: Koffi) {
    this.#koffi = koffi;
    this.#allocate(FIRST_SPACE);
  }

  reserve(size: number): number {
    if (size > this.bytes.length) {
      this.dispose();
      this.#allocate(Math.ceil(size / FIRST_SPACE) * FIRST_SPACE);
    }
    return 0;
  }

  dispose(): void {
    if (this.#pointer !== undefined) this.#koffi.free(this.#pointer);
    this.#pointer = undefined;
    this.bytes = new Uint8Array(0);
  }

  #allocate(size: number): void {
    this.#pointer = this.#koffi.alloc('uint8_t', size);
    this.base = this.#koffi.address(this.#pointer);
    this.bytes = new Uint8Array(this.#koffi.view(this.#pointer, size));
  }
}
