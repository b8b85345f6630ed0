/** The table of fields: it has every field that the layouts have, and each row is what happens. */
import { describe, expect, test } from 'vitest';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import type { Runtime } from '../../../src/kernel/boot/assemble.ts';
import { ATTR_RULES, type FieldRule } from '../../../src/kernel/syscall/attr-rules.ts';
import type { BpfSyscall } from '../../../src/uapi/attr/attr.ts';
import { type AttrField, ATTR_LAYOUTS, type AttrLayout } from '../../../src/uapi/attr/layout.ts';
import { BPF_CMD as C, bpfCmdName } from '../../../src/uapi/cmd.ts';
import { ERRNO as E } from '../../../src/uapi/errno.ts';
import { kernelBtf } from './embedded.ts';

const RETURN_0 = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
const BTF_OF_INT = new Uint8Array(Uint32Array.of(0x1eb9f, 24, 0, 16, 16, 3, 1, 1 << 24, 4, 32, 0x6100).buffer).slice(
  0,
  43,
);
const TOKEN = 1 << 16;
const MAP = { map_type: 1, key_size: 4, value_size: 8, max_entries: 4 };
const XDP = { prog_type: 6, insns: RETURN_0, license: 'GPL' };

const layouts = Object.entries(ATTR_LAYOUTS).map(([cmd, layout]): [number, AttrLayout] => [Number(cmd), layout]);
const rulesOf = (cmd: number): Readonly<Record<string, FieldRule>> =>
  (ATTR_RULES as Readonly<Record<number, Readonly<Record<string, FieldRule>>>>)[cmd];

test('the table has the fields that the layouts have, no more and no fewer', () => {
  expect(Object.keys(ATTR_RULES).sort()).toEqual(Object.keys(ATTR_LAYOUTS).sort());
  for (const [cmd, { fields }] of layouts)
    expect(Object.keys(rulesOf(cmd)).sort(), bpfCmdName(cmd)).toEqual(fields.map((f: AttrField) => f.name).sort());
});

test('outputs are the fields that the kernel alone writes', () => {
  for (const [cmd, { fields }] of layouts)
    for (const field of fields)
      if (rulesOf(cmd)[field.name].use === 'output') expect(field.dir, field.name).not.toBe('in');
});

/** Attributes that ask for what a row refuses: command, field, the attribute, and the answer by name where one is due. */
const REFUSED: readonly (readonly [cmd: number, field: string, attr: object, errno: number, named?: RegExp])[] = [
  [C.BPF_MAP_CREATE, 'map_ifindex', { ...MAP, map_ifindex: 1 }, E.EOPNOTSUPP, /^map_ifindex: no device/],
  [C.BPF_MAP_CREATE, 'map_ifindex', { ...MAP, map_ifindex: 9 }, E.EINVAL],
  [C.BPF_MAP_CREATE, 'map_token_fd', { ...MAP, map_flags: TOKEN, map_token_fd: 99 }, E.EBADF],
  [C.BPF_MAP_CREATE, 'map_token_fd', { ...MAP, map_flags: TOKEN, map_token_fd: 0 }, E.EINVAL],
  [C.BPF_PROG_LOAD, 'prog_ifindex', { ...XDP, prog_ifindex: 1 }, E.EOPNOTSUPP, /^prog_ifindex: no device/],
  [C.BPF_PROG_LOAD, 'prog_ifindex', { ...XDP, prog_type: 1, prog_ifindex: 1 }, E.EINVAL],
  [C.BPF_PROG_LOAD, 'prog_token_fd', { ...XDP, prog_flags: TOKEN, prog_token_fd: 99 }, E.EBADF],
  [
    C.BPF_PROG_LOAD,
    'signature',
    { ...XDP, signature: new Uint8Array(64) },
    E.EOPNOTSUPP,
    /^signature: there are no keys/,
  ],
  [C.BPF_PROG_LOAD, 'signature', { ...XDP, signature: new Uint8Array(8193) }, E.EINVAL],
  [C.BPF_PROG_LOAD, 'signature', { ...XDP, signature: new Uint8Array(64), keyring_id: 3 }, E.EINVAL],
  [C.BPF_BTF_LOAD, 'btf_token_fd', { btf: BTF_OF_INT, btf_flags: TOKEN, btf_token_fd: 99 }, E.EBADF],
  [C.BPF_BTF_GET_FD_BY_ID, 'fd_by_id_token_fd', { btf_id: 1, open_flags: TOKEN, fd_by_id_token_fd: 99 }, E.EBADF],
];
const ask = (sys: BpfSyscall, cmd: number, attr: object): number =>
  (sys.bpf as (cmd: number, attr: object) => number).call(sys, cmd, attr);

