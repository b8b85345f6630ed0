/** Attach targets against what Linux 6.18 answered for the same kernel types; needs no kernel, the types are built here. */
import { expect, test } from 'vitest';
import type { Btf } from '../../../../src/btf/btf.ts';
import { BTF_KIND, type BtfType } from '../../../../src/btf/types.ts';
import { checkAttachBtfId } from '../../../../src/kernel/verifier/pass/attach.ts';
import { envOf, inputOf, verdictOf } from '../recorded.ts';

const blank = {
  kindFlag: false,
  vlen: 0,
  size: 0,
  type: 0,
  members: [],
  params: [],
  values: [],
  vars: [],
  linkage: 0,
  componentIdx: -1,
};
const TYPES: BtfType[] = [
  { ...blank, id: 0, kind: BTF_KIND.UNKN, name: '' },
  { ...blank, id: 1, kind: BTF_KIND.INT, name: 'int', size: 4 },
  { ...blank, id: 2, kind: BTF_KIND.FUNC_PROTO, name: '', type: 1 },
  { ...blank, id: 3, kind: BTF_KIND.FUNC, name: 'vfs_read', type: 2 },
  { ...blank, id: 4, kind: BTF_KIND.TYPEDEF, name: 'btf_trace_sched_switch', type: 2 },
  { ...blank, id: 5, kind: BTF_KIND.FUNC, name: 'bpf_iter_task', type: 2 },
  { ...blank, id: 6, kind: BTF_KIND.PTR, name: '', type: 2 },
  {
    ...blank,
    id: 7,
    kind: BTF_KIND.STRUCT,
    name: 'tcp_congestion_ops',
    members: [
      { name: 'ssthresh', type: 6, bitOffset: 0, bitfieldSize: 0 },
      { name: 'key', type: 1, bitOffset: 64, bitfieldSize: 0 },
    ],
  },
  { ...blank, id: 8, kind: BTF_KIND.STRUCT, name: 'bpf_struct_ops_tcp_congestion_ops' },
  { ...blank, id: 9, kind: BTF_KIND.STRUCT, name: 'task_struct' },
  { ...blank, id: 10, kind: BTF_KIND.FUNC, name: 'bpf_lsm_file_open', type: 2 },
];
const KERNEL = {
  type: (id: number) => TYPES[id],
  kind: (id: number) => TYPES[id]?.kind ?? 0,
  name: (id: number) => TYPES[id]?.name ?? '',
  find: (name: string, kind: number) => TYPES.find((t) => t.name === name && t.kind === kind)?.id ?? 0,
  skipModifiers: (id: number) => id,
} as unknown as Btf;

// Program type, expected attach type, flags, target, errno, last line of the log. Rows with a target were asked of the kernel with
// its own types of these names.
const CASES: [type: number, eat: number, flags: number, id: number, errno: number, text: string][] = [
  [26, 23, 0, 4, 0, ''],
  [26, 23, 0, 3, 22, 'attach_btf_id 3 is not a typedef'],
  [26, 23, 0, 1, 22, 'attach_btf_id 1 is not a typedef'],
  [26, 28, 0, 5, 0, ''],
  [26, 28, 0, 3, 22, ''],
  [26, 28, 0, 9, 22, 'attach_btf_id 9 is not a function'],
  [26, 24, 0, 3, 0, ''],
  [26, 24, 0, 99, 22, 'attach_btf_id 99 is invalid'],
  [26, 24, 0, 0, 22, 'Tracing programs must provide btf_id'],
  [29, 27, 16, 10, 0, ''],
  [29, 27, 0, 3, 22, 'attach_btf_id 3 points to wrong type name vfs_read'],
  [27, 0, 0, 7, 0, ''],
  [27, 0, 0, 9, 524, 'attach_btf_id 9 is not a supported struct'],
  [27, 0, 0, 0, 524, ''],
  [27, 99, 0, 7, 22, 'attach to invalid member idx 99 of struct tcp_congestion_ops'],
  [27, 1, 0, 7, 22, 'attach to invalid member key(@idx 1) of struct tcp_congestion_ops'],
  [6, 0, 16, 0, 22, 'Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable'],
  [2, 0, 16, 0, 0, ''],
  [31, 0, 16, 0, 0, ''],
  [31, 0, 0, 0, 22, 'Syscall programs can only be sleepable'],
];

test.each(CASES)('type %i, attach type %i, flags %i, target %i: errno %i %s', (type, eat, flags, id, errno, text) => {
  const insns = 'b7000000000000009500000000000000';
  const input = inputOf(
    { prog: 't', ret: 0, type, eat, flags, license: 'GPL', insns, maps: {}, log: '' },
    () => KERNEL,
  );
  const env = envOf({ ...input, attachBtfId: id });
  expect(verdictOf(() => checkAttachBtfId(env))).toBe(errno === 0 ? 0 : -errno);
  expect(env.log.lastLine).toBe(text);
});
