/** Options of a load: names that mean nothing, templates of inner maps, and that a spec may be loaded again. */
import { describe, expect, test } from 'vitest';
import { createVerifyingRuntime } from '../../src/kernel/boot/verify-only.ts';
import { distance, nearest } from '../../src/lib/nearest.ts';
import type { LoadOptions } from '../../src/lib/collection.ts';
import { BPF_CMD } from '../../src/uapi/cmd.ts';
import { BPF_MAP_TYPE as M } from '../../src/uapi/map-types.ts';
import { fixture } from './fixture.ts';

const load = (name: string, options: LoadOptions) => () => {
  using kernel = createVerifyingRuntime({ memory: 1 << 24 });
  fixture(name).load(kernel, options).close();
};

describe('misspelt names', () => {
  test.each([
    ['a map', { maps: new Map([['queeu', 3]]) }, /no map queeu; did you mean queue/],
    ['a program', { programs: ['pas'] }, /no such program; did you mean pass\?/],
    ['a variable', { variables: { limt: 1 } }, /no global variable limt; did you mean limit\?/],
    ['an inner map', { innerMaps: new Map([['oute', 'first']]) }, /no map oute; did you mean outer\?/],
    ['an inner map of a map without', { innerMaps: new Map([['first', 'queue']]) }, /map first holds no maps/],
    ['an option', { map: new Map() } as LoadOptions, /no option map; did you mean maps/],
  ])('%s', (_, options, said) => {
    expect(load('keyless.o', options)).toThrow(said);
  });

  test('handles of a collection tell the nearest, too', () => {
    using kernel = createVerifyingRuntime({ memory: 1 << 24 });
    using c = fixture('keyless.o').load(kernel);
    expect(() => c.map('staks')).toThrow(/did you mean stack\?/);
    expect(() => c.program('dorp')).toThrow(/did you mean drop\?/);
    expect(() => c.variable('sen')).toThrow(/did you mean seen\?/);
  });

  test('nearness', () => {
    expect(distance('kpobe', 'kprobe')).toBe(1);
    expect(distance('dorp', 'drop')).toBe(1);
    expect(nearest('xdp_pass', ['xdp', 'tc', 'xdp.frags'])).toEqual(['xdp']);
    expect(nearest('zzzzzz', ['xdp', 'tc'])).toEqual([]);
  });
});

describe('maps that the object leaves half said', () => {
  test('a map of maps needs a template', () => {
    expect(load('odd_maps.o', { programs: ['looks'] })).toThrow(/does not say what its inner maps are.*innerMaps/);
    expect(load('odd_maps.o', { innerMaps: new Map([['empty', 'twice']]) })).not.toThrow();
    const template = { type: M.BPF_MAP_TYPE_HASH, keySize: 4, valueSize: 8, maxEntries: 1 };
    expect(load('odd_maps.o', { innerMaps: new Map([['empty', template]]) })).not.toThrow();
    expect(load('odd_maps.o', { innerMaps: new Map([['empty', 'twic']]) })).toThrow(/no map twic; did you mean twice/);
  });

  test('a refusal of MAP_CREATE says what the type asks for', () => {
    using kernel = createVerifyingRuntime({ memory: 1 << 24 });
    const spec = fixture('keyless.o');
    const first = spec.maps.get('first');
    if (first === undefined) throw new Error('the fixture has a map first');
    first.keySize = 8;
    expect(() => spec.load(kernel)).toThrow(/the type array, key_size must be 4$/);
    first.keySize = 4;
    first.flags = 1;
    expect(() => spec.load(kernel)).toThrow(/map_flags may not hold BPF_F_NO_PREALLOC$/);
    first.type = M.BPF_MAP_TYPE_LPM_TRIE;
    first.keySize = 8;
    first.keyTypeId = 0;
    first.valueTypeId = 0;
    first.flags = 0;
    expect(() => spec.load(kernel)).toThrow(/the type lpm_trie, map_flags must hold BPF_F_NO_PREALLOC$/);
  });
});

test('loading leaves the spec as it is', () => {
  const spec = fixture('data.o');
  const before = structuredClone([...spec.maps.values()]);
  const written: unknown[] = [];
  for (const kernelVersion of [0x061200, 0x061300]) {
    using kernel = createVerifyingRuntime({ memory: 1 << 24 });
    const sys = {
      bpf: ((cmd, attr) => {
        if (cmd === BPF_CMD.BPF_MAP_UPDATE_ELEM) written.push(structuredClone(attr));
        return kernel.bpf(cmd, attr);
      }) as typeof kernel.bpf,
      close: (fd: number) => kernel.close(fd),
      kernel: kernel.kernel,
    };
    using c = spec.load(sys, { kernelVersion, onError: 'collect' });
    expect(c.map('.kconfig').spec.contents?.[13]).toBe((kernelVersion >> 8) & 255);
  }
  expect([...spec.maps.values()]).toEqual(before);
});