describe('what is refused', () => {
  test('is refused with its errno, and by name where Linux might do it', () => {
    for (const [cmd, field, attr, errno, named] of REFUSED) {
      using sys = createRuntime({ kernelBtf, memory: 16 << 20 });
      const given = { ...attr } as { unsupported?: string };
      expect(rulesOf(cmd)[field].use).toBe('refused');
      expect(ask(sys, cmd, given), `${bpfCmdName(cmd)} ${field}`).toBe(-errno);
      if (named === undefined) expect(given.unsupported).toBeUndefined();
      else expect(given.unsupported).toMatch(named);
    }
  });

  test('relocations by the kernel, of a program with function records', () => {
    using sys = createRuntime({ kernelBtf, memory: 16 << 20 });
    const attr: { unsupported?: string } & Parameters<typeof sys.bpf<typeof C.BPF_PROG_LOAD>>[1] = {
      ...XDP,
      prog_btf_fd: sys.bpf(C.BPF_BTF_LOAD, { btf: BTF_OF_INT }),
      ...{ func_info: new Uint8Array(8), func_info_rec_size: 8 },
      ...{ core_relos: new Uint8Array(16), core_relo_rec_size: 16 },
    };
    expect(sys.bpf(C.BPF_PROG_LOAD, attr)).toBe(-E.EOPNOTSUPP);
    expect(attr.unsupported).toMatch(/^core_relos: relocation in the kernel/);
  });

  test('every row that refuses is met above', () => {
    const met = new Set([...REFUSED.map(([cmd, field]) => `${cmd} ${field}`), `${C.BPF_PROG_LOAD} core_relos`]);
    for (const [cmd] of layouts)
      for (const [field, { use }] of Object.entries(rulesOf(cmd)))
        if (use === 'refused') expect(met, `${bpfCmdName(cmd)} ${field}`).toContain(`${cmd} ${field}`);
  });
});

/** A sound attribute for each command, with the objects that it names. */
function sound(sys: Runtime, cmd: number): object {
  const map_fd = sys.bpf(C.BPF_MAP_CREATE, MAP);
  const prog_fd = sys.bpf(C.BPF_PROG_LOAD, XDP);
  const key = new Uint8Array(4);
  const value = new Uint8Array(8);
  sys.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd, key, value });
  sys.bpf(C.BPF_BTF_LOAD, { btf: BTF_OF_INT });
  if (cmd === C.BPF_MAP_CREATE) return MAP;
  if (cmd === C.BPF_PROG_LOAD) return XDP;
  if (cmd === C.BPF_BTF_LOAD) return { btf: BTF_OF_INT };
  if (cmd === C.BPF_PROG_TEST_RUN) return { test: { prog_fd, data_in: new Uint8Array(64) } };
  if (cmd === C.BPF_PROG_STREAM_READ_BY_FD) return { prog_stream_read: { prog_fd, stream_id: 1 } };
  const batch = { map_fd, count: 1, keys: key, values: value, out_batch: new Uint8Array(4) };
  const { group } = (ATTR_LAYOUTS as Readonly<Record<number, AttrLayout>>)[cmd];
  if (group === 'batch') return { batch };
  if (group === 'info') return { info: { bpf_fd: map_fd, info: new Uint8Array(104) } };
  return { map_fd, key, value, next_key: key, prog_id: 1, map_id: 1, btf_id: 1 };
}

test('fields that are ignored or must be zero: any other value changes nothing, or is -EINVAL', () => {
  for (const [cmd, { group, fields }] of layouts) {
    for (const field of fields) {
      const { use } = rulesOf(cmd)[field.name];
      if (use !== 'ignored' && use !== 'zero') continue;
      using sys = createRuntime({ kernelBtf, memory: 16 << 20 });
      const value = field.kind === 'buf' ? new Uint8Array(8).fill(1) : field.kind === 'u64' ? 1n << 40n : 7;
      const attr = sound(sys, cmd) as Record<string, object>;
      const other =
        group === '' ? { ...attr, [field.name]: value } : { [group]: { ...attr[group], [field.name]: value } };
      const answer = ask(sys, cmd, other);
      if (use === 'zero') expect(answer, `${bpfCmdName(cmd)} ${field.name}`).toBe(-E.EINVAL);
      else expect(answer, `${bpfCmdName(cmd)} ${field.name}`).toBeGreaterThanOrEqual(0);
    }
  }
});
