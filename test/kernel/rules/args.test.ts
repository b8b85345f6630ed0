/** Helper prototypes against what Linux 6.18 said to wrong arguments (scripts/probe-args.py). */
import { expect, it } from 'vitest';
import { ALL_CAPS, type ProgQuery } from '../../../src/kernel/rules/prog-type.ts';
import * as R from '../../../src/kernel/rules/reg-types.ts';
import { LINUX_6_18 } from './kernels.ts';

interface Arg {
  /** The kernel's message to the number 1, `ok` when it takes it. */
  readonly one: string;
  /** Whether it takes 0. */
  readonly null: boolean;
  /** What it took at last. */
  readonly good: string | null;
  /** Whether read-only memory is refused. */
  readonly writes?: boolean;
  /** Whether uninitialised stack is taken. */
  readonly fills?: boolean;
}
const fixture = LINUX_6_18.recorded('args.json') as [id: number, variants: [keys: string[], args: Arg[]][]][];
const ATTACH_NAME: Record<string, string> = {
  '26:23': 'sched_switch',
  '26:28': 'bpf_iter_task',
  '27:0': 'tcp_congestion_ops.ssthresh',
};

const MEM = 'type=scalar expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_';
/** How the kernel refuses a number, by argument kind. */
const REFUSAL: Record<number, string> = {
  [R.ARG_CONST_MAP_PTR]: 'type=scalar expected=map_ptr',
  [R.ARG_PTR_TO_MAP_KEY]: MEM,
  [R.ARG_PTR_TO_MAP_VALUE]: MEM,
  [R.ARG_PTR_TO_MEM]: MEM,
  [R.ARG_PTR_TO_CTX]: 'type=scalar expected=ctx',
  [R.ARG_PTR_TO_CONST_STR]: 'type=scalar expected=map_value',
  [R.ARG_PTR_TO_SPIN_LOCK]: 'type=scalar expected=map_value, ptr_',
  [R.ARG_KPTR_XCHG_DEST]: 'type=scalar expected=map_value, ptr_',
  [R.ARG_PTR_TO_TIMER]: 'type=scalar expected=map_value',
  [R.ARG_PTR_TO_DYNPTR]: 'type=scalar expected=fp, dynptr_ptr',
  [R.ARG_PTR_TO_FUNC]: 'type=scalar expected=func',
  [R.ARG_PTR_TO_RINGBUF_MEM]: 'type=scalar expected=ringbuf_mem',
  [R.ARG_PTR_TO_PERCPU_BTF_ID]: 'type=scalar expected=percpu_ptr_, percpu_rcu_ptr_, percpu_trusted_ptr_',
  [R.ARG_PTR_TO_BTF_ID]: 'type=scalar expected=ptr_, trusted_ptr_, rcu_ptr_',
  [R.ARG_PTR_TO_BTF_ID_SOCK_COMMON]: 'type=scalar expected=sock_common, sock, tcp_sock, xdp_sock, ptr_, trusted_ptr_',
  [R.ARG_PTR_TO_SOCK_COMMON]: 'type=scalar expected=sock_common, sock, tcp_sock, xdp_sock',
  [R.ARG_PTR_TO_SOCKET]: 'type=scalar expected=sock',
};

it('has the arguments that the kernel checks', () => {
  const wrong: string[] = [];
  const messages = new Map<number, Set<string>>();
  let checked = 0;
  for (const [id, variants] of fixture)
    for (const [keys, args] of variants)
      for (const key of keys) {
        const [progType, expectedAttachType] = key.split(':').map(Number);
        const q: ProgQuery = {
          progType,
          expectedAttachType,
          caps: ALL_CAPS,
          sleepable: false,
          gplCompatible: true,
          attachBtfName: ATTACH_NAME[key] ?? '',
        };
        const proto = LINUX_6_18.rules.prog(progType)?.funcProto(id, q);
        const say = (text: string) => wrong.push(`${key} ${proto?.name}: ${text}`);
        if (proto === undefined) {
          wrong.push(`${key} ${id}: no prototype`);
          continue;
        }
        const complete = args.every((a) => a.good !== null);
        if (complete ? args.length !== proto.args.length : args.length > proto.args.length) {
          say(`kernel ${args.length} arguments, table ${proto.args.length}`);
        }
        args.forEach((a, i) => {
          const type = proto.args[i] ?? 0;
          const base = R.baseType(type);
          checked++;
          if (!messages.has(base)) messages.set(base, new Set());
          if (a.one !== 'ok') messages.get(base)?.add(a.one);
          if ((base === R.ARG_ANYTHING) !== (a.one === 'ok' && a.good === 'ctx'))
            say(`argument ${i + 1}: ${a.one}, good ${a.good}`);
          if (REFUSAL[base] !== undefined && a.one !== REFUSAL[base])
            say(`argument ${i + 1}: kernel "${a.one}", table kind ${base}`);
          const nullable = (type & R.PTR_MAYBE_NULL) !== 0;
          const sizes = [R.ARG_CONST_SIZE, R.ARG_CONST_SIZE_OR_ZERO, R.ARG_CONST_ALLOC_SIZE_OR_ZERO];
          if (base !== R.ARG_ANYTHING && !sizes.includes(base) && nullable !== a.null)
            say(`argument ${i + 1}: null ${a.null}`);
          if (base === R.ARG_CONST_SIZE && a.null) say(`argument ${i + 1}: takes size 0`);
          if (base === R.ARG_CONST_SIZE_OR_ZERO && !a.null && !a.one.includes('expected=fp'))
            say(`argument ${i + 1}: refuses size 0`);
          const memory = base === R.ARG_PTR_TO_MEM || base === R.ARG_PTR_TO_MAP_VALUE;
          if (memory && a.writes !== undefined && a.writes !== ((type & R.MEM_WRITE) !== 0))
            say(`argument ${i + 1}: writes ${a.writes}`);
          if (memory && a.fills !== undefined && a.fills !== ((type & R.MEM_UNINIT) !== 0))
            say(`argument ${i + 1}: fills ${a.fills}`);
        });
      }
  expect([...new Set(wrong)]).toEqual([]);
  // One kind of argument has one message (allocated objects and typed pointers name their struct).
  for (const [base, texts] of messages) if (REFUSAL[base] !== undefined) expect([...texts]).toEqual([REFUSAL[base]]);
  expect(checked).toBeGreaterThan(10000);
});
