/**
 * Programs whose callbacks write a bad offset in one turn and use it in a later one, in endless variations: which helper calls back,
 * how deep, where the cell lies that carries the offset, how it gets there, what else stands between. Each has a safe twin.
 */
import type { Rng } from '../differential/rng.ts';

/** What makes the twin safe: the offset is checked, forgotten, or used for nothing that has bounds. */
export const GUARDS = ['check', 'reset', 'unused'] as const;
export type Guard = (typeof GUARDS)[number];

export interface Variant {
  /** Assembly of test/verifier/programs. */
  readonly body: string;
  /** Prototypes of its functions, as C. */
  readonly c: string;
  readonly prog: 'xdp' | 'kprobe';
  readonly flags: number;
}

type Helper = 'loop' | 'each' | 'vma' | 'drain';
type Use = 'map' | 'stack' | 'branch' | 'size';

/** By helper: the register of the callback that holds the context, and how the call is written. */
const HELPERS: Readonly<Record<Helper, { ctx: number; call: (cb: string, ctx: string, turns: string) => string[] }>> = {
  loop: {
    ctx: 2,
    call: (cb, ctx, turns) => [`r1 = ${turns}`, `r2 = func[${cb}]`, `r3 = ${ctx}`, 'r4 = 0', 'call bpf_loop'],
  },
  each: {
    ctx: 4,
    call: (cb, ctx) => ['r1 = map[h]', `r2 = func[${cb}]`, `r3 = ${ctx}`, 'r4 = 0', 'call bpf_for_each_map_elem'],
  },
  vma: {
    ctx: 3,
    call: (cb, ctx) => [
      ...['call bpf_get_current_task_btf', 'r1 = r0', 'r2 = 4096', `r3 = func[${cb}]`, `r4 = ${ctx}`],
      ...['r5 = 0', 'call bpf_find_vma'],
    ],
  },
  drain: {
    ctx: 2,
    call: (cb, ctx) => ['r1 = map[u]', `r2 = func[${cb}]`, `r3 = ${ctx}`, 'r4 = 0', 'call bpf_user_ringbuf_drain'],
  },
};

/** The value of map t, and what its tree holds. */
const TREE_TYPES =
  'struct leaf { struct bpf_rb_node node; u64 key; }; ' +
  'struct tree { struct bpf_spin_lock lock; struct bpf_rb_root root __contains(leaf, node); };';
/** Which of two nodes comes first. */
const LESS = [
  ...['less:', 'r1 = *(u64 *)(r1 +32)', 'r2 = *(u64 *)(r2 +32)', 'r0 = 1'],
  ...['if r1 < r2 goto lesser', 'r0 = 0', 'lesser:', 'exit'],
];

/** The argument that makes it the comparison of a tree. */
const COMPARES = 'r3 = func[less]';

/** Bytes that the context pointer may be below the frame pointer of the cells' owner. */
const DISTANCES = [0, 0, 0, -8, -16, -48];
const BAD = 4096;
/** Slots of a callback's own frame: a copy of the offset, an iterator, a buffer. */
const COPY = -8;
const ITER = -16;
const ROOM = -96;

export interface VariantOptions {
  /** Only an XDP program and helpers whose maps are common. */
  readonly common?: boolean;
  /** Open-coded iterators around some steps; by default, yes. */
  readonly iterators?: boolean;
}

/** The variant of a seed; with a guard its safe twin, which is the same but for that. */
export function callbackVariant(rng: Rng, guard?: Guard, options: VariantOptions = {}): Variant {
  return new Writer(rng, guard, options).write();
}

class Writer {
  readonly #rng: Rng;
  readonly #guard: Guard | undefined;
  readonly #levels: number;
  readonly #helpers: readonly Helper[];
  readonly #use: Use;
  readonly #kprobe: boolean;
  readonly #iterators: boolean;
  /** How many cells the offset passes through; the first is the one that is used. */
  readonly #cells: readonly number[];
  readonly #distance: number;
  /** The cells lie in the frame that calls the first callback: main, or a function that it calls. */
  readonly #inner: boolean;
  readonly #width: 'u64' | 'u32' | 'u16';
  /** Some functions also add a node to a tree, which calls back to compare. */
  readonly #trees: boolean;
  #labels = 0;
  /** Code that the function being written jumps to, behind its exit. */
  #aside: string[] = [];

