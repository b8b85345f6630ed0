/** MAP_CREATE: errnos equal to the recorded answers of Linux 6.18 (test/recorded/maps/map-create-6.18.json); `BLESS=1` asks again. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createMap, unsupportedMapType } from '../../../../src/kernel/maps/make/create.ts';
import { describeMap } from '../../../../src/kernel/maps/make/describe.ts';
import { checkAttr } from '../../../../src/kernel/rules/map-create.ts';
import { compileRules } from '../../../../src/kernel/rules/compile.ts';
import { MAP_TYPES } from '../../../../src/kernel/rules/rows/maps.ts';
import { ERRNO } from '../../../../src/uapi/errno.ts';
import { BPF_MAP_TYPE, bpfMapTypeName } from '../../../../src/uapi/map-types.ts';
import { BPF_CMD } from '../../../../src/uapi/cmd.ts';
import type { BpfMap } from '../../../../src/kernel/object/map.ts';
import { liveKernel } from '../../../host/live-kernel.ts';
import { FakeFds, mustCreate, setupMaps, xorshift } from '../setup.ts';

type Row = [type: number, key: number, value: number, entries: number, flags: number, extra: number, result: number];
const FILE = new URL('../../../recorded/maps/map-create-6.18.json', import.meta.url);
const rows = JSON.parse(readFileSync(FILE, 'utf8')) as Row[];
if (process.env.BLESS) await record();

/** What the live kernel says of the same attributes. */
async function record(): Promise<void> {
  using kernel = await liveKernel();
  if (kernel === undefined) throw new Error('no kernel to ask');
  const plain = { map_type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY, key_size: 4, value_size: 8, max_entries: 1 };
  const inner_map_fd = kernel.bpf(BPF_CMD.BPF_MAP_CREATE, plain);
  for (const row of rows) {
    const [map_type, key_size, value_size, max_entries, map_flags, extra] = row;
    const attr = { map_type, key_size, value_size, max_entries, map_flags, map_extra: BigInt(extra), inner_map_fd };
    const fd = kernel.bpf(BPF_CMD.BPF_MAP_CREATE, attr);
    row[6] = Math.min(0, fd);
    if (fd >= 0) kernel.close(fd);
  }
  kernel.close(inner_map_fd);
  writeFileSync(FILE, `[\n${rows.map((r) => JSON.stringify(r)).join(',\n')}\n]\n`);
}

test('descriptors are refused with the errno of the kernel', () => {
  const env = setupMaps();
  const inner = mustCreate(env, {
    map_type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY,
    key_size: 4,
    value_size: 8,
    max_entries: 1,
  });
  const wrong: string[] = [];
  for (const [type, key, value, entries, flags, extra, result] of rows) {
    const attr = {
      map_type: type,
      key_size: key,
      value_size: value,
      max_entries: entries,
      map_flags: flags,
      map_extra: BigInt(extra),
    };
    const desc = describeMap(compileRules(), attr, { id: 1, inner: inner.desc });
    const got = typeof desc === 'number' ? desc : 0;
    if (got !== result)
      wrong.push(
        `${bpfMapTypeName(type)} key ${key} value ${value} max ${entries} flags ${flags} extra ${extra}: ${got}, kernel ${result}`,
      );
  }
  expect(wrong).toEqual([]);
  expect(rows.length).toBeGreaterThan(2000);
});

test('every type of 6.18 has a row, and a map that cannot be stored says so', () => {
  const env = setupMaps();
  for (const type of new Set(Object.values(BPF_MAP_TYPE))) {
    if (type === 0) continue;
    const row = MAP_TYPES[type];
    expect(row, bpfMapTypeName(type)).toBeDefined();
    expect(unsupportedMapType(compileRules(), type) ?? 'is not implemented: see docs/SCOPE.md').toMatch(
      /is not implemented: see docs\/SCOPE\.md$/,
    );
  }
  const attr = { map_type: BPF_MAP_TYPE.BPF_MAP_TYPE_SOCKMAP, key_size: 4, value_size: 4, max_entries: 1 };
  expect(createMap(env, attr, new FakeFds())).toBe(-ERRNO.EOPNOTSUPP);
});

