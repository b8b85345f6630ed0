/** What objects of every kind parse to. */
import { describe, expect, test } from 'vitest';
import { BTF_KIND } from '../../src/btf/types.ts';
import { validateBtf } from '../../src/btf/validate.ts';
import { BPF_MAP_TYPE as M } from '../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as P } from '../../src/uapi/prog-types.ts';
import { FormatError } from '../../src/util/errors.ts';
import { parseObject } from '../../src/lib/parse-object.ts';
import { allObjects, fixture, fixtureBytes } from './fixture.ts';

describe('maps', () => {
  const spec = fixture('maps.o');
  const map = (name: string) => spec.maps.get(name)!;

  test('attributes of BTF-defined maps', () => {
    expect(map('flows')).toMatchObject({
      type: M.BPF_MAP_TYPE_HASH,
      keySize: 8,
      valueSize: 40,
      maxEntries: 1024,
      flags: 5,
      numaNode: 0,
      pinning: 0,
    });
    expect(spec.btf!.name(map('flows').keyTypeId)).toBe('key');
    expect(map('counters')).toMatchObject({ keySize: 4, valueSize: 16, keyTypeId: 0, flags: 0 });
    expect(map('bloom')).toMatchObject({ type: M.BPF_MAP_TYPE_BLOOM_FILTER, keySize: 0, valueSize: 4, mapExtra: 3n });
    expect(map('events')).toMatchObject({ type: M.BPF_MAP_TYPE_RINGBUF, maxEntries: 5000, pinning: 1 });
  });

  test('inner maps and initial elements', () => {
    expect(map('outer').inner).toMatchObject({ type: M.BPF_MAP_TYPE_ARRAY, keySize: 4, valueSize: 8, maxEntries: 2 });
    expect(map('outer').values).toEqual([
      { index: 0, target: 'inner_a' },
      { index: 2, target: 'inner_b' },
    ]);
    expect(map('outer')).toMatchObject({ keySize: 4, valueSize: 4 });
    expect(map('jumps').values).toEqual([{ index: 1, target: 'target' }]);
  });

  test('struct bpf_map_def', () => {
    const old = fixture('legacy.o');
    expect(old.btf).toBeUndefined();
    expect([...old.maps.keys()]).toEqual(['hits', 'seen']);
    expect(old.maps.get('hits')).toMatchObject({
      type: M.BPF_MAP_TYPE_ARRAY,
      keySize: 4,
      valueSize: 8,
      maxEntries: 256,
      flags: 0,
    });
    expect(old.maps.get('seen')).toMatchObject({ type: M.BPF_MAP_TYPE_HASH, flags: 1 });
    expect(old.license).toBe('Dual BSD/GPL');
    expect(old.version).toBe(0x060c00);
    expect(old.programs[0].refs).toEqual([
      { kind: 'map', insn: expect.any(Number), map: 'hits' },
      { kind: 'map', insn: expect.any(Number), map: 'seen' },
    ]);
  });

  test('what a legacy map sets beyond map_flags is kept and told', () => {
    const bytes = fixtureBytes('legacy.o');
    // The second definition ends 8 bytes before the end of the section: numa_node of it.
    const section = parseLegacyOffset(bytes);
    bytes[section + 24] = 1;
    const spec = parseObject(bytes);
    const told = spec.notes.filter((n) => n.code === 'legacy-map-fields');
    expect(told.map((n) => n.refusedBy)).toEqual([['cilium']]);
    expect(spec.maps.get(told[0].where.name)?.extra?.some((b) => b !== 0)).toBe(true);
  });

  test('.maps without BTF is named', () => {
    expect(() => fixture('simple-stripped.o')).toThrow(FormatError);
    expect(() => fixture('simple-stripped.o')).toThrow(/section \.maps needs BTF/);
  });
});

