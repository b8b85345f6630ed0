/** Random prototypes: parameters and results of functions behind chains, tagged or not, called with what may not fit. */
import { BPF_PROG_TYPE as P } from '../../../src/uapi/prog-types.ts';
import type { Case, CaseProgram } from './cases.ts';
import type { Types } from './types.ts';

const PROG_TYPES: readonly number[] = [
  P.BPF_PROG_TYPE_SOCKET_FILTER,
  P.BPF_PROG_TYPE_KPROBE,
  P.BPF_PROG_TYPE_KPROBE,
  P.BPF_PROG_TYPE_SCHED_CLS,
  P.BPF_PROG_TYPE_SCHED_CLS,
  P.BPF_PROG_TYPE_TRACEPOINT,
  P.BPF_PROG_TYPE_XDP,
  P.BPF_PROG_TYPE_PERF_EVENT,
  P.BPF_PROG_TYPE_PERF_EVENT,
  P.BPF_PROG_TYPE_CGROUP_SKB,
  P.BPF_PROG_TYPE_CGROUP_SOCK,
  P.BPF_PROG_TYPE_SOCK_OPS,
  P.BPF_PROG_TYPE_SK_MSG,
  P.BPF_PROG_TYPE_RAW_TRACEPOINT,
  P.BPF_PROG_TYPE_CGROUP_DEVICE,
  P.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
  P.BPF_PROG_TYPE_CGROUP_SYSCTL,
  P.BPF_PROG_TYPE_SYSCALL,
  P.BPF_PROG_TYPE_SYSCALL,
];
const CONTEXTS = [
  '__sk_buff', 'sk_buff', 'xdp_md', 'xdp_buff', 'pt_regs', 'user_pt_regs', 'bpf_user_pt_regs_t', 'bpf_perf_event_data',
  'bpf_raw_tracepoint_args', 'bpf_sock', 'bpf_sock_ops', 'sk_msg_md', 'bpf_cgroup_dev_ctx', 'bpf_sysctl', 'bpf_nf_ctx',
]; // biome-ignore format: names
const TAGS = ['arg:ctx', 'arg:trusted', 'arg:untrusted', 'arg:nonnull', 'arg:nullable', 'arg:arena', 'arg:other', 'x'];

/**
 * Tags that make the kernel look for a type of its own by name. What it finds it remembers by the name alone, so that the
 * first kind that is asked for decides for later ones: here all types of one name are of one kind.
 */
const BY_NAME: readonly string[] = ['arg:trusted', 'arg:untrusted'];

/** What a parameter may point to. */
function target(t: Types): number {
  const { rng, b } = t;
  return rng.weighted<() => number>([
    [15, () => t.number().id],
    [10, () => t.struct(t.name('s'), [t.wrapped(t.int), t.wrapped(t.u64)], rng.chance(20)).id],
    [
      10,
      () => t.struct(rng.pick(['task_struct', 'bpf_dynptr', 'task_struct___flavour', 'cgroup', 'sock']), [t.int]).id,
    ],
    [6, () => t.array(t.wrapped(t.number())).id],
    [6, () => b.ptr(t.maybe(t.int.id))],
    [5, () => b.fwd(t.name('f'), rng.chance(20))],
    [5, () => b.enum(t.name('e'), 4, [{ name: t.name('E'), value: 0n }])],
    [3, () => b.float('float', 4)],
    [4, () => b.funcProto(t.int.id, [])],
    [6, () => 0],
  ])();
}

/** A context by name, as a struct, union, declaration or typedef of an anonymous or other one. */
function context(t: Types): number {
  const { rng, b } = t;
  const name = rng.pick(CONTEXTS);
  const own = t.struct(
    rng.weighted([
      [60, name],
      [20, ''],
      [20, rng.pick(CONTEXTS)],
    ]),
    [t.u64, t.u64],
    rng.chance(10),
  ).id;
  return rng.weighted<() => number>([
    [50, () => own],
    [12, () => b.fwd(name, rng.chance(10))],
    [28, () => b.typedef(name, t.maybe(own, 30))],
    [4, () => b.typedef(name, t.u64.id)],
    [6, () => b.array(own, t.int.id, rng.below(2))],
  ])();
}

/** A parameter's type, and what a caller might well pass. */
interface Parameter {
  readonly type: number;
  readonly caller: string;
  readonly tags: readonly string[];
}

