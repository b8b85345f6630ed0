/** Timing one program on all engines in turns: warmed up, compared, then sampled. */
import type { PacketRunner, PreparedPackets } from '../../uapi/embedded.ts';
import type { Runtime } from '../../kernel/boot/runtime.ts';
import type { Collection } from '../../lib/collection.ts';
import { progTypeName } from '../shell/names.ts';
import type { Session } from '../session/session.ts';

export const ENGINES = ['interp', 'jit', 'batch', 'kernel'] as const;
export type EngineName = (typeof ENGINES)[number];

/** Nanoseconds a packet. */
export interface Times {
  readonly min: number;
  readonly median: number;
}
export interface Measured {
  readonly name: string;
  readonly type: string;
  /** The engine of the JIT's column: the interpreter stands in for programs that the JIT refuses. */
  readonly engine: 'jit' | 'interp';
  readonly ns: Partial<Record<EngineName, Times>>;
  readonly packetsPerSecond: Partial<Record<EngineName, number>>;
  /** Times of each engine over the kernel's. */
  readonly overKernel?: Partial<Record<EngineName, number>>;
  /** Whether all engines returned the same for every packet, and how many the kernel was asked about. */
  readonly equal: boolean;
  readonly askedKernel: number;
}
/** A session with the embedded kernel. */
export type Embedded = Session & { readonly runtime: Runtime };

export interface Engines extends Disposable {
  readonly interp: Embedded;
  readonly jit: Embedded;
  readonly kernel: Session | undefined;
  readonly facts: { readonly kernel: string };
}

/** A test run of the real kernel takes some milliseconds whatever the packet: so many are compared, and so many timed. */
const COMPARED = 64;
const TIMED = 4;
/** Packets that fit one page of the real kernel's test runs. */
const KERNEL_PACKET = 3500;
/** Packets of a batch at least. */
const LEAST_BATCH = 256;
const SAMPLE_MS = 5;
const WARM_MS = 120;
const WARM_CALLS = 20_000;

interface Sampler {
  readonly name: EngineName;
  /** Runs about `n` packets: how many it were, and nanoseconds spent. */
  sample(n: number): { packets: number; ns: number };
}

export class Bench implements Disposable {
  readonly #interp: PacketRunner;
  readonly #jit: PacketRunner;
  readonly #prepared: PreparedPackets;
  /** The capture, as often as makes a batch worth its call. */
  readonly packets: readonly Uint8Array[];
  /** Packets of the capture itself. */
  readonly distinct: number;
  readonly #engine: 'jit' | 'interp';

  constructor(
    readonly key: string,
    engines: Engines,
    readonly loaded: { interp: Collection; jit: Collection; kernel: Collection | undefined },
    given: readonly Uint8Array[],
  ) {
    this.distinct = given.length;
    const copies = Math.ceil(LEAST_BATCH / given.length);
    this.packets = Array.from({ length: copies }, () => given).flat();
    const jit = loaded.jit.program(key);
    this.#engine = jit.embedded?.engine ?? 'interp';
    this.#interp = loaded.interp.program(key).runner();
    this.#jit = jit.runner();
    this.#prepared = this.#jit.prepare(this.packets);
  }

