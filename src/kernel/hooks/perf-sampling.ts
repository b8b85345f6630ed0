/** Perf events that sample: programs get registers and the sample (struct bpf_perf_event_data_kern), and what was counted. */
import { ERRNO } from '../../uapi/errno.ts';
import { PERF_COUNT_SW, PERF_TYPE, type PerfEventAttr } from '../../uapi/perf-event.ts';
import { BPF_PROG_TYPE as T } from '../../uapi/prog-types.ts';
import { type Restore, saveAll, type Saved } from '../mem/saved.ts';
import type { PerfIdentity, PerfSource } from '../object/perf-event.ts';
import type { StructView } from '../world/struct-view.ts';
import type { Counted } from '../world/trace/counters.ts';
import type { Counter } from '../world/trace/counter.ts';
import type { AttachEnv } from './env.ts';
import type { Lacking } from './perf-event.ts';

/** kernel.perf_event_max_sample_rate, as it is by default. */
const MAX_SAMPLE_RATE = 100_000n;
const CLOCKS: readonly number[] = [PERF_COUNT_SW.PERF_COUNT_SW_CPU_CLOCK, PERF_COUNT_SW.PERF_COUNT_SW_TASK_CLOCK];
const HARDWARE: Readonly<Record<number, string>> = {
  [PERF_TYPE.PERF_TYPE_HARDWARE]: 'hardware',
  [PERF_TYPE.PERF_TYPE_HW_CACHE]: 'cache',
  [PERF_TYPE.PERF_TYPE_RAW]: 'raw',
};

/** Whether the numbers that say how often there is a sample are none that the kernel takes. */
export const isBadRate = ({ sample_freq = 0n, sample_period = 0n }: PerfEventAttr): boolean =>
  sample_freq > MAX_SAMPLE_RATE || BigInt.asIntN(64, sample_period) < 0n;

/** The source of an event that counts: -errno, or what this kernel lacks for it. */
export function countingSource(env: AttachEnv, attr: PerfEventAttr): PerfSource | number | Lacking {
  const { type, config = 0n, sample_period: period = 0n, sample_freq: frequency = 0n, pid = -1, cpu = 0 } = attr;
  const { perf } = env.trace;
  const software = type === PERF_TYPE.PERF_TYPE_SOFTWARE;
  const kind = software ? 'software' : HARDWARE[type];
  if (kind === undefined) return { lacking: `perf events of type ${type}` };
  const known = Object.values(PERF_COUNT_SW).includes(Number(config) as 0);
  if (software && !known) return -ERRNO.ENOENT;
  if (pid >= 0) return { lacking: 'counters of one process' };
  if (cpu !== env.cpu) return { lacking: `counters of CPU ${cpu}, where nothing runs` };
  const identity = identityOf(software, type, Number(config));
  const counted: Counted = { what: `${kind}:${config}`, period, frequency };
  if (!software) {
    const counter = perf.declared(counted, cpu);
    return counter === undefined ? -ERRNO.ENOENT : { ...sampling(env, counter), identity };
  }
  if (CLOCKS.includes(Number(config))) return { ...sampling(env, perf.clock(counted, cpu)), identity };
  if (frequency !== 0n) return { lacking: 'frequencies of what the kernel counts' };
  return { ...sampling(env, perf.event(counted)), identity };
}

/** Units of their own stand behind the clocks: they have the first numbers beyond the types. */
const CLOCK_TYPES: Readonly<Record<number, number>> = {
  [PERF_COUNT_SW.PERF_COUNT_SW_CPU_CLOCK]: 6,
  [PERF_COUNT_SW.PERF_COUNT_SW_TASK_CLOCK]: 7,
};

const identityOf = (software: boolean, type: number, config: number): PerfIdentity => ({
  ...{ kind: 'event', name: '', config: BigInt(config) },
  type: software ? (CLOCK_TYPES[config] ?? type) : type,
});

function sampling(env: AttachEnv, counter: Counter): PerfSource {
  const sample = new Sample(env, counter);
  return {
    samples: true,
    accepts: ({ verified }) => (verified.progType === T.BPF_PROG_TYPE_PERF_EVENT ? 0 : -ERRNO.EINVAL),
    attach: (run) =>
      counter.attach((address) => {
        // A sample within a run at a probe or event is not taken, and its program counts it as missed.
        run(env.gate.active ? 0 : sample.take(address));
      }),
    end() {
      counter.close();
      sample[Symbol.dispose]();
    },
    save: () => saveAll([counter, sample]),
  };
}

/** What programs see of samples: structs in guest memory, made at the first one and filled at each. */
class Sample implements Disposable, Saved {
  readonly #env: AttachEnv;
  readonly #counter: Counter;
  #made:
    | { readonly ctx: StructView; readonly event: StructView; readonly data: StructView; readonly regs: StructView }
    | undefined;

  constructor(env: AttachEnv, counter: Counter) {
    this.#env = env;
    this.#counter = counter;
  }

  /** Guest address of the context of one sample. */
  take(address: bigint): number {
    const { ctx, event, data, regs } = (this.#made ??= this.#make());
    const { count, time } = this.#counter.read();
    event.set({ count: counterOf(count), total_time_enabled: time, total_time_running: time });
    data.set({ period: this.#counter.period, addr: address });
    this.#env.mem.u8.fill(0, regs.addr, regs.addr + regs.size);
    regs.set(this.#env.trace.perf.interrupted?.() ?? {});
    return ctx.addr;
  }

  #make() {
    const { structs } = this.#env.trace;
    const event = structs.make('perf_event');
    const data = structs.make('perf_sample_data');
    const regs = structs.make('pt_regs');
    const ctx = structs.make('bpf_perf_event_data_kern', { regs, data, event });
    return { ctx, event, data, regs };
  }

  save(): Restore {
    const made = this.#made;
    return () => {
      this.#made = made;
    };
  }

  [Symbol.dispose](): void {
    for (const view of Object.values(this.#made ?? {})) view[Symbol.dispose]();
    this.#made = undefined;
  }
}

/** A local64_t. */
const counterOf = (value: bigint) => ({ a: { a: { counter: value } } });
