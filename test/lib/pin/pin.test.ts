/** Pins by the loader's handles: maps, programs and links outlive their descriptors, and maps are shared by their names. */
import { expect, test } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/kernel/boot/runtime.ts';
import { openPinnedLink, openRawTracepoint } from '../../../src/lib/attach/link.ts';
import { openPinned } from '../../../src/lib/pin/pin.ts';
import { openPinnedMap } from '../../../src/lib/pin/pinned-map.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { kernelBtf } from '../../kernel/syscall/embedded.ts';
import { fixture } from '../fixture.ts';

const BPF = '/sys/fs/bpf';
const runtime = (): Runtime => createRuntime({ kernelBtf, memory: 64 << 20 });
const pinnedMap = (sys: Runtime) => fixture('maps.o').load(sys, { programs: [], pinPath: BPF });

test('a map that is pinned by its name is shared by the loads, with its types', () => {
  using sys = runtime();
  const [name, path] = ['events', `${BPF}/events`];
  const first = pinnedMap(sys);
  expect(first.map(name).pinPath).toBe(path);
  const before = sys.files!.stat(path);
  expect(before).toMatchObject({ mode: 0o100600, nlink: 1, uid: 0 });
  first.close();
  using second = pinnedMap(sys);
  const id = (fd: number): unknown => sys.readText(`/proc/self/fdinfo/${fd}`);
  using found = openPinnedMap(sys, path);
  expect(id(found.fd)).toBe(id(second.map(name).fd));
  expect(found.spec).toMatchObject({ name, type: second.map(name).spec.type });
  found.unpin();
  expect(sys.files!.readdir(BPF)).toEqual([]);
});

test('a pinned map that is another is refused with every difference; without a directory nothing is pinned, and that is said', () => {
  using sys = runtime();
  using other = fixture('maps.o').load(sys, { programs: [] });
  expect(sys.files!.readdir(BPF)).toEqual([]);
  expect(other.notes.map(({ code }) => code)).toContain('map-not-pinned');
  other.map('counters').pin(`${BPF}/events`);
  expect(() => pinnedMap(sys)).toThrow(
    /use \/sys\/fs\/bpf\/events for map events: EINVAL: it is not the map that the object defines: type is/,
  );
  other.map('counters').unpin();
  sys.files!.mkdir(`${BPF}/events`);
  expect(() => pinnedMap(sys)).toThrow(/use \/sys\/fs\/bpf\/events for map events: EACCES/);
  sys.files!.rmdir(`${BPF}/events`);
  using prog = fixture('calls.o').load(sys);
  [...prog.programs.values()][0].pin(`${BPF}/events`);
  expect(() => pinnedMap(sys)).toThrow(/EINVAL: what is pinned there is no map/);
  expect(() => fixture('maps.o').load(sys, { programs: [], pinPath: '/tmp' })).toThrow(
    /EPERM: this is no BPF file system/,
  );
});

test('descriptors of a failed load are closed', () => {
  using sys = runtime();
  using other = fixture('maps.o').load(sys, { programs: [] });
  other.map('counters').pin(`${BPF}/events`);
  const open = (): number => sys.bpf(C.BPF_MAP_CREATE, { map_type: 2, key_size: 4, value_size: 4, max_entries: 1 });
  const next = open();
  sys.close(next);
  expect(() => pinnedMap(sys)).toThrow(/EINVAL/);
  expect(open()).toBe(next);
});

test('pins of one handle: one at a time, its directory is made, and it says why it fails', () => {
  using sys = runtime();
  using c = fixture('calls.o').load(sys);
  const program = [...c.programs.values()][0];
  program.pin(`${BPF}/dir/prog`);
  program.pin(`${BPF}/dir/prog`);
  expect(() => program.pin(`${BPF}/again`)).toThrow(/EEXIST: it is pinned to \/sys\/fs\/bpf\/dir\/prog/);
  const { id } = program;
  c.close();
  const fd = openPinned(sys, `${BPF}/dir/prog`);
  expect(sys.readText(`/proc/self/fdinfo/${fd}`)).toContain(`prog_id:\t${id}\n`);
  expect(() => openPinnedMap(sys, `${BPF}/dir/prog`)).toThrow(/EINVAL: it is no map/);
  expect(() => openPinnedLink(sys, `${BPF}/dir/prog`)).toThrow(/EINVAL: it is no link/);
  sys.close(fd);
  program.unpin();
  program.unpin();
  expect(program.pinPath).toBeUndefined();
  expect(openPinned(sys, `${BPF}/dir/prog`)).toBe(-ERRNO.ENOENT);
  using again = fixture('calls.o').load(sys);
  const other = [...again.programs.values()][0];
  expect(() => other.pin(`${BPF}/a.b`)).toThrow(/EPERM: names with a dot are kept for the kernel/);
  expect(() => other.pin(`${BPF}/x/y/z`)).toThrow(/ENOENT: there is no such directory/);
  expect(() => other.pin(`${BPF}/dir`)).toThrow(/EEXIST: there is such a file/);
});

test('a pinned link goes on without descriptors, until its file is gone', () => {
  using sys = runtime();
  using c = fixture('maps.o').load(sys, { programs: [] });
  expect(() => openPinnedMap(sys, `${BPF}/l`)).toThrow(/ENOENT/);
  const insns = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
  const prog = sys.bpf(C.BPF_PROG_LOAD, { prog_type: 17, insns, license: 'GPL' });
  const link = openRawTracepoint(sys, prog, 'sys_enter');
  link.pin(`${BPF}/l`);
  const { id } = link.info();
  sys.close(prog);
  link.close();
  const found = openPinnedLink(sys, `${BPF}/l`);
  expect(found.info().id).toBe(id);
  expect(found.pinPath).toBe(`${BPF}/l`);
  found.unpin();
  expect(sys.bpf(C.BPF_LINK_GET_FD_BY_ID, { link_id: id })).toBe(found.fd + 1);
  sys.close(found.fd + 1);
  found.close();
  expect(sys.bpf(C.BPF_LINK_GET_FD_BY_ID, { link_id: id })).toBe(-ERRNO.ENOENT);
  expect(c.maps.size).toBeGreaterThan(0);
});

test('access of a pinned map is what it was opened for', () => {
  using sys = runtime();
  using c = fixture('maps.o').load(sys, { programs: [] });
  c.map('inner_a').pin(`${BPF}/m`);
  using reader = openPinnedMap(sys, `${BPF}/m`, { access: 'r' });
  using writer = openPinnedMap(sys, `${BPF}/m`, { access: 'w' });
  writer.update(0, 7n);
  expect(reader.lookup(0)).toEqual(c.map('inner_a').lookup(0));
  expect(() => reader.update(0, 8n)).toThrow(/EPERM/);
  expect(() => writer.lookup(0)).toThrow(/EPERM/);
});
