/** Random BTF: types behind chains of typedefs and modifiers, structs with special fields, everything that may be wrapped is. */
import { BtfBuilder } from '../../../src/btf/encode.ts';
import type { BtfMember } from '../../../src/btf/types.ts';
import type { Rng } from '../differential/rng.ts';

/** A type with what a struct needs to lay it out. */
export interface Sized {
  readonly id: number;
  readonly size: number;
  readonly align: number;
}

/** Structs that are special fields by their name: size and how much each word of them takes. */
const SPECIAL: Readonly<Record<string, readonly [size: number, word: 4 | 8]>> = {
  bpf_spin_lock: [4, 4],
  bpf_res_spin_lock: [4, 4],
  bpf_refcount: [4, 4],
  bpf_timer: [16, 8],
  bpf_wq: [16, 8],
  bpf_task_work: [8, 8],
  bpf_list_node: [24, 8],
  bpf_rb_node: [32, 8],
  bpf_list_head: [16, 8],
  bpf_rb_root: [16, 8],
};
const SPECIAL_NAMES = Object.keys(SPECIAL);
const LOCKS = ['bpf_spin_lock', 'bpf_res_spin_lock'];
const KPTR_TAGS = ['kptr', 'kptr', 'kptr', 'kptr_untrusted', 'percpu_kptr', 'uptr', 'rcu', 'user', 'percpu', 'mine'];
const KERNEL_STRUCTS = ['task_struct', 'cgroup', 'bpf_cpumask', 'sk_buff', 'prog_test_member'];

/** Percent of types that stand behind a chain. */
const WRAPPED = 45;

export class Types {
  readonly b = new BtfBuilder();
  readonly int: Sized;
  readonly u64: Sized;
  readonly #named = new Map<string, Sized>();
  #names = 0;

  constructor(readonly rng: Rng) {
    this.int = { id: this.b.int('int', 4, 1), size: 4, align: 4 };
    this.u64 = { id: this.b.int('unsigned long', 8), size: 8, align: 8 };
  }

  name(stem: string): string {
    return `${stem}${this.#names++}`;
  }

  /** `of` behind modifiers and typedefs, outermost type tags; rarely in an order or of a length that the kernel refuses. */
  chain(of: number, tags = 30): number {
    const { rng, b } = this;
    const length = rng.weighted([
      [30, 1],
      [30, 2],
      [20, 3],
      [15, rng.between(4, 9)],
      [1, rng.between(25, 36)],
    ]);
    let id = of;
    for (let i = 0; i < length; i++) id = this.#modifier(id);
    if (!rng.chance(tags)) return id;
    id = b.typeTag(rng.pick(KPTR_TAGS), id, rng.chance(10));
    if (rng.chance(20)) id = b.typeTag(rng.pick(KPTR_TAGS), id, rng.chance(10));
    return rng.chance(6) ? this.#modifier(id) : id;
  }

  /** `of` itself or behind a chain. */
  maybe(of: number, percent = WRAPPED, tags = 15): number {
    return this.rng.chance(percent) ? this.chain(of, tags) : of;
  }

