/** Special fields of values. */
import { describe, expect, test } from 'vitest';
import { Btf } from '../../src/btf/btf.ts';
import { BtfBuilder } from '../../src/btf/encode.ts';
import * as R from '../../src/btf/record.ts';
import { BTF_KIND } from '../../src/btf/types.ts';
import { fixture } from '../lib/fixture.ts';

const { btf } = fixture('records.o');
const of = (name: string) => R.parseRecordResult(btf!, btf!.find(name, BTF_KIND.STRUCT));
const places = (name: string) => of(name).record?.fields.map((f) => [f.type, f.offset]);

describe('parseRecord', () => {
  test('locks, timers, work queues', () => {
    expect(of('lock_timer').record).toMatchObject({
      spinLockOff: 4,
      timerOff: 8,
      wqOff: -1,
      mask: R.BPF_SPIN_LOCK | R.BPF_TIMER,
    });
    expect(of('wq').record).toMatchObject({ wqOff: 0, spinLockOff: -1 });
    expect(of('plain')).toEqual({ record: undefined, errno: 0 });
  });

  test('kptrs by their tags, in nested structs and arrays', () => {
    expect(places('kptrs')).toEqual([
      [R.BPF_KPTR_REF, 8],
      [R.BPF_KPTR_UNREF, 16],
      [R.BPF_KPTR_PERCPU, 24],
      [R.BPF_KPTR_REF, 32],
      [R.BPF_KPTR_REF, 48],
      [R.BPF_KPTR_REF, 64],
    ]);
    expect(of('kptrs').record!.fields[0]).toMatchObject({ typeName: 'task_struct', local: true });
    const kernelBtf = () => btf!;
    const [field] = R.parseRecord(btf!, btf!.find('kptrs', BTF_KIND.STRUCT), { kernelBtf })!.fields;
    expect(field).toMatchObject({ typeId: btf!.find('task_struct', BTF_KIND.STRUCT), local: false });
  });

  test('graph roots know their nodes', () => {
    const fields = of('graph').record!.fields;
    expect(fields.map((f) => [f.type, f.offset, f.typeName, f.nodeOffset])).toEqual([
      [R.BPF_SPIN_LOCK, 0, undefined, undefined],
      [R.BPF_LIST_HEAD, 8, 'node', 8],
      [R.BPF_RB_ROOT, 24, 'node', 32],
      [R.BPF_LIST_HEAD, 40, 'node', 8],
      [R.BPF_LIST_HEAD, 56, 'node', 8],
    ]);
    expect(of('node').record).toMatchObject({
      refcountOff: 64,
      mask: R.BPF_LIST_NODE | R.BPF_RB_NODE | R.BPF_REFCOUNT,
    });
  });

  test.each([
    ['two_locks', 7],
    ['no_lock', 22],
    ['timers', 22],
    ['bad_node', 22],
    ['many', 7],
  ])('%s is refused', (name, errno) => {
    expect(of(name)).toEqual({ record: undefined, errno });
  });

  test('only the fields that are asked for', () => {
    const id = btf!.find('lock_timer', BTF_KIND.STRUCT);
    expect(R.parseRecord(btf!, id, { mask: R.BPF_TIMER })!.fields).toEqual([
      { type: R.BPF_TIMER, offset: 8, size: 16 },
    ]);
  });

  test('variables of a section', () => {
    const section = btf!.find('.bss', BTF_KIND.DATASEC);
    expect(R.parseRecordResult(btf!, section).errno).toBeGreaterThan(0);
  });
});

/** A struct that holds the one before it `width` times, `depth` levels deep. */
function doubling(width: number, depth: number, innermost: (b: BtfBuilder) => number) {
  const b = new BtfBuilder();
  let type = innermost(b);
  for (let d = 0; d < depth; d++)
    type = b.struct(
      `s${d}`,
      0,
      Array.from({ length: width }, (_, i) => ({ name: `m${i}`, type, bitOffset: 0, bitfieldSize: 0 })),
    );
  return { parsed: Btf.parse(b.encode()), type };
}

test('structs that double at every level are walked once', () => {
  const { parsed, type } = doubling(16, 28, (b) => b.struct('empty', 0, []));
  expect(R.parseRecordResult(parsed, type)).toEqual({ record: undefined, errno: 0 });
  // One level more than the kernel follows.
  const deep = doubling(1, 40, (b) => b.struct('empty', 0, []));
  expect(R.parseRecordResult(deep.parsed, deep.type).errno).toBe(7);
});
