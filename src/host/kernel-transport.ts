/** The real Linux kernel behind the BpfSyscall door: bpf(2) called through koffi. */
import type { BpfAttrs, BpfSyscall } from '../uapi/attr/attr.ts';
import { encodeAttr } from '../uapi/attr/encode.ts';
import { BPF_ATTR_SIZE } from '../uapi/attr/layout.ts';
import { BPF_CMD } from '../uapi/cmd.ts';
import { ERRNO, errnoName } from '../uapi/errno.ts';
import { checkBuffers } from './kernel-buffers.ts';
import { MapQuestion } from './map-question.ts';
import { mapPages, memoryCalls } from './kernel-files.ts';
import { hostFiles } from './files.ts';
import { runningTraits } from './kernel-traits.ts';
import { KernelUnavailableError } from './kernel-unavailable.ts';
import { openPerfEvent, readText } from './perf-event.ts';
import { type Call, type Koffi, NativeSpace, type Overrun } from './native-space.ts';

export { KernelUnavailableError } from './kernel-unavailable.ts';
export type { Overrun } from './native-space.ts';

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

export interface TransportOptions {
  /** Called when the kernel wrote beyond a buffer; looking costs some microseconds a call, so it is for tests. */
  readonly onOverrun?: (overrun: Overrun) => void;
  /** Leaves out the checks of buffers, to show what they are for. Only with `onOverrun`, whose room behind each buffer takes what is written there. */
  readonly unchecked?: boolean;
}

/** Opens the kernel of this machine. Throws {@link KernelUnavailableError} when it cannot be asked. */
export async function openKernelTransport(options: TransportOptions = {}): Promise<KernelTransport> {
  if (process.platform !== 'linux') throw new KernelUnavailableError(`this is ${process.platform}, not Linux`);
  const number = BPF_SYSCALL_NUMBER[process.arch];
  if (number === undefined) throw new KernelUnavailableError(`its number on ${process.arch} is not known`);
  const koffi = await importKoffi();
  const libc = koffi.load('libc.so.6');
  const syscall = libc.func('long syscall(long number, long cmd, int64_t attr, long size)');
  const closeFd = libc.func('int close(int fd)');
  let perfCall: typeof closeFd | undefined;
  const failed = (result: number): number => (result < 0 ? -koffi.errno() : result);
  const memory = memoryCalls(koffi, libc);
  const space = new NativeSpace(koffi, options.onOverrun);
  const call: Call = (cmd, attr, size) => {
    return failed(Number(syscall(number, cmd, attr, size)));
  };
  const close = (fd: number): number => failed(Number(closeFd(fd)));
  const kernel = runningTraits({ bpf: (cmd, attr) => bpfThrough(call, space, cmd as never, attr as never), close });
  const question = new MapQuestion(call, space);
  const sizes = {
    get possibleCpus() {
      return kernel.possibleCpus;
    },
    map: (fd: number) => question.ask(fd),
  };
  const checked = options.unchecked !== true || options.onOverrun === undefined;

  const transport: KernelTransport = {
    kernel,
    bpf(cmd, attr) {
      const wrong = checked ? checkBuffers(cmd, attr, sizes) : 0;
      return wrong < 0 ? wrong : bpfThrough(call, space, cmd, attr);
    },
    raw(cmd, attr, size = attr.length) {
      const at = space.reserve(Math.max(attr.length, size, BPF_ATTR_SIZE));
      space.bytes.fill(0, at, at + Math.max(attr.length, size));
      space.bytes.set(attr, at);
      const result = call(cmd, space.base + BigInt(at), size);
      attr.set(space.bytes.subarray(at, at + attr.length));
      return result;
    },
    close,
    files: hostFiles,
    readText,
    perfEventOpen(attr) {
      perfCall ??= libc.func(
        'long syscall(long number, int64_t attr, int pid, int cpu, int group, unsigned long flags)',
      );
      const declared = perfCall;
      return openPerfEvent((...args) => failed(Number(declared(...args))), space, attr);
    },
    mmap: (fd, offset, length, writable) => mapPages(memory, { fd, offset, length, writable }),
    [Symbol.dispose]: () => space[Symbol.dispose](),
  };
  probe(transport);
  return transport;
}

function bpfThrough<C extends keyof BpfAttrs>(call: Call, space: NativeSpace, cmd: C, attr: BpfAttrs[C]): number {
  const encoded = encodeAttr(cmd, attr, space);
  let result = 0;
  for (let tries = 0; tries < LOAD_RETRIES; tries++) {
    result = call(cmd, space.base + BigInt(encoded.at), encoded.size);
    if (result !== -ERRNO.EAGAIN || cmd !== BPF_CMD.BPF_PROG_LOAD) break;
  }
  space.inspect(cmd, encoded);
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