test('maps of every type are made, or named as missing', () => {
  const env = setupMaps();
  const inner = mustCreate(env, {
    map_type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY,
    key_size: 4,
    value_size: 4,
    max_entries: 1,
  });
  const sizes = [0, 4, 8, 16];
  for (const [type, { create }] of Object.entries(MAP_TYPES)) {
    const fitting = sizes
      .flatMap((key_size) =>
        sizes.flatMap((value_size) => [0, 1, 4096].map((max_entries) => ({ key_size, value_size, max_entries }))),
      )
      .map((sizes) => ({
        ...sizes,
        map_type: Number(type),
        map_flags: create.needs ?? 0,
        btf_vmlinux_value_type_id: 1,
      }))
      .find((attr) => checkAttr(create, attr) === 0);
    if (fitting === undefined) throw new Error(`${bpfMapTypeName(Number(type))} takes none of the sizes`);
    const { btf_vmlinux_value_type_id, ...plain } = fitting;
    const attr =
      Number(type) === BPF_MAP_TYPE.BPF_MAP_TYPE_STRUCT_OPS ? { ...plain, btf_vmlinux_value_type_id } : plain;
    const made = createMap(env, attr, new FakeFds(), { inner: inner.desc });
    if (create.btf === 'int-key') expect(made).toBe(-ERRNO.EINVAL);
    else if (unsupportedMapType(compileRules(), Number(type)) !== undefined) expect(made, type).toBe(-ERRNO.EOPNOTSUPP);
    else expect(typeof made, type).toBe('object');
  }
});

test('a request beyond the budget takes nothing and gives ENOMEM', () => {
  const env = setupMaps({ budget: 1 << 20 });
  const before = env.allocator.used;
  for (const type of [
    BPF_MAP_TYPE.BPF_MAP_TYPE_HASH,
    BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY,
    BPF_MAP_TYPE.BPF_MAP_TYPE_LRU_HASH,
  ]) {
    const attr = { map_type: type, key_size: 4, value_size: 4096, max_entries: 100_000_000 };
    expect(createMap(env, attr, new FakeFds())).toBe(-ERRNO.ENOMEM);
    expect(env.allocator.used).toBe(before);
  }
});

test('names follow the rules of bpf_obj_name_cpy', () => {
  const env = setupMaps();
  const attr = { map_type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY, key_size: 4, value_size: 8, max_entries: 1 };
  for (const name of ['', 'abc', 'a.b_1', 'x'.repeat(15)]) {
    expect(typeof createMap(env, { ...attr, map_name: name }, new FakeFds())).toBe('object');
  }
  for (const name of ['a-b', 'a b', 'x'.repeat(16)]) {
    expect(createMap(env, { ...attr, map_name: name }, new FakeFds())).toBe(-ERRNO.EINVAL);
  }
});

test('no attribute makes MAP_CREATE throw or keeps memory behind', () => {
  const env = setupMaps({ size: 1 << 23 });
  const fds = new FakeFds();
  const inner = mustCreate(env, {
    map_type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY,
    key_size: 4,
    value_size: 8,
    max_entries: 1,
  });
  fds.maps.set(3, inner);
  const random = xorshift(77);
  const numbers = [
    0,
    1,
    3,
    4,
    5,
    8,
    12,
    16,
    64,
    512,
    4096,
    8192,
    65536,
    1 << 20,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    -1,
    0.5,
    Number.NaN,
    2 ** 40,
  ];
  const pick = (): number => numbers[random() % numbers.length];
  // Three scratch buffers may stay.
  const most = env.allocator.blocks + 3;
  let made = 0;
  for (let i = 0; i < 1500; i++) {
    const map = createMap(
      env,
      {
        map_type: random() % 36,
        key_size: random() % 2 ? 4 : pick(),
        value_size: pick(),
        max_entries: pick(),
        map_flags: random() % 3 ? random() % 2 : pick(),
        map_extra: random() % 4 ? 0n : BigInt(random()),
        inner_map_fd: 3 + (random() % 2),
        map_name: random() % 9 ? '' : '\u0000\ud800x',
      },
      fds,
    );
    if (typeof map === 'number') {
      expect(map).toBeLessThan(0);
      continue;
    }
    made++;
    map.nextKey(null);
    map.free();
    expect(env.allocator.blocks).toBeLessThanOrEqual(most);
  }
  expect(made).toBeGreaterThan(20);
});

test('types that the kernel version has not are as unknown as numbers that nobody has', () => {
  const all = compileRules();
  const env = setupMaps({
    rules: { map: (type) => (type === BPF_MAP_TYPE.BPF_MAP_TYPE_HASH ? undefined : all.map(type)) },
  });
  const ask = (map_type: number): BpfMap | number =>
    createMap(env, { map_type, key_size: 4, value_size: 8, max_entries: 4 }, new FakeFds());
  expect([ask(BPF_MAP_TYPE.BPF_MAP_TYPE_HASH), ask(999)]).toEqual([-ERRNO.EINVAL, -ERRNO.EINVAL]);
  expect(ask(BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY)).toBeInstanceOf(Object);
  expect(unsupportedMapType(env.rules, BPF_MAP_TYPE.BPF_MAP_TYPE_HASH)).toBeUndefined();
});
