/** perf_event_open(2) of the real kernel, and the files that tell what there is to open. */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { ERRNO } from '../uapi/errno.ts';
import { PERF_ATTR_OFFSETS as AT, PERF_ATTR_SIZE, type PerfEventAttr } from '../uapi/perf-event.ts';
import type { NativeSpace } from './native-space.ts';

/** Number of perf_event_open(2) by Node's name of the architecture. */
const SYSCALL_NUMBER: Readonly<Record<string, number>> = {
  x64: 298,
  arm64: 241,
  riscv64: 241,
  loong64: 241,
  ia32: 336,
  arm: 364,
  ppc64: 319,
  s390x: 331,
};
/** PERF_FLAG_FD_CLOEXEC */
const CLOSE_ON_EXEC = 8;
/** Bit of the flags that makes a period a frequency. */
const FREQ = 1n << 10n;

/** syscall(2) with the number of the call, the address of the attribute, process, CPU, group and flags: a descriptor or -errno. */
export type PerfCall = (...words: readonly [number: number, attr: bigint, ...rest: readonly number[]]) => number;

/** Opens an event: a descriptor or -errno. */
export function openPerfEvent(call: PerfCall, space: NativeSpace, attr: PerfEventAttr): number {
  const number = SYSCALL_NUMBER[process.arch];
  if (number === undefined) return -ERRNO.ENOSYS;
  const name = attr.probe_name === undefined ? undefined : new TextEncoder().encode(`${attr.probe_name}\0`);
  const at = space.reserve(PERF_ATTR_SIZE + (name?.length ?? 0));
  space.bytes.fill(0, at, at + PERF_ATTR_SIZE);
  const view = new DataView(space.bytes.buffer, space.bytes.byteOffset + at, PERF_ATTR_SIZE);
  view.setUint32(AT.type, attr.type, true);
  view.setUint32(AT.size, PERF_ATTR_SIZE, true);
  view.setBigUint64(AT.config, BigInt.asUintN(64, attr.config ?? 0n), true);
  const freq = attr.sample_freq ?? 0n;
  view.setBigUint64(AT.sample_period, BigInt.asUintN(64, freq === 0n ? (attr.sample_period ?? 0n) : freq), true);
  if (freq !== 0n) view.setBigUint64(AT.flags, FREQ, true);
  if (name !== undefined) {
    space.bytes.set(name, at + PERF_ATTR_SIZE);
    view.setBigUint64(AT.config1, space.base + BigInt(at + PERF_ATTR_SIZE), true);
  }
  view.setBigUint64(
    AT.config2,
    BigInt.asUintN(64, (name === undefined ? attr.probe_addr : attr.probe_offset) ?? 0n),
    true,
  );
  const { pid = -1, cpu = 0 } = attr;
  return call(number, space.base + BigInt(at), pid, cpu, -1, CLOSE_ON_EXEC);
}

/** The text of a file, or -errno. */
export function readText(path: string): string | number {
  try {
    return readFileSync(path, 'utf8');
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    return -((constants.errno as Readonly<Record<string, number>>)[code ?? ''] ?? ERRNO.EIO);
  }
}
