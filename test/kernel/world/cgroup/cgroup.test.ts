/** Control groups: a tree of paths, with ids that stay. */
import { expect, test } from 'vitest';
import { createRuntime } from '../../../../src/kernel/boot/runtime.ts';
import { kernelBtf } from '../../syscall/embedded.ts';

test('paths, ids and levels', () => {
  using runtime = createRuntime({ memory: 16 << 20 });
  const { world } = runtime;
  const deep = world.cgroup('/a/b/c', 77n);
  expect([deep.id, deep.level, deep.name, deep.path]).toEqual([77n, 3, 'c', '/a/b/c']);
  expect(world.cgroup('/a/b/c/')).toBe(deep);
  expect([0, 1, 2, 3, 4, -1].map((level) => deep.ancestor(level)?.path)).toEqual([
    '/',
    '/a',
    '/a/b',
    '/a/b/c',
    undefined,
    undefined,
  ]);
  expect(world.cgroup('/')).toBe(world.cgroups.root);
  expect(world.cgroups.root.id).toBe(1n);
  const ids = ['/a', '/a/b', '/d'].map((path) => world.cgroup(path).id);
  expect(new Set([...ids, 77n, 1n]).size).toBe(5);
  expect(() => world.cgroup('a')).toThrow('begin with a slash');
  expect(() => world.cgroup('/a/b/c', 78n)).toThrow('has the id 77');
  expect(() => world.cgroup('/e', 77n)).toThrow('another control group');
});

test('structs of groups point to those above', () => {
  using runtime = createRuntime({ memory: 16 << 20, kernelBtf });
  const group = runtime.world.cgroup('/a/b');
  const struct = group.struct!;
  expect(struct.get('level')).toBe(2);
  expect(struct.follow('kn')?.get('id')).toBe(group.id);
  expect(struct.follow('kn')?.follow('__parent')?.get('id')).toBe(group.parent!.id);
  expect(struct.follow('self.parent')?.follow('cgroup')?.get('level')).toBe(1);
});
