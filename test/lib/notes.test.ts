/** What the loader says of an object beside its contents, and what it refuses in the name of another loader. */
import { describe, expect, test } from 'vitest';
import { loadPackagedBtf } from '../../src/btf/vmlinux/index.ts';
import { parseObject } from '../../src/lib/parse-object.ts';
import { notesOf, refusers } from '../../src/lib/notes.ts';
import { BPF_MAP_TYPE as M } from '../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as P } from '../../src/uapi/prog-types.ts';
import { createVerifyingRuntime } from '../../src/kernel/boot/verify-only.ts';
import { allObjects, fixture, fixtureBytes } from './fixture.ts';

const vmlinux = await loadPackagedBtf();

const codes = (name: string): string[] =>
  fixture(name)
    .notes.map((n) => `${n.code} ${n.where.kind} ${n.where.name} ${n.refusedBy.join()}`.trim())
    .sort();

describe('what is left out is told', () => {
  test('static programs are programs, static functions that are called are not', () => {
    const spec = fixture('leftovers.o');
    expect(spec.programs.map((p) => `${p.key} ${p.linkage}`).sort()).toEqual([
      'concealed static',
      'lost global',
      'plain global',
    ]);
    expect([...spec.subprograms.keys()].sort()).toEqual(['helper', 'orphan']);
    expect(codes('leftovers.o')).toEqual([
      'extern-unresolved symbol nowhere libbpf',
      'function-unused symbol orphan',
      'section-ignored section settings',
      'static-map map counts libbpf,cilium',
      'static-program program concealed libbpf',
      'static-subprogram symbol helper libbpf',
      'version-unreadable section version libbpf',
    ]);
  });

  test('map definitions', () => {
    const spec = fixture('odd_maps.o');
    expect(codes('odd_maps.o')).toEqual([
      'map-attribute-unknown map unknown libbpf,cilium',
      'map-inner-missing map empty libbpf,cilium',
      'map-inner-pinned map nested libbpf,cilium',
      'map-pinning-unknown map pinned libbpf,cilium',
      'map-size-conflict map conflict libbpf,cilium',
      'map-size-twice map twice cilium',
      'map-sizes-mended map perf libbpf',
      'map-sizes-mended map ring libbpf',
    ]);
    // What came first counts.
    expect(spec.maps.get('conflict')).toMatchObject({ keySize: 4 });
  });

  test('bpf_elf_map of iproute2, with what its inner maps are, and sections with a prefix', () => {
    const { maps } = fixture('elf_maps.o');
    expect(codes('elf_maps.o')).toEqual([
      'legacy-map map flows libbpf',
      'legacy-map map inner libbpf',
      'legacy-map map outer libbpf',
      'legacy-map-fields map inner cilium',
      'legacy-map-fields map outer cilium',
    ]);
    expect(maps.get('outer')).toMatchObject({ type: M.BPF_MAP_TYPE_ARRAY_OF_MAPS, pinning: 0 });
    expect(maps.get('outer')?.inner).toMatchObject({ type: M.BPF_MAP_TYPE_ARRAY, valueSize: 8, maxEntries: 3 });
    expect([...(maps.get('outer')?.extra ?? [])].filter((_, i) => i % 4 === 0)).toEqual([12, 2, 11, 0]);
    expect(maps.get('flows')).toMatchObject({ type: M.BPF_MAP_TYPE_HASH, maxEntries: 5 });
  });

  test('objects that every loader takes get no note that one refuses them', () => {
    const legacy = ['externs', 'legacy', 'leftovers', 'odd_maps', 'elf_maps', 'simple-stripped'];
    const names = allObjects().filter((n) => n !== 'simple-stripped.o' && !legacy.some((l) => n.startsWith(l)));
    expect(names.flatMap((n) => refusers(fixture(n).notes).map((l) => `${n} ${l}`))).toEqual([]);
  });

  test("a program's notes are its own, those of its maps and those of the object", () => {
    const { notes } = fixture('odd_maps.o');
    expect(notesOf(notes, 'sends', new Set(['perf', 'ring'])).map((n) => n.where.name)).toEqual(['perf', 'ring']);
    const left = fixture('leftovers.o').notes;
    expect(notesOf(left, 'plain', new Set()).some((n) => n.code === 'static-program')).toBe(false);
  });
});