  #modifier(of: number): number {
    const { rng, b } = this;
    switch (rng.below(5)) {
      case 0:
        return b.const(of);
      case 1:
        return b.volatile(of);
      case 2:
        return b.restrict(of);
      default:
        return b.typedef(this.name('t'), of);
    }
  }

  wrapped(of: Sized, percent = WRAPPED): Sized {
    return { ...of, id: this.maybe(of.id, percent) };
  }

  /** A struct or union of members one behind the other; `contains:` tags follow the roots among them. */
  struct(name: string, members: readonly Sized[], union = false): Sized {
    let end = 0;
    let align = 1;
    let size = 0;
    const laid: BtfMember[] = members.map((m) => {
      end = union ? 0 : Math.ceil(end / m.align) * m.align;
      align = Math.max(align, m.align);
      const bitOffset = end * 8;
      end += m.size;
      size = Math.max(size, end);
      return { name: this.name('m'), type: m.id, bitOffset, bitfieldSize: 0 };
    });
    size = Math.ceil(size / align) * align;
    const id = this.b.struct(name, size, laid, union);
    members.forEach((m, i) => {
      const contains = this.#contains.get(m);
      if (contains !== undefined) this.b.declTag(contains, id, i);
      if (contains !== undefined && this.rng.chance(4)) this.b.declTag(contains, id, i);
    });
    return { id, size, align };
  }

  readonly #contains = new Map<Sized, string>();

  /** One of the structs that are special by name; now and then a fake of it. */
  special(name: string): Sized {
    const known = this.#named.get(name);
    if (known !== undefined && this.rng.chance(90)) return known;
    const { rng, b } = this;
    const [usual, word] = SPECIAL[name];
    const size = rng.chance(3) ? usual + word : usual;
    const member = word === 4 ? this.int : this.u64;
    const members = Array.from({ length: size / word }, () => ({ ...member, id: this.maybe(member.id, 20) }));
    const fake = rng.below(50);
    let made = this.struct(fake === 0 ? '' : name, members, fake === 1);
    if (fake === 0) made = { ...made, id: b.typedef(name, made.id) };
    this.#named.set(name, made);
    return made;
  }

  /** The node types that `contains:` tags name. */
  node(name: string): void {
    const { rng } = this;
    const fields = [this.wrapped(this.special('bpf_list_node'), 25), this.wrapped(this.special('bpf_rb_node'), 25)];
    const members = rng.chance(50) ? fields : [fields[rng.below(2)]];
    if (rng.chance(60)) members.push(this.wrapped(this.special('bpf_refcount'), 15));
    if (rng.chance(50)) members.unshift(this.wrapped(this.u64));
    const first = this.#names;
    const { id, size, align } = this.struct(name, members);
    const names = members.map((_, i) => `m${first + i}`);
    this.#nodes.set(name, names);
    this.#named.set(name, { id, size, align });
    if (rng.chance(20)) this.b.typedef(name, id);
  }
  readonly #nodes = new Map<string, string[]>();

  #root(name: string): Sized {
    const { rng } = this;
    const root = { ...this.wrapped(this.special(name), 30) };
    const nodes = [...this.#nodes];
    const [type, members] = nodes.length === 0 || rng.chance(5) ? ['absent', ['m']] : rng.pick(nodes);
    const tag = rng.weighted([
      [90, `contains:${type}:${rng.pick(members)}`],
      [3, `contains:${type}`],
      [3, `contains:${type}:`],
      [3, 'other'],
    ]);
    if (rng.chance(95)) this.#contains.set(root, tag);
    return root;
  }

  /** `struct x __kptr *`, and much that looks like it. */
  kptr(): Sized {
    const { rng, b } = this;
    const local = this.#named.get('node0');
    let target = rng.weighted([
      [60, () => this.#forKernel(rng.pick(KERNEL_STRUCTS))],
      [20, () => local?.id ?? this.int.id],
      [10, () => this.int.id],
      [5, () => b.fwd(this.name('f'))],
      [5, () => 0],
    ])();
    target = this.maybe(target, 30, 0);
    if (rng.chance(85)) target = b.typeTag(rng.pick(KPTR_TAGS), target, rng.chance(4));
    if (rng.chance(8)) target = b.typeTag(rng.pick(KPTR_TAGS), target, rng.chance(20));
    if (rng.chance(6)) target = this.#modifier(target);
    let pointer = b.ptr(target);
    if (rng.chance(15)) pointer = b.volatile(pointer);
    else pointer = this.maybe(pointer, 15, 10);
    return { id: pointer, size: 8, align: 8 };
  }

  #forKernel(name: string): number {
    const known = this.#named.get(name);
    if (known !== undefined) return known.id;
    const made = this.struct(name, [this.int]);
    this.#named.set(name, made);
    return made.id;
  }

  array(of: Sized): Sized {
    const { rng, b } = this;
    const n = rng.weighted([
      [30, 1],
      [40, 2],
      [20, 3],
      [10, 0],
    ]);
    const id = b.array(of.id, this.maybe(this.int.id, 20, 5), n);
    return { id, size: of.size * n, align: of.align };
  }

  number(): Sized {
    const { rng } = this;
    return rng.chance(50) ? this.int : this.u64;
  }

  /** A member of any kind. */
  member(depth: number): Sized {
    const { rng } = this;
    const inner = rng.weighted<() => Sized>([
      [25, () => this.special(rng.pick(SPECIAL_NAMES.slice(0, 8)))],
      [12, () => this.#root(rng.pick(SPECIAL_NAMES.slice(8)))],
      [20, () => this.kptr()],
      [25, () => this.number()],
      [depth > 0 ? 15 : 0, () => this.aggregate(depth - 1)],
      [depth > 0 ? 4 : 0, () => this.aggregate(depth - 1, true)],
      [depth > 0 ? 18 : 0, () => this.array(this.wrapped(this.member(depth - 1), 20))],
    ])();
    // The tags of a root belong to its member, not to its type.
    return this.#contains.has(inner) || rng.chance(70) ? inner : this.wrapped(inner, 60);
  }

  aggregate(depth: number, union = false): Sized {
    const { rng } = this;
    const members = Array.from({ length: rng.between(1, 3) }, () => this.member(depth));
    return this.struct(rng.chance(15) ? '' : this.name('s'), members, union);
  }

  /** What a map may hold: most often with a lock, so that graph roots have a chance. */
  value(): Sized {
    const { rng } = this;
    const nodes = rng.below(3);
    for (let i = 0; i < nodes; i++) this.node(`node${i}`);
    const members = Array.from({ length: rng.between(1, 4) }, () => this.member(2));
    if (rng.chance(50)) members.splice(rng.below(members.length), 0, this.special(rng.pick(LOCKS)));
    return this.struct(this.name('value'), members, rng.chance(3));
  }

  named(name: string): Sized | undefined {
    return this.#named.get(name);
  }
}
