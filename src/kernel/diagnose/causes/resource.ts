/** What was acquired and not given back, or given back without being held. */
import { SCALAR_VALUE } from '../../rules/reg-types.ts';
import { REF_OBJ_ID, TYPE } from '../../verifier/state/row.ts';
import { REF_TYPE_PTR, type Ref } from '../../verifier/state/state.ts';
import type { Inquiry } from '../inquiry.ts';
import { storyOf, tell, type Told } from '../story.ts';
import { checkAt } from '../trace/checks.ts';
import type { Held } from '../trace/record.ts';
import { quoted, thing } from '../words.ts';
import { branchStory } from './branches.ts';
import type { Cause, Detector, Finding } from './cause.ts';

export const RESOURCE = {
  RECORD_LEAKED: {
    title: 'a reserved record of a ring buffer is neither submitted nor discarded on some path',
    page: 'What bpf_ringbuf_reserve gave must be given to bpf_ringbuf_submit or bpf_ringbuf_discard on every path on which it is not NULL, early returns included. Discard it before the return, or decide before the record is reserved.',
    example: {
      bad: 'if (e->pid < 1000) return 0;\nbpf_ringbuf_submit(e, 0);',
      good: 'if (e->pid < 1000) {\n  bpf_ringbuf_discard(e, 0);\n  return 0;\n}\nbpf_ringbuf_submit(e, 0);',
    },
  },
  DYNPTR_LEAKED: {
    title: 'a dynptr of a ring buffer is not given back on some path',
    page: 'bpf_ringbuf_reserve_dynptr makes a dynptr that must be given to bpf_ringbuf_submit_dynptr or bpf_ringbuf_discard_dynptr on every path, also when it failed and returned an error. Discard it there as well.',
  },
  ITERATOR_LEAKED: {
    title: 'an iterator is left without being destroyed',
    page: 'An iterator that was begun (bpf_iter_num_new, bpf_for and others) must be destroyed on every path. A return or goto out of the loop leaves it. Use break and return after the loop, or bpf_for, whose clean-up the compiler places.',
  },
  SOCKET_LEAKED: {
    title: 'a socket is not released on some path',
    page: 'What bpf_sk_lookup_tcp, bpf_sk_lookup_udp or bpf_skc_lookup_tcp gave must be given to bpf_sk_release on every path on which it is not NULL.',
  },
  REFERENCE_LEAKED: {
    title: 'an acquired object is not released on some path',
    page: 'Objects that a function acquires (tasks, cgroups, allocated objects, kernel pointers taken out of a map) must be released, or stored with bpf_kptr_xchg, on every path on which they are not NULL.',
  },
  LOCK_HELD: {
    title: 'a lock is held where the program may not hold one',
    page: 'Between bpf_spin_lock and bpf_spin_unlock a program may not return, call helpers or other functions. Unlock on every path first, and keep the locked part short.',
  },
  SECTION_OPEN: {
    title: 'a section (RCU, preemption, interrupts) is not closed on some path',
    page: 'bpf_rcu_read_lock, bpf_preempt_disable and bpf_local_irq_save begin a section that must be ended on every path, in the same function or before the program ends.',
  },
  RELEASED_TWICE: {
    title: 'an object is released that was released before',
    page: 'A call took the object over already. From then on the pointer is a plain number, which cannot be released again. Release on each path once: leave the function after the first, or release at one place in the end.',
  },
  NOT_ACQUIRED: {
    title: 'an object is released that was not acquired',
    page: 'Only what an acquiring function returned can be released, and only through that very pointer: not a pointer to its middle, not a pointer that the context gave, not a copy of a map value.',
  },
} as const satisfies Record<string, Cause>;

/** By what acquired it: the cause, what it is called, how it is given back. */
const ACQUIRED: readonly (readonly [RegExp, string, string, string])[] = [
  [/ringbuf_reserve_dynptr$/, 'DYNPTR_LEAKED', 'the dynptr', 'bpf_ringbuf_discard_dynptr()'],
  [/ringbuf_reserve$/, 'RECORD_LEAKED', 'the record', 'bpf_ringbuf_discard()'],
  [/^bpf_iter_\w+_new$/, 'ITERATOR_LEAKED', 'the iterator', 'its destroy function'],
  [/^bpf_skc?_lookup_/, 'SOCKET_LEAKED', 'the socket', 'bpf_sk_release()'],
  [/bpf_task_/, 'REFERENCE_LEAKED', 'the task', 'bpf_task_release()'],
  [/bpf_cgroup_/, 'REFERENCE_LEAKED', 'the cgroup', 'bpf_cgroup_release()'],
  [/bpf_obj_new|percpu_obj_new/, 'REFERENCE_LEAKED', 'the object', 'bpf_obj_drop()'],
];