function parameter(t: Types): Parameter {
  const { rng, b } = t;
  const enumeration = (): number => b.enum(t.name('e'), 4, [{ name: t.name('E'), value: 0n }]);
  const enum64 = (): number => b.enum64(t.name('l'), 8, [{ name: t.name('L'), value: 0n }]);
  const to = (id: number): number => t.maybe(b.ptr(t.maybe(id, 60, 10)), 40, 10);
  const made = rng.weighted<() => Omit<Parameter, 'tags'>>([
    [35, () => ({ type: to(context(t)), caller: CONTEXT })],
    [35, () => ({ type: to(target(t)), caller: STACK })],
    [15, () => ({ type: t.maybe(t.number().id, 60), caller: NUMBER })],
    [6, () => ({ type: t.maybe(enumeration(), 50), caller: NUMBER })],
    [5, () => ({ type: t.maybe(rng.chance(50) ? target(t) : context(t), 50), caller: NUMBER })],
    [2, () => ({ type: t.maybe(enum64(), 50), caller: NUMBER })],
  ])();
  const tags = made.caller === STACK ? TAGS : TAGS.filter((tag) => !BY_NAME.includes(tag));
  return { ...made, type: made.type || t.int.id, tags };
}

function result(t: Types): number {
  const { rng, b } = t;
  return rng.weighted<() => number>([
    [75, () => t.maybe(t.int.id, 60)],
    [8, () => t.maybe(t.u64.id, 50)],
    [5, () => t.maybe(b.enum(t.name('e'), 4, [{ name: t.name('E'), value: 0n }]), 50)],
    [5, () => t.maybe(b.ptr(t.int.id), 50)],
    [3, () => t.maybe(0, 50, 0)],
    [4, () => t.maybe(t.struct(t.name('s'), [t.int]).id, 50)],
  ])();
}

const CONTEXT = 'r1 = r6';
const STACK = 'r1 = r10\n  r1 += -64';
const NUMBER = 'r1 = 5';
const CALLERS: readonly string[] = [CONTEXT, STACK, NUMBER, 'r1 = 0', 'r1 = r10'];
const STACK_FILL = Array.from({ length: 8 }, (_, i) => `*(u64 *)(r10 -${8 + 8 * i}) = 0`).join('\n  ');
const BODIES: readonly string[] = [
  'r0 = 0',
  'r0 = *(u32 *)(r1 +0)',
  'r0 = *(u8 *)(r1 +4096)',
  'if r1 == 0 goto done\n  r0 = *(u8 *)(r1 +4096)',
  'if r1 == 0 goto done\n  *(u8 *)(r1 +0) = 1',
  'if r1 == 0 goto done\n  r0 = *(u64 *)(r1 +8)',
];

/** A program that calls a function of a random prototype. */
export function argumentsCase(t: Types): Omit<Case, 'btf'> {
  const { rng, b } = t;
  const params = Array.from(
    {
      length: rng.weighted([
        [70, 1],
        [20, 2],
        [8, 3],
        [2, 6],
      ]),
    },
    () => ({
      name: t.name('p'),
      ...parameter(t),
    }),
  );
  const main = b.func('main', b.funcProto(result(t), [{ name: 'ctx', type: parameter(t).type }]), 1);
  const callee = b.func('callee', b.funcProto(result(t), params), rng.chance(85) ? 1 : 0);
  params.forEach((p, i) => {
    if (rng.chance(35)) b.declTag(rng.pick(p.tags), callee, i);
    if (rng.chance(10)) b.declTag(rng.pick(p.tags), callee, i);
  });
  const funcs = new Map([
    ['main', main],
    ['callee', callee],
  ]);
  const programs = Array.from({ length: 5 }, (): CaseProgram => {
    const setup = params
      .slice(0, 5)
      .map((p, i) => (rng.chance(85) ? p.caller : rng.pick(CALLERS)).replace(/\br1\b/g, `r${i + 1}`))
      .reverse();
    return {
      type: rng.pick(PROG_TYPES),
      funcs,
      text: `
  r6 = r1
  ${STACK_FILL}
  ${setup.join('\n  ')}
  call callee
  r0 = 0
  exit
callee: r0 = 0
  ${rng.pick(BODIES)}
done: r0 = 0
  exit`,
    };
  });
  return { kind: 'arguments', programs };
}

/** Makes the kernel forget what it remembers of types by name: cases of names that nothing has. */
export function forgettingCase(t: Types, n: number): Omit<Case, 'btf'> {
  const { b } = t;
  const proto = b.funcProto(t.int.id, [{ name: 'p', type: b.ptr(b.fwd(`absent_${n}`)) }]);
  const main = b.func('main', proto, 1);
  const callee = b.func('callee', proto, 1);
  b.declTag('arg:trusted', callee, 0);
  const funcs = new Map([
    ['main', main],
    ['callee', callee],
  ]);
  const text = '\n  call callee\n  exit\ncallee: r0 = 0\n  exit';
  return { kind: 'forgetting', programs: [{ type: P.BPF_PROG_TYPE_RAW_TRACEPOINT, funcs, text }] };
}
