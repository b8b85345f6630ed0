/** Doors of processes: descriptors of their own, passed on, copied, closed by an exec and with the process; powers of the task. */
import { describe, expect, test } from 'vitest';
import type { ProcessDoor } from '../../../src/kernel/boot/door.ts';
import { createRuntime, type Runtime } from '../../../src/kernel/boot/runtime.ts';
import { parseObject } from '../../../src/lib/parse-object.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { fixtures } from '../../proofs/scenarios/stage.ts';
import { kernelBtf } from '../syscall/embedded.ts';

const [EPERM, ENOENT, ESRCH, EBADF, EINVAL, EACCES] = [-1, -2, -3, -9, -22, -13];
const kernel = (): Runtime => createRuntime({ memory: 64 << 20, kernelBtf, clock: 'virtual' });

const map = (door: ProcessDoor, map_type = 1): number =>
  door.bpf(C.BPF_MAP_CREATE, { map_type, key_size: 4, value_size: 8, max_entries: 4 });
const update = (door: ProcessDoor, map_fd: number): number =>
  door.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd, key: new Uint8Array(4), value: new Uint8Array(8), flags: 0n });
const maps = (runtime: Runtime): number => {
  const attr = { start_id: 0, next_id: 0 };
  let n = 0;
  while (runtime.bpf(C.BPF_MAP_GET_NEXT_ID, attr) === 0) {
    n++;
    attr.start_id = attr.next_id;
  }
  return n;
};

describe('descriptors', () => {
  test('are of one process, and are sent to others', () => {
    using runtime = kernel();
    const { world } = runtime;
    const [a, b] = [10, 20].map((pid) => runtime.doorOf(world.task({ pid })));
    const fd = map(a);
    expect([fd, map(b), map(b)]).toEqual([3, 3, 4]);
    expect(update(runtime, fd)).toBe(EBADF);
    expect(b.close(4)).toBe(0);
    expect(a.send(fd, b)).toBe(4);
    expect(a.send(fd, b, { from: 100, closeOnExec: true })).toBe(100);
    expect([b.closesOnExec(3), b.closesOnExec(4), b.closesOnExec(100), b.closesOnExec(5)]).toEqual([
      true,
      false,
      true,
      EBADF,
    ]);
    expect(a.close(fd)).toBe(0);
    expect([update(a, fd), update(b, 4), update(b, 100)]).toEqual([EBADF, 0, 0]);
    expect(a.send(fd, b)).toBe(EBADF);
    using other = kernel();
    expect(() => b.send(4, other)).toThrow('of the same runtime');
  });

  test('are the same in all threads of a process', () => {
    using runtime = kernel();
    const { world } = runtime;
    const task = world.task({ pid: 10 });
    const thread = runtime.doorOf(world.task({ pid: 11, tgid: 10 }));
    const fd = map(runtime.doorOf(task));
    task[Symbol.dispose]();
    expect(update(thread, fd)).toBe(0);
    expect(maps(runtime)).toBe(1);
    world.tasks.get(11)?.[Symbol.dispose]();
    expect(maps(runtime)).toBe(0);
    expect(update(thread, fd)).toBe(ESRCH);
  });

  test('are copied by dup, and lead to one open file', () => {
    using runtime = kernel();
    const fd = map(runtime);
    expect([runtime.dup(fd), runtime.dup(fd, { from: 9 }), runtime.dup(fd)]).toEqual([4, 9, 5]);
    expect([runtime.dup(77), runtime.dup(fd, { from: -1 }), runtime.dup2(77, 5), runtime.dup2(fd, -1)]).toEqual([
      EBADF,
      EINVAL,
      EBADF,
      EBADF,
    ]);
    expect(runtime.dup2(fd, fd)).toBe(fd);
    const other = map(runtime);
    expect(other).toBe(6);
    expect(maps(runtime)).toBe(2);
    // What was open there is closed.
    expect(runtime.dup2(fd, other, { closeOnExec: true })).toBe(other);
    expect(maps(runtime)).toBe(1);
    expect(runtime.readText('/proc/self/fdinfo/6')).toContain('flags:\t02000002\n');
    expect(runtime.readText('/proc/self/fdinfo/4')).toContain('flags:\t02\n');
    for (const each of [3, 4, 5, 9]) expect(runtime.close(each)).toBe(0);
    expect(maps(runtime)).toBe(1);
    expect(runtime.dup2(6, 6)).toBe(6);
    expect([update(runtime, 6), runtime.close(6), maps(runtime)]).toEqual([0, 0, 0]);
    for (const wrong of [() => runtime.dup(1), () => runtime.dup2(map(runtime), 2)])
      expect(wrong).toThrow('standard streams');
  });

  test('are closed by an exec, but for copies', () => {
    using runtime = kernel();
    const [fd, kept] = [map(runtime), map(runtime)];
    const copy = runtime.dup(fd);
    expect([runtime.setCloseOnExec(kept, false), runtime.setCloseOnExec(99, false)]).toEqual([0, EBADF]);
    runtime.exec();
    expect([fd, kept, copy].map((each) => update(runtime, each))).toEqual([EBADF, 0, 0]);
  });

  test('are copied by a fork', () => {
    using runtime = kernel();
    const { world } = runtime;
    const fd = map(runtime);
    const far = runtime.dup(fd, { from: 40 });
    const child = world.task({ pid: 10 });
    const door = runtime.fork(child);
    expect([update(door, fd), update(door, far), door.closesOnExec(fd), door.closesOnExec(far), map(door)]).toEqual([
      0,
      0,
      true,
      false,
      4,
    ]);
    runtime.close(fd);
    expect(update(door, fd)).toBe(0);
    expect(() => runtime.fork(child)).toThrow('has descriptors already');
    expect(() => door.fork(world.task({ pid: 11, tgid: 10 }))).toThrow('thread of the process itself');
  });

  test('are in a snapshot', () => {
    using runtime = kernel();
    const task = runtime.world.task({ pid: 10 });
    const door = runtime.doorOf(task);
    const fd = map(door);
    using snapshot = runtime.snapshot();
    door.dup(fd);
    task[Symbol.dispose]();
    expect(maps(runtime)).toBe(0);
    runtime.restore(snapshot);
    expect(update(door, fd)).toBe(0);
    expect(door.close(fd)).toBe(0);
    expect(maps(runtime)).toBe(0);
  });
});