  constructor(rng: Rng, guard: Guard | undefined, options: VariantOptions) {
    this.#rng = rng;
    this.#guard = guard;
    this.#levels = rng.weighted([
      [4, 1],
      [4, 2],
      [2, 3],
    ]);
    this.#kprobe = rng.chance(30) && options.common !== true;
    this.#iterators = options.iterators ?? true;
    const offered: Helper[] = this.#kprobe ? ['loop', 'each', 'vma', 'drain'] : ['loop', 'loop', 'each', 'drain'];
    if (options.common === true) offered.length = 3;
    this.#helpers = Array.from({ length: this.#levels }, () => rng.pick(offered));
    this.#use = rng.pick(['map', 'map', 'stack', 'branch', 'size'] as const);
    const slots = shuffled(rng, [1, 2, 3, 4, 5, 6]);
    const count = rng.weighted([
      [6, 1],
      [3, 2],
      [1, 3],
    ]);
    this.#cells = slots.slice(0, count).map((s) => s * -8);
    this.#distance = rng.pick(DISTANCES);
    this.#inner = rng.chance(20);
    this.#width = rng.weighted([
      [8, 'u64'],
      [1, 'u32'],
      [1, 'u16'],
    ]);
    this.#trees = options.common !== true && !this.#kprobe && rng.chance(20);
  }

  write(): Variant {
    const rng = this.#rng;
    const flags = rng.chance(50) ? 8 : 0;
    const body = [...this.#main(), ...this.#callbacks()];
    // A function that nobody calls makes the program malformed.
    const compares = body.includes(COMPARES);
    if (compares) body.push(...LESS);
    const statics = [
      'sub(u64 a)',
      ...this.#helpers.map((_, i) => `cb${i}(u64 a)`),
      ...(compares ? ['less(u64 a)'] : []),
    ];
    const functions = statics.slice(this.#inner ? 0 : 1).map((f) => `static int ${f};`);
    const c = [...(this.#trees ? [TREE_TYPES] : []), 'int main(u64 a);', ...functions].join(' ');
    return { body: body.join('\n'), c, prog: this.#kprobe ? 'kprobe' : 'xdp', flags };
  }

  #main(): string[] {
    const owner = [...this.#cellInit(), ...this.#pad(), ...this.#call(0), ...this.#pad()];
    if (this.#rng.chance(25)) owner.push(...this.#call(0), ...this.#pad());
    if (this.#rng.chance(25)) owner.push('r9 = r10', `r9 += ${this.#distance}`, ...this.#load(0, 6), ...this.#used());
    const end = ['r0 = 0', 'exit', ...this.#takeAside()];
    if (!this.#inner) return [...owner, ...end];
    return [...this.#pad(), 'r1 = 0', 'call sub', 'r0 = 0', 'exit', 'sub:', ...owner, ...end];
  }

  #cellInit(): string[] {
    const good = this.#use === 'branch' ? 0 : this.#rng.pick([0, 8, 16]);
    return this.#cells.flatMap((off) =>
      this.#rng.chance(50) ? [`*(u64 *)(r10 ${off}) = ${good}`] : [`r1 = ${good}`, `*(u64 *)(r10 ${off}) = r1`],
    );
  }

  /** The call at the given depth: what runs callback `level`. */
  #call(level: number): string[] {
    const { call } = HELPERS[this.#helpers[level]];
    const turns = level === 0 ? this.#rng.pick(['1000', '8000', '100']) : this.#rng.pick(['3', '5', '1000']);
    const ctx = level === 0 ? 'r10' : 'r9';
    const lines = call(`cb${level}`, ctx, turns);
    if (level > 0 || this.#distance === 0) return lines;
    const at = lines.findIndex((l) => l.endsWith('= r10'));
    const reg = lines[at].slice(0, 2);
    return [...lines.slice(0, at + 1), `${reg} += ${this.#distance}`, ...lines.slice(at + 1)];
  }

  #callbacks(): string[] {
    const rng = this.#rng;
    // What must happen for the bad offset to be used, each step in one of the callbacks.
    const steps: (() => string[])[][] = this.#helpers.map(() => []);
    const put = (step: () => string[]): void => void rng.pick(steps).push(step);
    put(() => this.#use6(rng.chance(50)));
    put(() => this.#spoil());
    for (let i = 1; i < this.#cells.length; i++) put(() => [...this.#load(i, 1), ...this.#store(i - 1, 'r1')]);
    if (rng.chance(30)) put(() => this.#store(0, '0'));
    if (rng.chance(30)) put(() => this.#use6(rng.chance(50)));
    return this.#helpers.flatMap((_, level) => this.#callback(level, steps[level]));
  }

  #callback(level: number, steps: (() => string[])[]): string[] {
    const rng = this.#rng;
    const ctx = HELPERS[this.#helpers[level]].ctx;
    const parts: string[][] = steps.map((step) => this.#sometimes(step));
    if (level + 1 < this.#levels)
      parts.push(rng.chance(70) ? this.#call(level + 1) : this.#sometimes(() => this.#call(level + 1)));
    if (this.#trees && rng.chance(60)) parts.push(this.#addNode());
    const body = shuffled(rng, parts).flatMap((p) => [...p, ...this.#pad()]);
    // The use may look at the cell as it was when the turn began.
    const early = [...this.#load(0, 6), ...this.#pad()];
    return [`cb${level}:`, `r9 = r${ctx}`, ...early, ...body, 'r0 = 0', 'exit', ...this.#takeAside()];
  }

  /** A step that is taken in some turns: aside, skipped, or inside of a loop. */
  #sometimes(step: () => string[]): string[] {
    const rng = this.#rng;
    const lines = step();
    const label = this.#label();
    const draw = ['call bpf_get_prandom_u32', ...(rng.chance(30) ? this.#pad() : [])];
    const limit = rng.pick([9, 0, 1000]);
    if (rng.chance(15) && this.#iterators) return this.#iterated(lines);
    if (rng.chance(50)) {
      this.#aside.push(`${label}:`, ...lines, `goto ${label}b`);
      return [...draw, `if r0 > ${limit} goto ${label}`, `${label}b:`];
    }
    return [...draw, `if r0 <= ${limit} goto ${label}`, ...lines, `${label}:`];
  }

  /** The step in an open-coded loop of up to three turns. */
  #iterated(lines: readonly string[]): string[] {
    const label = this.#label();
    const it = ['r1 = r10', `r1 += ${ITER}`];
    return [
      ...[...it, 'r2 = 0', 'r3 = 3', 'call @bpf_iter_num_new', `${label}:`, ...it, 'call @bpf_iter_num_next'],
      ...[`if r0 == 0 goto ${label}b`, ...lines, `goto ${label}`, `${label}b:`, ...it, 'call @bpf_iter_num_destroy'],
    ];
  }

  /** Uses what the turn read first, or what the cell holds now; perhaps by way of a copy on the own stack. */
  #use6(now: boolean): string[] {
    const copied = this.#rng.chance(30) ? [`*(u64 *)(r10 ${COPY}) = r6`, 'r6 = 0', `r6 = *(u64 *)(r10 ${COPY})`] : [];
    return [...(now ? this.#load(0, 6) : []), ...copied, ...this.#used()];
  }

  /** The access that r6 decides about. */
  #used(): string[] {
    const label = this.#label();
    const guard = this.#guard;
    if (guard === 'unused') return ['r1 = map[m][0]', '*(u64 *)(r1 +8) = r6'];
    const before = guard === 'check' ? [`if r6 > 40 goto ${label}`] : guard === 'reset' ? ['r6 = 0'] : [];
    const after = [`${label}:`];
    switch (this.#use) {
      case 'map':
        return [...before, 'r1 = map[m][0]', 'r1 += r6', '*(u64 *)(r1 +0) = 42', ...after];
      case 'stack':
        return [...before, 'r1 = r10', 'r1 += r6', `*(u8 *)(r1 ${ROOM}) = 42`, ...after];
      case 'size':
        return [...before, ...this.#sized(), ...after];
      case 'branch':
        // A decided branch: what lies behind it is believed dead.
        return [
          `if r6 == 0 goto ${label}`,
          'r1 = map[m][0]',
          `*(u64 *)(r1 +${guard === undefined ? BAD : 8}) = 42`,
          ...after,
        ];
    }
  }

  /** A helper with a buffer on the stack and r6 as its size. */
  #sized(): string[] {
    const buffer = (r: number): string[] => [`r${r} = r10`, `r${r} += ${ROOM}`];
    if (this.#kprobe) return [...buffer(1), 'r2 = r6', 'r3 = 0', 'call bpf_probe_read_kernel'];
    const zeros = Array.from({ length: 6 }, (_, i) => `*(u64 *)(r10 ${ROOM + i * 8}) = 0`);
    return [...zeros, 'r1 = 0', 'r2 = 0', ...buffer(3), 'r6 &= -4', 'r4 = r6', 'r5 = 0', 'call bpf_csum_diff'];
  }

  /** The last cell gets an offset that is out of all bounds, at once or by and by. */
  #spoil(): string[] {
    const last = this.#cells.length - 1;
    switch (this.#rng.pick(['imm', 'imm', 'reg', 'unknown', 'grow'] as const)) {
      case 'imm':
        return this.#store(last, String(BAD));
      case 'reg':
        return [`r7 = ${BAD}`, ...this.#pad(), ...this.#store(last, 'r7')];
      case 'unknown':
        return ['call bpf_get_prandom_u32', ...this.#store(last, 'r0')];
      case 'grow':
        return [...this.#load(last, 8), 'r8 += 8', ...this.#store(last, 'r8')];
    }
  }

  #cell(i: number): string {
    const off = this.#cells[i] - this.#distance;
    return `(r9 ${off < 0 ? off : `+${off}`})`;
  }

  #load(i: number, reg: number): string[] {
    return [`r${reg} = *(${this.#width} *)${this.#cell(i)}`];
  }

  #store(i: number, what: string): string[] {
    return [`*(u64 *)${this.#cell(i)} = ${what}`];
  }

  /** Dead branches and short loops, which shift where states are remembered. */
  #pad(): string[] {
    const rng = this.#rng;
    if (rng.chance(50)) return [];
    if (rng.chance(10)) {
      const label = this.#label();
      return ['r5 = 0', `${label}:`, 'r5 += 1', `if r5 < ${rng.between(2, 4)} goto ${label}`];
    }
    const lines = ['r5 = 1'];
    for (let n = rng.between(1, 12); n > 0; n--) lines.push(rng.chance(40) ? `if r5 == ${n + 1} goto +0` : 'r5 = 1');
    return lines;
  }

  /** A new node for the tree of map t: the comparison is a callback as well, under the lock. */
  #addNode(): string[] {
    const label = this.#label();
    return [
      ...['r1 = local(leaf)', 'r2 = 0', 'call @bpf_obj_new_impl', `if r0 == 0 goto ${label}`, 'r7 = r0'],
      ...['r1 = map[t][0]', 'call bpf_spin_lock', 'r1 = map[t][0]', 'r1 += 8', 'r2 = r7', COMPARES],
      ...['r4 = 0', 'r5 = 0', 'call @bpf_rbtree_add_impl', 'r1 = map[t][0]', 'call bpf_spin_unlock', `${label}:`],
    ];
  }

  #label(): string {
    return `l${this.#labels++}`;
  }

  #takeAside(): string[] {
    const lines = this.#aside;
    this.#aside = [];
    return lines;
  }
}

function shuffled<T>(rng: Rng, of: readonly T[]): T[] {
  const out = [...of];
  for (let i = out.length - 1; i > 0; i--) {
    const j = rng.below(i + 1);
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}