/** RESOURCE.REFERENCE_LEAK. */
export const leak: Detector = (q) => {
  const ref = held(q).refs.find((r) => r.type === REF_TYPE_PTR);
  if (ref === undefined) return undefined;
  const call = q.callee(ref.insnIdx) ?? 'a call';
  const row = ACQUIRED.find(([pattern]) => pattern.test(call));
  const [, cause, what, release] = row ?? [/x/, 'REFERENCE_LEAKED', 'what it gave', 'its release function'];
  const given =
    cause === 'RECORD_LEAKED'
      ? 'neither submitted nor discarded'
      : cause === 'ITERATOR_LEAKED'
        ? 'not destroyed'
        : 'not given back';
  const from = acquiredAt(q, ref);
  const way = wayOut(q, from, ref);
  const line = q.where(ref.insnIdx);
  const out = way.insn === undefined ? '' : ` on the path that leaves in ${q.where(way.insn)}`;
  const failed = cause === 'DYNPTR_LEAKED' ? ' It must be given back also when it could not be reserved.' : '';
  const acquired = { step: from, event: q.event(from, 'acquired', `${what} is acquired`) };
  const insn = way.insn ?? ref.insnIdx;
  return {
    cause,
    label: `${what} of ${line} is still held`,
    explanation: `${capital(what)} that ${call} gave in ${line} is ${given}${out}${way.condition}.${failed}`,
    fix: `call ${release} before ${way.insn === undefined ? 'the end' : q.where(way.insn)} leaves, or do not acquire it before`,
    path: tell([acquired, ...way.story, { step: q.last, event: q.event(q.last, 'fault', `left with ${what} held`) }]),
    values: { call, line: q.lines.at(ref.insnIdx)?.line ?? 0 },
    insn,
  };
};

const capital = (text: string): string => text[0].toUpperCase() + text.slice(1);

const held = (q: Inquiry): Held => q.trace.held[q.last];

/** The step that acquired the reference: the youngest in front of which it was not held. */
function acquiredAt(q: Inquiry, ref: Ref): number {
  for (let step = q.last; step > 0; step--) if (!q.trace.held[step - 1].refs.includes(ref)) return step - 1;
  return 0;
}

interface WayOut {
  /** What leaves: a return after the last branch, or the branch itself. */
  readonly insn: number | undefined;
  readonly condition: string;
  readonly story: readonly Told[];
}

/** The way from the acquisition to the exit. */
function wayOut(q: Inquiry, from: number, ref: Ref): WayOut {
  const story = branchStory(q, 3, from + 1).filter(({ step }) => !testsObject(q, step, ref));
  const last = story.at(-1);
  const start = last?.step ?? from;
  let insn = last === undefined ? undefined : q.insnAt(last.step);
  for (let step = q.last - 1; step > start; step--) {
    if (/\breturn\b/.test(q.lines.at(q.insnAt(step))?.text ?? '')) {
      insn = q.insnAt(step);
      break;
    }
  }
  if (last === undefined) return { insn, condition: '', story };
  const text = last.event.expression?.text;
  const condition = text === undefined ? '' : ` (\`${text}\` ${last.event.note})`;
  return { insn, condition, story };
}

/** A test of the acquired object for NULL decides nothing about its release. */
function testsObject(q: Inquiry, step: number, ref: Ref): boolean {
  const check = checkAt(q.walk, step);
  return check !== undefined && q.row(check.dst, step)[REF_OBJ_ID] === ref.id;
}