test('a process that ends while a program of its own runs takes nothing away from the program', () => {
  using runtime = kernel();
  const { world } = runtime;
  const task = world.task({ pid: 10 });
  const door = runtime.doorOf(task);
  const object = parseObject(fixtures('process')).load(door, { kernelBtf: kernelBtf(), programs: ['act'] });
  object.program('act').attach();
  const at = 0x5555_0000_0000;
  const other = world.task({ pid: 11 });
  other.memory.map('of another', { at: BigInt(at) });
  expect(maps(runtime)).toBeGreaterThan(0);
  other.run(() => {
    // The program's last reference goes in the middle of the call that runs it.
    world.trace.syscalls.run('access', [at, 0x1001], () => {
      task[Symbol.dispose]();
      return 0;
    });
  });
  expect(maps(runtime)).toBe(0);
  expect(door.bpf(C.BPF_MAP_GET_NEXT_ID, { start_id: 0, next_id: 0 })).toBe(ESRCH);
  expect([door.close(3), door.dup(3), door.readText('/x'), door.files?.readdir('/')]).toEqual([
    ESRCH,
    ESRCH,
    ESRCH,
    ESRCH,
  ]);
  expect(runtime.send(map(runtime), door)).toBe(ESRCH);
  expect(() => runtime.doorOf(task)).toThrow('task 10 has ended');
});

test('what a process may do follows from its credentials', () => {
  using runtime = kernel();
  const { world } = runtime;
  const door = (spec: object, pid: number): ProcessDoor => runtime.doorOf(world.task({ pid, ...spec }));
  const cap = (n: number): { readonly uid: number; readonly capabilities: bigint } => ({
    uid: 1000,
    capabilities: 1n << BigInt(n),
  });
  const users = world.userNamespace();
  expect(map(door({}, 10))).toBe(3);
  expect(map(door({ uid: 1000 }, 11))).toBe(EPERM);
  expect(map(door(cap(39), 12))).toBe(3);
  expect(map(door(cap(21), 13))).toBe(3);
  expect(map(door({ userNamespace: users }, 14))).toBe(EPERM);
  // Files are its user's.
  const user = door({ uid: 1000 }, 15);
  expect(user.files?.mkdir('/sys/no')).toBe(EACCES);
  expect(user.files?.mkdir('/tmp/mine')).toBe(0);
  expect(runtime.files?.stat('/tmp/mine')).toMatchObject({ uid: 1000 });
});

test("processes are asked for by pids of the caller's namespace", () => {
  using runtime = kernel();
  const { world } = runtime;
  const pidNamespace = world.pidNamespace();
  const inside = runtime.doorOf(world.task({ pid: 10, pidNamespace }));
  const fd = map(inside);
  const ask = (door: ProcessDoor, pid: number): unknown => {
    const text = door.readText(`/proc/${pid}/fdinfo/${fd}`);
    return typeof text === 'number' ? text : 'text';
  };
  expect([ask(inside, 1), ask(inside, 10), ask(runtime, 10), ask(runtime, 1)]).toEqual([
    'text',
    ENOENT,
    'text',
    ENOENT,
  ]);
  expect(inside.readText(`/proc/self/fdinfo/${fd}`)).toContain('map_type');
  const query = { pid: 1, fd };
  expect(inside.bpf(C.BPF_TASK_FD_QUERY, { task_fd_query: query })).toBe(-524);
  expect(runtime.bpf(C.BPF_TASK_FD_QUERY, { task_fd_query: query })).toBe(EBADF);
});