function parseLegacyOffset(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer);
  const [off, count] = [Number(view.getBigUint64(40, true)), view.getUint16(60, true)];
  for (let i = 0; i < count; i++) {
    const at = off + i * 64;
    // 56 bytes of data: two definitions of 28.
    if (view.getUint32(at + 32, true) === 56 && view.getUint32(at + 4, true) === 1)
      return view.getUint32(at + 24, true);
  }
  throw new Error('no section of two definitions');
}

describe('global data', () => {
  const spec = fixture('data.o');
  const map = (name: string) => spec.maps.get(name)!;

  test('sections are maps with contents and variables', () => {
    expect([...spec.maps.keys()].sort()).toEqual([
      '.bss',
      '.data',
      '.data.custom',
      '.kconfig',
      '.rodata',
      '.rodata.table',
    ]);
    expect(map('.rodata').freeze).toBe(true);
    expect(map('.rodata').kernelName).toBe('data.rodata');
    expect(map('.data.custom').kernelName).toBe('.data.custom');
    expect(map('.bss').contents!.every((b) => b === 0)).toBe(true);
    const total = map('.data').variables.find((v) => v.name === 'total')!;
    expect(map('.data').contents![total.offset]).toBe(7);
    expect(spec.btf!.kind(map('.data').valueTypeId)).toBe(BTF_KIND.DATASEC);
    expect(spec.btf!.sizeOf(map('.data').valueTypeId)).toBe(map('.data').valueSize);
  });

  test('references through section symbols keep their addends', () => {
    const refs = spec.program('read_all')!.refs.filter((r) => r.kind === 'data');
    const named = (ref: { map: string; offset: number }) =>
      map(ref.map).variables.find((v) => v.offset === ref.offset)?.name;
    const names = refs.map(named);
    for (const name of [
      'limit',
      'hidden_limit',
      'total',
      'local_total',
      'custom',
      'table',
      'zeroed',
      'small',
      'format',
    ])
      expect(names).toContain(name);
  });

  test('configuration externs are placed by alignment, size and name', () => {
    const placed = spec.externs.map((e) => [e.name, e.kconfig!.type, e.kconfig!.offset, e.weak]);
    expect(placed).toEqual([
      ['CONFIG_HZ', 'int', 0, true],
      ['CONFIG_IPV6', 'tristate', 8, true],
      ['LINUX_KERNEL_VERSION', 'int', 12, false],
      ['CONFIG_ABSENT', 'int', 16, true],
      ['CONFIG_BPF_SYSCALL', 'bool', 18, true],
      ['CONFIG_DEFAULT_HOSTNAME', 'char array', 19, true],
    ]);
    expect(map('.kconfig').valueSize).toBe(27);
  });

  test('variables of the arena belong to the arena map', () => {
    const arena = fixture('arena.o');
    expect([...arena.maps.keys()]).toEqual(['arena']);
    expect(
      arena.maps
        .get('arena')!
        .variables.map((v) => v.name)
        .sort(),
    ).toEqual(['counter', 'other']);
    expect(
      arena
        .program('bump')!
        .refs.filter((r) => r.kind === 'data')
        .map((r) => r.kind === 'data' && r.map),
    ).toContain('arena');
  });
});