/** RESOURCE.LOCK_HELD and the sections: something is open at an exit or call. */
export const sectionOpen: Detector = (q) => {
  const now = held(q);
  const [kind, cause, close] =
    now.locks > 0
      ? (['locks', 'LOCK_HELD', 'bpf_spin_unlock()'] as const)
      : now.irq !== 0
        ? (['irq', 'SECTION_OPEN', 'bpf_local_irq_restore()'] as const)
        : now.rcu > 0
          ? (['rcu', 'SECTION_OPEN', 'bpf_rcu_read_unlock()'] as const)
          : (['preempt', 'SECTION_OPEN', 'bpf_preempt_enable()'] as const);
  if (now[kind] === 0) return undefined;
  let from = q.last;
  while (from > 0 && q.trace.held[from - 1][kind] > 0) from--;
  const step = Math.max(from - 1, 0);
  const call = q.callee(q.insnAt(step)) ?? 'a call';
  const line = q.where(q.insnAt(step));
  const calls = q.callee(q.insn);
  const way = calls === undefined ? wayOut(q, step, { type: 0, id: -1, insnIdx: -1, ptr: 0 }) : undefined;
  const what =
    calls === undefined
      ? `left open${way?.insn === undefined ? '' : ` by ${q.where(way.insn)}`}${way?.condition ?? ''}`
      : `open where ${calls} is called`;
  return {
    cause,
    label: calls === undefined ? `${call} of ${line} is still open` : `not between ${call} and ${close}`,
    explanation: `What ${call} began in ${line} is ${what}.`,
    fix:
      calls === undefined
        ? `call ${close} on this path as well`
        : `call ${close} before ${calls}, or ${calls} before ${call}`,
    path: tell([
      { step, event: q.event(step, 'acquired', `${call} begins here`) },
      ...(way?.story ?? []),
      { step: q.last, event: q.event(q.last, 'fault', calls === undefined ? 'left open' : `${calls} in between`) },
    ]),
    values: { call },
    ...(way?.insn === undefined ? {} : { insn: way.insn }),
  };
};

/** ARGS.TYPE_MISMATCH and ARGS.NOT_REFERENCED: what is released is a number, for it was released before. */
export const releasedTwice: Detector = (q) => {
  const regno = q.number(0);
  if (regno < 1 || regno > 5) return undefined;
  const place = q.reg(regno);
  if (q.row(place)[TYPE] !== SCALAR_VALUE) return undefined;
  const trail = q.trail(place);
  const lost = q.lostPointer(trail);
  if (lost?.motion.kind !== 'spoiled' || lost.before === undefined || lost.before[REF_OBJ_ID] === 0) return undefined;
  const first = q.callee(q.insnAt(lost.step)) ?? 'a call';
  const call = q.callee(q.insn) ?? 'this call';
  const name = quoted(q.argumentText(regno), 'the object');
  const again = /release|submit|discard|drop/.test(call);
  return {
    cause: again ? 'RELEASED_TWICE' : 'OBJECT_RELEASED',
    label: `given away in ${q.where(q.insnAt(lost.step))}`,
    explanation: `${name} led to ${thing(q.env, lost.before)} until ${q.where(q.insnAt(lost.step))}: ${first} took it over, and ${call} gets it afterwards.`,
    fix: again
      ? `release it once on each path: leave after ${q.where(q.insnAt(lost.step))}`
      : `call ${call} before ${q.where(q.insnAt(lost.step))}`,
    path: tell([...storyOf(q, trail), { step: q.last, event: q.event(q.last, 'fault', `given to ${call}`) }]),
    values: { call: first },
  };
};

/** ARGS.NOT_REFERENCED, CALL.NOT_ACQUIRED, KFUNC.RELEASE_NOTHING: nothing was acquired. */
export const notAcquired: Detector = (q): Finding => {
  const regno = Math.max(q.number(0), 1);
  const place = q.reg(regno <= 5 ? regno : 1);
  const call = q.callee(q.insn) ?? 'this call';
  const name = quoted(q.argumentText(regno <= 5 ? regno : 1), 'the argument');
  return {
    cause: 'NOT_ACQUIRED',
    label: 'holds no reference',
    explanation: `${call} releases what was acquired, and ${name} is ${thing(q.env, q.row(place))} that this program did not acquire.`,
    fix: `leave out the call, or release what an acquiring function returned`,
    path: tell([
      ...storyOf(q, q.trail(place)),
      { step: q.last, event: q.event(q.last, 'fault', 'released without being acquired') },
    ]),
  };
};