  measure(rounds: number, progress: (text: string) => void): Measured {
    const asked = this.#forKernel();
    progress(`${this.key}: comparing`);
    const equal = this.#compare(asked);
    const samplers = [this.#oneByOne('interp', this.#interp), this.#oneByOne('jit', this.#jit), this.#batch()];
    if (this.loaded.kernel && asked.length > 0) samplers.push(this.#kernel(this.loaded.kernel, asked.slice(0, TIMED)));
    progress(`${this.key}: warming up`);
    const counts = samplers.map(warmUp);
    const samples = samplers.map((): number[] => []);
    for (let round = 0; round < rounds; round++) {
      progress(`${this.key}: round ${round + 1} of ${rounds}`);
      samplers.forEach((s, k) => {
        const { packets, ns } = s.sample(counts[k]);
        samples[k].push(ns / packets);
      });
    }
    progress('');
    const ns: Partial<Record<EngineName, Times>> = {};
    samplers.forEach(({ name }, k) => {
      samples[k].sort((a, b) => a - b);
      ns[name] = { min: round2(samples[k][0]), median: round2(samples[k][rounds >> 1]) };
    });
    const { kernel } = ns;
    return {
      name: this.key,
      type: progTypeName(this.loaded.jit.program(this.key).spec.type),
      engine: this.#engine,
      ns,
      packetsPerSecond: mapTimes(ns, (t) => Math.round(1e9 / t.min)),
      ...(kernel && kernel.min > 0 ? { overKernel: mapTimes(ns, (t) => round2(t.min / kernel.min)) } : {}),
      equal,
      askedKernel: asked.length,
    };
  }

  /** The first packets, up to one that the real kernel's test runs do not take: state depends on all that came before. */
  #forKernel(): readonly Uint8Array[] {
    if (this.loaded.kernel === undefined) return [];
    const first = this.packets.slice(0, Math.min(COMPARED, this.distinct));
    const long = first.findIndex((p) => p.length > KERNEL_PACKET);
    return long < 0 ? first : first.slice(0, long);
  }

  /** Runs the packets in order on every engine, maps starting as the object has them. */
  #compare(asked: readonly Uint8Array[]): boolean {
    const expected = this.packets.map((p) => this.#interp.run(p));
    this.#prepared.run();
    const same = expected.every((verdict, k) => verdict === this.#prepared.verdicts[k]);
    const program = this.loaded.kernel?.program(this.key);
    return same && asked.every((data, k) => program?.testRun({ data }).retval === expected[k]);
  }

  /** A loop of its own for each program, so that its call site stays monomorphic. */
  #oneByOne(name: EngineName, runner: PacketRunner): Sampler {
    const source = `/* ${JSON.stringify(name)} ${unique()} */ for (let i = 0; i < n; i++) runner.run(packets[i % packets.length]);`;
    const loop = new Function('runner', 'packets', 'n', source) as (r: PacketRunner, p: unknown, n: number) => void;
    return {
      name,
      sample: (n) => {
        const started = performance.now();
        loop(runner, this.packets, n);
        return { packets: n, ns: (performance.now() - started) * 1e6 };
      },
    };
  }

  /** Whole passes; packets are put back in between, off the clock. */
  #batch(): Sampler {
    const prepared = this.#prepared;
    return {
      name: 'batch',
      sample: (n) => {
        let ns = 0;
        let packets = 0;
        do {
          prepared.reset();
          const started = performance.now();
          prepared.run();
          ns += (performance.now() - started) * 1e6;
          packets += prepared.length;
        } while (packets < n);
        return { packets, ns };
      },
    };
  }

  #kernel(kernel: Collection, timed: readonly Uint8Array[]): Sampler {
    const program = kernel.program(this.key);
    return {
      name: 'kernel',
      sample(n) {
        const repeat = Math.max(1, Math.ceil(n / timed.length));
        // The kernel's duration is a mean in whole nanoseconds.
        const ns = timed.reduce((sum, data) => sum + program.testRun({ data, repeat }).durationNs * repeat, 0);
        return { packets: repeat * timed.length, ns };
      },
    };
  }

  [Symbol.dispose](): void {
    this.#prepared[Symbol.dispose]();
    this.#jit[Symbol.dispose]();
    this.#interp[Symbol.dispose]();
  }
}

/** Runs until the optimising compiler had its chance; gives the packets of a sample. */
function warmUp(s: Sampler): number {
  if (s.name === 'kernel') {
    const { packets, ns } = s.sample(4000);
    return clampCount((SAMPLE_MS * 1e6 * packets) / Math.max(1, ns));
  }
  let n = 16;
  let spent = 0;
  let calls = 0;
  let each = 1;
  while (spent < WARM_MS * 1e6 && (calls < WARM_CALLS || spent < (WARM_MS * 1e6) / 4)) {
    const { packets, ns } = s.sample(n);
    spent += ns;
    calls += packets;
    each = Math.max(0.1, ns / packets);
    if (ns < SAMPLE_MS * 1e6) n *= 2;
  }
  return clampCount((SAMPLE_MS * 1e6) / each);
}

const clampCount = (n: number): number => Math.max(1, Math.min(10_000_000, Math.ceil(n)));
const round2 = (n: number): number => Math.round(n * 100) / 100;
const unique = (): string => crypto.randomUUID();

function mapTimes(ns: Partial<Record<EngineName, Times>>, f: (t: Times) => number) {
  const entries = ENGINES.flatMap((name) => (ns[name] ? [[name, f(ns[name])] as const] : []));
  return Object.fromEntries(entries) as Partial<Record<EngineName, number>>;
}
