/** Signals that a task, or its thread group, has got and not taken yet: counts by number in guest memory, which helpers raise. */
import type { KernelMemory } from '../../mem/memory.ts';

/** _NSIG: the last signal. */
export const SIGNALS = 64;
/** SIGRTMIN of the kernel: from here on each one counts, below they come once until taken. */
const REALTIME = 32;
/** Words of a record: a count for each signal, then two of signals that vanish. */
const VANISHING = SIGNALS;
export const SIGNAL_RECORD_BYTES = (SIGNALS + 2) * 4;

const SIGKILL = 9;
const SIGSTOP = 19;
/** Those that a fault causes are taken first: SEGV, BUS, ILL, TRAP, FPE, SYS. */
const SYNCHRONOUS = new Set([4, 5, 7, 8, 11, 31]);
/** CHLD, CONT, URG and WINCH vanish in a task that does not handle them. */
const IGNORED = [17, 18, 23, 28];

/** What a task does with signals, by their numbers; what is not named has its default. */
export interface SignalSpec {
  /** They wait until the task takes them, whatever else is said of them. */
  readonly blocked?: readonly number[];
  /** They vanish (SIG_IGN). */
  readonly ignored?: readonly number[];
  /** They have handlers. */
  readonly handled?: readonly number[];
}

/** One signal that waits. */
export interface PendingSignal {
  readonly signal: number;
  /** Whether any thread of the group may take it (bpf_send_signal), or this one (bpf_send_signal_thread). */
  readonly to: 'group' | 'thread';
}

/** A signal comes to those whose counts a record has, unless it vanishes in the task of another one. 0 is none. */
export function postSignal({ i32 }: KernelMemory, to: number, signal: number, taskRecord: number): void {
  if (signal === 0) return;
  const bit = signal - 1;
  if ((i32[(taskRecord >>> 2) + VANISHING + (bit >>> 5)] & (1 << (bit & 31))) !== 0) return;
  const at = (to >>> 2) + bit;
  i32[at] = signal < REALTIME ? 1 : i32[at] + 1;
}

/** Throws RangeError for what is no signal. */
export function checkSignals(pid: number, spec: SignalSpec): void {
  for (const [name, signals] of Object.entries(spec as Readonly<Record<string, unknown>>)) {
    if (!['blocked', 'ignored', 'handled'].includes(name)) throw new RangeError(`signals of task ${pid}: no ${name}`);
    if (!Array.isArray(signals)) throw new RangeError(`${name} signals of task ${pid} are no list`);
    for (const signal of signals as readonly unknown[])
      if (!Number.isInteger(signal) || (signal as number) < 1 || (signal as number) > SIGNALS)
        throw new RangeError(`${name} signals of task ${pid}: ${String(signal)} is not in 1..${SIGNALS}`);
  }
}

/** Signals of one task. */
export class TaskSignals {
  readonly #mem: KernelMemory;
  readonly #records: readonly { readonly at: number; readonly to: PendingSignal['to'] }[];
  readonly #blocked: ReadonlySet<number>;

  /**
   * @param thread guest address of the task's record
   * @param group that of its thread group's
   * @param init whether it is the first process of a PID namespace: only what it handles reaches it, and SIGKILL and SIGSTOP
   */
  constructor(
    mem: KernelMemory,
    { thread, group }: { readonly thread: number; readonly group: number },
    { blocked = [], ignored = [], handled = [] }: SignalSpec,
    init: boolean,
  ) {
    this.#mem = mem;
    this.#records = [
      { at: thread, to: 'thread' },
      { at: group, to: 'group' },
    ];
    this.#blocked = new Set(blocked.filter((signal) => !isUnstoppable(signal)));
    const vanishing = init ? Array.from({ length: SIGNALS }, (_, i) => i + 1) : IGNORED;
    const kept = new Set([...handled, ...this.#blocked, SIGKILL, SIGSTOP]);
    const mask = [0, 0];
    for (const signal of [...vanishing.filter((s) => !kept.has(s)), ...ignored])
      if (!this.#blocked.has(signal) && !isUnstoppable(signal)) mask[(signal - 1) >>> 5] |= 1 << ((signal - 1) & 31);
    mem.i32.set(mask, (thread >>> 2) + VANISHING);
  }

  /** All that wait, the task's own first, by number; real-time signals as often as they came. */
  get pending(): readonly PendingSignal[] {
    return this.#records.flatMap(({ at, to }) =>
      [...this.#mem.i32.subarray(at >>> 2, (at >>> 2) + SIGNALS)].flatMap((count, i) =>
        Array.from({ length: count }, () => ({ signal: i + 1, to })),
      ),
    );
  }

  /** The task takes the one that comes next: its own first, those of faults first, the lowest number first. Undefined when all are blocked. */
  take(): PendingSignal | undefined {
    return this.#take((signal) => !this.#blocked.has(signal));
  }

  /** The task waits for some, which it has blocked (sigwait): the first of them that is there. */
  wait(signals: readonly number[]): PendingSignal | undefined {
    return this.#take((signal) => signals.includes(signal));
  }

  #take(wanted: (signal: number) => boolean): PendingSignal | undefined {
    const free = this.pending.filter(({ signal }) => wanted(signal));
    const own = free.filter(({ to }) => to === 'thread');
    const from = own.length > 0 ? own : free;
    const next = from.find(({ signal }) => SYNCHRONOUS.has(signal)) ?? from[0];
    if (next === undefined) return undefined;
    const { at } = this.#records.find(({ to }) => to === next.to)!;
    this.#mem.i32[(at >>> 2) + next.signal - 1]--;
    return next;
  }
}

const isUnstoppable = (signal: number): boolean => signal === SIGKILL || signal === SIGSTOP;
