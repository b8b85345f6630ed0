/** The ABI tables agree with the kernel's own types: offsets of union bpf_attr and info structs, values of enumerations. */
import { describe, expect, test } from 'vitest';
import { BTF_KIND } from '../../src/btf/types.ts';
import { loadPackagedBtf } from '../../src/btf/vmlinux/index.ts';
import { BPF_ATTACH_TYPE } from '../../src/uapi/attach-types.ts';
import { ATTR_LAYOUTS, type AttrField, type AttrLayout, BPF_ATTR_SIZE } from '../../src/uapi/attr/layout.ts';
import { BPF_CMD } from '../../src/uapi/cmd.ts';
import * as FLAGS from '../../src/uapi/flags.ts';
import { BPF_FUNC } from '../../src/uapi/helper-ids.ts';
import { INFO_LAYOUTS, type InfoField } from '../../src/uapi/info-layout.ts';
import { BPF_LINK_TYPE } from '../../src/uapi/link-types.ts';
import { BPF_MAP_TYPE } from '../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE } from '../../src/uapi/prog-types.ts';

const btf = await loadPackagedBtf();

const enumValues = new Map<string, bigint>();
for (let id = 1; id < btf.nrTypes; id++) {
  const kind = btf.kind(id);
  if (kind !== BTF_KIND.ENUM && kind !== BTF_KIND.ENUM64) continue;
  for (const { name, value } of btf.type(id)?.values ?? []) enumValues.set(name, value);
}

describe.each(Object.entries({ BPF_CMD, BPF_ATTACH_TYPE, BPF_FUNC, BPF_LINK_TYPE, BPF_MAP_TYPE, BPF_PROG_TYPE }))(
  'enumeration %s',
  (_, table) => {
    test("every value is the kernel's", () => {
      const wrong = Object.entries(table).filter(([name, value]) => {
        const known = enumValues.get(name);
        return known !== undefined && known !== BigInt(value);
      });
      expect(wrong).toEqual([]);
      expect(Object.keys(table).filter((name) => enumValues.has(name)).length).toBeGreaterThan(10);
    });
  },
);

test("flags are the kernel's", () => {
  const known = Object.entries(FLAGS).filter(([name, value]) => typeof value === 'number' && enumValues.has(name));
  expect(known.length).toBeGreaterThan(60);
  for (const [name, value] of known)
    expect(BigInt.asUintN(32, BigInt(value as number)), name).toBe(BigInt.asUintN(32, enumValues.get(name)!));
  for (const table of [FLAGS.XDP_ACTION, FLAGS.TC_ACT])
    for (const [name, value] of Object.entries(table))
      if (enumValues.has(name)) expect(BigInt(value), name).toBe(enumValues.get(name));
});

const attr = btf.find('bpf_attr', BTF_KIND.UNION);

test('union bpf_attr has the size that is encoded', () => expect(btf.sizeOf(attr)).toBe(BPF_ATTR_SIZE));

describe.each(Object.entries(ATTR_LAYOUTS) as [string, AttrLayout][])('attributes of command %s', (_, layout) => {
  const fields: readonly AttrField[] = layout.fields;
  test.each(fields.map((field) => [field.name, field] as const))('%s', (name, field) => {
    const path = layout.group === '' ? name : `${layout.group}.${name}`;
    const member = btf.memberOffset(attr, path);
    expect(member?.offset).toBe(field.off);
    expect(member?.size).toBe(field.kind === 'name' ? 16 : field.kind === 'u32' || field.kind === 's32' ? 4 : 8);
  });
});

/** Where the fields of kinds lie that have structs in their struct. */
const NESTED: Readonly<Record<string, readonly string[]>> = {
  iter: ['iter', 'iter.map'],
  iter_task: ['iter', 'iter.task'],
  perf_uprobe: ['perf_event.uprobe'],
  perf_kprobe: ['perf_event.kprobe'],
  perf_tracepoint: ['perf_event.tracepoint'],
  perf_event: ['perf_event.event'],
};
/** Fields that have the name of another one there. */
const RENAMED: Readonly<Record<string, readonly string[]>> = {
  event: ['perf_event.type'],
  event_type: ['perf_event.event.type'],
};

describe.each(Object.entries(INFO_LAYOUTS))('struct bpf_%s_info', (kind, layout) => {
  // Kinds of links are arms of the union in one struct.
  const [, arm] = /^link_(.+)$/.exec(kind) ?? [];
  const arms = arm === undefined ? [] : (NESTED[arm] ?? [arm]);
  const id = btf.find(arm === undefined ? `bpf_${kind}_info` : 'bpf_link_info', BTF_KIND.STRUCT);
  const fields: readonly InfoField[] = layout.fields;
  const common = new Set(INFO_LAYOUTS.link.fields.map(({ name }) => name));
  test('size', () => expect(layout.size).toBe(btf.sizeOf(id)));
  test.each(fields.map((field) => [field.name, field.off] as const))('%s', (name, off) => {
    const paths = arm === undefined || common.has(name) ? [name] : (RENAMED[name] ?? arms.map((at) => `${at}.${name}`));
    expect(paths.map((path) => btf.memberOffset(id, path)?.offset)).toContain(off);
  });
});