describe('programs', () => {
  test('many functions of one section, static ones in .text', () => {
    const spec = fixture('calls.o');
    expect(spec.programs.map((p) => [p.key, p.section, p.autoload])).toEqual([
      ['first', 'xdp', true],
      ['second', 'xdp', true],
      ['looped', 'tc', true],
      ['throwing', 'tc', true],
      ['off_by_default', '?tc', false],
    ]);
    expect([...spec.subprograms.keys()].sort()).toEqual([
      'concealed',
      'each',
      'leaf',
      'middle',
      'on_exception',
      'optional',
      'shared',
    ]);
    expect(spec.subprograms.get('optional')!.linkage).toBe('weak');
    expect(spec.program('throwing')!.exceptionCallback).toBe('on_exception');
    expect(spec.program('first')!.type).toBe(P.BPF_PROG_TYPE_XDP);
  });

  test('static functions of one name stay apart', () => {
    const spec = fixture('linked.o');
    expect([...spec.subprograms.keys()]).toEqual(['.text/help', '.text/help#2']);
    expect(spec.program('prog_one')!.refs).toEqual([{ kind: 'call', insn: expect.any(Number), target: '.text/help' }]);
    expect(spec.program('prog_two')!.refs).toEqual([
      { kind: 'call', insn: expect.any(Number), target: '.text/help#2' },
    ]);
  });

  test('programs of one name are both kept', () => {
    // The second name is shortened where it stands, in the symbols' strings and in BTF's.
    const bytes = fixtureBytes('calls.o');
    const text = new TextDecoder('latin1').decode(bytes);
    for (const { index } of text.matchAll(/second(?=\0)/g)) bytes.set(new TextEncoder().encode('first\0'), index);
    const spec = parseObject(bytes);
    expect(spec.programs.map((p) => [p.key, p.name]).slice(0, 2)).toEqual([
      ['xdp/first', 'first'],
      ['xdp/first#2', 'first'],
    ]);
  });

  test('without symbols, a section is a program', () => {
    const spec = fixture('legacy-stripped.o');
    expect(spec.programs.map((p) => [p.key, p.insns.length > 0, p.type])).toEqual([
      ['socket', true, P.BPF_PROG_TYPE_SOCKET_FILTER],
    ]);
    expect(spec.license).toBe('Dual BSD/GPL');
  });

  test('struct_ops maps name their programs', () => {
    const spec = fixture('struct_ops.o');
    const cc = spec.maps.get('skep_cc')!;
    expect(cc.structOps!.typeName).toBe('tcp_congestion_ops');
    expect(cc.structOps!.members.map((m) => [m.memberName, m.program])).toEqual([
      ['ssthresh', 'get_ssthresh'],
      ['cong_avoid', 'avoid'],
      ['undo_cwnd', 'undo'],
    ]);
    expect(cc.autocreate).toBe(true);
    expect(spec.maps.get('skep_link')).toMatchObject({ autocreate: false, flags: 1 << 13 });
    expect(spec.program('undo')!.structOps).toEqual({ typeName: 'tcp_congestion_ops', memberName: 'undo_cwnd' });
  });

  test.each(['v1', 'v2', 'v3', 'v4'])('-mcpu=%s', (version) => {
    const spec = fixture(`simple-${version}.o`);
    expect(spec.programs.map((p) => p.key)).toEqual(['count']);
    expect([...spec.subprograms.keys()]).toEqual(['scale']);
  });

  test('a big-endian object holds the same instructions', () => {
    const [le, be] = [fixture('simple-v3.o'), fixture('simple-eb.o')];
    expect(be.littleEndian).toBe(false);
    expect(be.program('count')!.insns.length).toBe(le.program('count')!.insns.length);
    expect([...be.program('count')!.insns.code]).toEqual([...le.program('count')!.insns.code]);
    expect(be.maps.get('hits')).toMatchObject({ maxEntries: 8, valueSize: 8 });
  });
});

describe('BTF', () => {
  test.each(allObjects().filter((f) => !/legacy|stripped|records/.test(f)))(
    '%s passes the checks of BPF_BTF_LOAD',
    (name) => {
      const spec = fixture(name);
      const verdict = validateBtf(spec.btf!.bytes);
      expect(verdict.log.split('\n').slice(-3).join('\n') + verdict.errno).toMatch(/0$/);
      expect(verdict.errno).toBe(0);
    },
  );

  test('hidden functions become static', () => {
    const { btf } = fixture('calls.o');
    const linkage = (name: string) => btf!.type(btf!.find(name, BTF_KIND.FUNC))!.linkage;
    expect([linkage('shared'), linkage('concealed')]).toEqual([1, 0]);
  });
});