describe('loaders', () => {
  const load = (name: string, loader: 'libbpf' | 'cilium' | undefined, program: string): string => {
    using kernel = createVerifyingRuntime({ memory: 1 << 24, kernelBtf: vmlinux });
    try {
      using c = fixture(name).load(kernel, { programs: [program], onError: 'collect', ...(loader ? { loader } : {}) });
      return [...c.errors.values()][0]?.message ?? 'loaded';
    } catch (e) {
      return (e as Error).message;
    }
  };

  test.each([
    ['leftovers.o', undefined, 'plain', 'loaded'],
    [
      'leftovers.o',
      'libbpf',
      'plain',
      "EOPNOTSUPP: libbpf 1.x refuses this: map 'counts': unsupported map linkage static",
    ],
    [
      'leftovers.o',
      'cilium',
      'plain',
      "EOPNOTSUPP: cilium/ebpf refuses this: map 'counts': unsupported map linkage static",
    ],
    ['odd_maps.o', undefined, 'sends', 'loaded'],
    [
      'elf_maps.o',
      'libbpf',
      'p',
      "EOPNOTSUPP: libbpf 1.x refuses this: map 'inner': legacy map definition in section 'maps'",
    ],
    ['conventions.o', 'libbpf', 'known', 'loaded'],
    ['conventions.o', 'cilium', 'drop_all', 'loaded'],
    [
      'conventions.o',
      'libbpf',
      'drop_all',
      "EINVAL: libbpf 1.x refuses this: prog 'drop_all': section name 'xdp_drop_all' is known only by its beginning",
    ],
  ] as const)('%s for %s, %s', (name, loader, program, said) => {
    expect(load(name, loader, program)).toContain(said);
  });
});

describe('sections without a type', () => {
  const typed = (options: Parameters<typeof parseObject>[1]): Record<string, string> =>
    Object.fromEntries(
      parseObject(fixtureBytes('conventions.o'), options).programs.map((p) => [
        p.name,
        `${p.type} ${p.expectedAttachType}`,
      ]),
    );

  test('the nearest names are told, or what the name is elsewhere', () => {
    using kernel = createVerifyingRuntime({ memory: 1 << 24 });
    using c = fixture('conventions.o').load(kernel, { onError: 'collect' });
    const said = (name: string): string => c.errors.get(name)?.detail ?? '';
    expect(said('tail_call')).toMatch(/tail call of iproute2.*--type/);
    expect(said('from_netdev')).toMatch(/entry of Cilium.*--type/);
    expect(said('some_program')).toMatch(/names are xdp, tc.*--type/);
    expect(said('many')).toMatch(/newer than 6\.18/);
    expect(c.programs.has('ingress')).toBe(true);
  });

  test('`type` is for names that say nothing for certain, `sectionTypes` goes before all', () => {
    const cls = `${P.BPF_PROG_TYPE_SCHED_CLS} 0`;
    expect(typed({ type: 'tc' })).toMatchObject({ tail_call: cls, from_netdev: cls, drop_all: cls, known: '6 37' });
    expect(typed({ type: 'sched_cls' })).toMatchObject({ tail_call: cls });
    expect(typed({ sectionTypes: { 'tail-*': 'xdp', '2/7': 'cgroup/connect4', xdp: 'tc' } })).toMatchObject({
      tail_three: '6 37',
      tail_call: '18 10',
      known: cls,
      from_netdev: '0 0',
    });
    const { notes } = parseObject(fixtureBytes('conventions.o'), { type: 'tc' });
    expect(notes.filter((n) => n.code === 'section-typed').map((n) => n.refusedBy)).not.toContainEqual(['libbpf']);
  });

  test('a word that is no type is told with the nearest', () => {
    expect(() => typed({ type: 'shed_cls' })).toThrow(/shed_cls is neither.*sched_cls/);
    expect(() => typed({ sectionTypes: { prog: 'kpobe' } })).toThrow(/kpobe is neither.*kprobe/);
  });
});
