/** Whether a task can be as it is described. */
import { checkSignals } from './signals.ts';
import type { TaskSpec } from './task.ts';

/** The largest pid of a kernel: PID_MAX_LIMIT. */
const PID_MAX = 4 * 1024 * 1024;

/** Throws RangeError for what no task can be: it names the member and the value. */
export function checkTaskSpec({ pid, tgid = pid, comm = '', uid = 0, gid = 0, signals = {}, ...more }: TaskSpec): void {
  for (const id of [pid, tgid])
    if (!Number.isInteger(id) || id < 0 || id > PID_MAX) throw new RangeError(`${String(id)} is no pid`);
  if (typeof (comm as unknown) !== 'string') throw new RangeError(`comm of task ${pid} is no text`);
  for (const [name, id] of [
    ['uid', uid],
    ['gid', gid],
  ] as const)
    if (!Number.isInteger(id) || id < 0 || id > 0xffff_ffff)
      throw new RangeError(`${name} of task ${pid} is ${String(id)}, not in 0..4294967295`);
  checkSignals(pid, signals);
  checkMore(pid, more);
}

function checkMore(pid: number, { nsPids, capabilities, startTime, ...flags }: Partial<TaskSpec>): void {
  if (nsPids !== undefined && !Array.isArray(nsPids)) throw new RangeError(`nsPids of task ${pid} are no list`);
  for (const [name, value] of Object.entries({ capabilities, startTime }))
    if (value !== undefined && (typeof (value as unknown) !== 'bigint' || value < 0n || value >> 64n !== 0n))
      throw new RangeError(`${name} of task ${pid} is ${String(value)}, not 64 bits`);
  for (const name of ['kernelThread', 'exiting'] as const)
    if (flags[name] !== undefined && typeof (flags[name] as unknown) !== 'boolean')
      throw new RangeError(`${name} of task ${pid} is neither true nor false`);
}
