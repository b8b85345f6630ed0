/** Objects that are kept by files: maps that are pinned by name are made once and used again. */
import { expect, test } from 'vitest';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import { openPinned } from '../../../src/lib/attach/pins.ts';
import { readObjInfo } from '../../../src/uapi/obj-info.ts';
import { fixture } from '../fixture.ts';

const PATH = '/sys/fs/bpf/app';

test('maps, programs and links by their files', () => {
  using sys = createRuntime({ memory: 64 << 20 });
  const spec = fixture('maps.o');
  // It says so itself.
  const first = [...spec.maps.values()].find(({ pinning }) => pinning === 1)!;
  sys.bpffs.mkdir(PATH);
  const options = { programs: [], pinPath: PATH };
  const one = spec.load(sys, options);
  const two = spec.load(sys, options);
  const id = (name: string, of: typeof one): unknown => readObjInfo(sys, 'map', of.map(name).fd);
  expect(id(first.name, two)).toEqual(id(first.name, one));
  expect(sys.bpffs.list(PATH)).toEqual([first.name]);
  one.close();
  two.close();
  const kept = openPinned(sys, `${PATH}/${first.name}`);
  expect(kept).toBeGreaterThan(0);
  expect(openPinned(sys, `${PATH}/none`)).toBeUndefined();
  // Another map under the same name is no map of the object.
  first.maxEntries *= 4;
  expect(() => spec.load(sys, options)).toThrow(/max_entries is \d+, and \d+ was expected/);
  first.maxEntries /= 4;
  // Without a folder nothing is pinned, and that is said.
  const free = spec.load(sys, { programs: [] });
  expect(free.notes.map(({ code }) => code)).toContain('map-not-pinned');
  free.map(first.name).pin(`${PATH}/other`);
  free.map(first.name).unpin(`${PATH}/other`);
  expect(() => free.map(first.name).unpin(`${PATH}/other`)).toThrow(/ENOENT/);
  expect(() => free.map(first.name).pin('/tmp/x')).toThrow(/pin map .* to \/tmp\/x: EPERM/);
});
