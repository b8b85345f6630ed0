/** Memory of processes: read by user addresses, and by no others; one process does not see another's. */
import { describe, expect, test } from 'vitest';
import { createRuntime, type Runtime } from '../../../../src/kernel/boot/runtime.ts';
import { BPF_FUNC as F } from '../../../../src/uapi/helper-ids.ts';
import type { AddressSpace } from '../../../../src/kernel/world/user/address-space.ts';
import { setupHelpers } from '../../helpers/setup.ts';

const EFAULT = -14n;
const EINVAL = -22n;
const EPERM = -1n;
const ERANGE = -34n;
const PAGE = 4096;
const AT = 0x5555_5555_0000n;

describe('addresses say whose memory it is', () => {
  const s = setupHelpers();
  const user = s.space.map('hello');
  const kernel = BigInt(s.put('hello\0'));
  const to = s.put(new Uint8Array(8));
  const read = (id: number, address: bigint): bigint => BigInt.asIntN(64, s.call(id, to, 6, address));

  test.each([
    [F.BPF_FUNC_probe_read_user, 0n, EFAULT],
    [F.BPF_FUNC_copy_from_user, 0n, EFAULT],
    [F.BPF_FUNC_probe_read_kernel, ERANGE, 0n],
    [F.BPF_FUNC_probe_read, 0n, 0n],
    [F.BPF_FUNC_probe_read_user_str, 6n, EFAULT],
    [F.BPF_FUNC_probe_read_kernel_str, ERANGE, 6n],
    [F.BPF_FUNC_probe_read_str, 6n, 6n],
  ])('helper %i', (id, ofUser, ofKernel) => {
    expect(read(id, user.addr)).toBe(ofUser);
    expect(read(id, kernel)).toBe(ofKernel);
  });
});

describe('areas', () => {
  const setup = () => {
    const s = setupHelpers();
    const to = s.put(new Uint8Array(3 * PAGE));
    const text = (n: number): string => new TextDecoder().decode(s.env.mem.read(to, n));
    return { s, to, text, read: (address: bigint, n: number) => s.call(F.BPF_FUNC_probe_read_user, to, n, address) };
  };

  test('join, and end with their last page', () => {
    const { s, text, read } = setup();
    s.space.map('x'.repeat(PAGE), { at: AT });
    expect(read(AT + 1n, PAGE)).toBe(0n);
    // Text takes a NUL, which is on a page of its own here.
    expect(read(AT, 2 * PAGE)).toBe(0n);
    expect(read(AT, 2 * PAGE + 1)).toBe(EFAULT);
    expect(text(2 * PAGE)).toBe('\0'.repeat(2 * PAGE));
    s.space.map('y', { at: AT + 2n * 4096n });
    expect(read(AT + 8190n, 4)).toBe(0n);
    expect(text(4)).toBe('\0\0y\0');
    expect(read(AT - 1n, 1)).toBe(EFAULT);
  });

  test('text ends at its NUL, before a page that is not there', () => {
    const { s, to, text } = setup();
    const str = (address: bigint, n: number) => s.call(F.BPF_FUNC_probe_read_user_str, to, n, address);
    s.space.map(new Uint8Array(PAGE).fill(0x61).with(PAGE - 1, 0), { at: AT });
    expect(str(AT + 4092n, 64)).toBe(4n);
    expect(text(4)).toBe('aaa\0');
    expect(str(AT + 4000n, 4)).toBe(4n);
    expect(text(4)).toBe('aaa\0');
    s.space.map(new Uint8Array(PAGE).fill(0x61), { at: AT + 8192n });
    expect(str(AT + 8192n + 4092n, 64)).toBe(EFAULT);
    expect(str(AT, 0)).toBe(0n);
  });

  test('go to the first place that is free', () => {
    const { s } = setup();
    const [a, b, c] = [s.space.map('a'), s.space.map(2 * PAGE), s.space.map('c')];
    expect([a, b, c].map(({ addr }) => addr - a.addr)).toEqual([0n, 4096n, 12288n]);
    b[Symbol.dispose]();
    b[Symbol.dispose]();
    expect([s.space.map(2 * PAGE + 1).addr, s.space.map(1).addr].map((addr) => addr - a.addr)).toEqual([16384n, 4096n]);
    expect(s.space.read(a.addr, 2)).toEqual(Uint8Array.of(0x61, 0));
    expect(s.space.read(a.addr + 8192n, 1)).toBeUndefined();
  });

  test('more than a table holds at first', () => {
    const { s, read, text } = setup();
    const made = Array.from({ length: 40 }, (_, i) =>
      s.space.map(`${i}`.padStart(2, '0'), { at: AT - BigInt(i) * 8192n }),
    );
    for (const [i, { addr }] of made.entries()) {
      expect(read(addr, 2)).toBe(0n);
      expect(Number(text(2))).toBe(i);
      expect(read(addr + 4096n, 1)).toBe(EFAULT);
    }
  });

  test.each([
    [1n, 'no multiple of 4096'],
    [0x40_0000n, 'lies from 0x100000000'],
    [0x7fff_ffff_f000n, 'lies from'],
    [AT + 4096n, 'is in use'],
  ])('at 0x%x there are none', (at, message) => {
    const { s } = setup();
    s.space.map(3 * PAGE, { at: AT });
    expect(() => s.space.map(1, { at })).toThrow(message);
  });
  test.each([-1, 0.5, Number.NaN])('of %d bytes there are none', (size) => {
    expect(() => setup().s.space.map(size)).toThrow(RangeError);
  });
});

describe('writes', () => {
  const s = setupHelpers();
  const from = s.put(new Uint8Array(2 * PAGE).fill(7));
  const write = (address: bigint, n: number): bigint => s.call(F.BPF_FUNC_probe_write_user, address, from, n);
  const page = s.space.map(PAGE, { at: AT });

  test('go where they are allowed', () => {
    expect(write(AT + 4090n, 6)).toBe(0n);
    expect(page.bytes.subarray(4089)).toEqual(Uint8Array.of(0, 7, 7, 7, 7, 7, 7));
    expect(write(AT + 4095n, 2)).toBe(EFAULT);
    s.space.map(PAGE, { at: AT + 4096n, readOnly: true });
    expect(write(AT + 4095n, 2)).toBe(EFAULT);
    expect(s.space.read(AT + 4096n, 1)).toEqual(Uint8Array.of(0));
    expect(write(BigInt(from), 1)).toBe(EFAULT);
  });

  test.each([0x20_0000, 4])('not in a task with flags %i', (flags) => {
    const { current } = s.env;
    const { struct, group, threadSignals, groupSignals } = current;
    const { namespace, nsPid, nsTgid } = current;
    const places = { struct, group, threadSignals, groupSignals, namespace, nsPid, nsTgid };
    const ids = { pid: 2, tgid: 2, uid: 0, gid: 0, comm: 'kworker', cgroupId: 1n };
    current.set(ids, { ...places, space: s.space.record, flags });
    expect(write(AT, 1)).toBe(EPERM);
  });
});

describe('a world', () => {
  const kernel = (): Runtime => createRuntime({ memory: 16 << 20, clock: 'virtual' });

  test('has bytes in the process that runs, until they are disposed of', () => {
    using runtime = kernel();
    const bytes = runtime.world.user(Uint8Array.of(1, 2, 3));
    expect(bytes.addr >> 32n).toBe(0x7f00n);
    expect([...bytes.bytes]).toEqual([1, 2, 3]);
    bytes[Symbol.dispose]();
    bytes[Symbol.dispose]();
    expect(() => runtime.world.user(new Uint8Array(32 << 20))).toThrow('no memory');
  });

  test('threads share what other processes do not see', () => {
    using runtime = kernel();
    const { world } = runtime;
    const [a, thread, b] = [world.task({ pid: 10 }), world.task({ pid: 11, tgid: 10 }), world.task({ pid: 20 })];
    const read = ({ memory }: { readonly memory: AddressSpace }) => new TextDecoder().decode(memory.read(AT, 2));
    a.memory.map('in A', { at: AT });
    b.memory.map('to B', { at: AT });
    expect([a, thread, b].map(read)).toEqual(['in', 'in', 'to']);
    a[Symbol.dispose]();
    expect(read(thread)).toBe('in');
    const { memory } = thread;
    thread[Symbol.dispose]();
    expect(memory.read(AT, 1)).toBeUndefined();
    expect(() => memory.map('late')).toThrow('has ended');
    expect(world.task({ pid: 10 }).memory.read(AT, 1)).toBeUndefined();
  });

  test('kernel threads have none', () => {
    using runtime = kernel();
    const { world } = runtime;
    expect(() => world.task({ pid: 0 }).memory).toThrow('task 0 is a kernel thread');
    expect(() => world.task({ pid: 2, kernelThread: true }).run(() => world.user('x'))).toThrow('kernel thread');
  });

  test('snapshots keep it', () => {
    using runtime = kernel();
    const { world } = runtime;
    const before = world.user('before');
    const snapshot = runtime.snapshot();
    const after = world.user('after');
    before[Symbol.dispose]();
    runtime.restore(snapshot);
    const { memory } = world.tasks.current;
    expect(new TextDecoder().decode(memory.read(before.addr, 6))).toBe('before');
    expect(memory.read(after.addr, 1)).toBeUndefined();
    // What vanished ends nothing.
    const again = world.user('again');
    after[Symbol.dispose]();
    expect(memory.read(again.addr, 1)).toEqual(Uint8Array.of(0x61));
  });
});

test('the memory of any task is read through its struct', () => {
  const s = setupHelpers();
  const { mem, alloc, layouts } = s.env;
  const [task, mm] = (['task_struct', 'mm_struct'] as const).map((name) => {
    const { size } = layouts!.struct(name);
    const at = alloc(size, 16);
    mem.u8.fill(0, at, at + size);
    return at;
  });
  const to = s.put(new Uint8Array(8).fill(9));
  const read = (address: bigint, flags = 0, n = 5): bigint =>
    s.call(F.BPF_FUNC_copy_from_user_task, to, n, address, task, flags);
  const { addr } = s.space.map('other');
  expect(read(addr)).toBe(EFAULT);
  mem.u32[(task + layouts!.struct('task_struct').offset('mm')) >>> 2] = mm;
  mem.u32[(mm + layouts!.struct('mm_struct').offset('pgd')) >>> 2] = s.space.record;
  expect(read(addr)).toBe(0n);
  expect(new TextDecoder().decode(mem.read(to, 5))).toBe('other');
  expect(read(addr, 1)).toBe(EINVAL);
  expect(read(0n, 0, 0)).toBe(0n);
  expect(read(addr + 4095n)).toBe(EFAULT);
  expect([...mem.read(to, 6)]).toEqual([0, 0, 0, 0, 0, 9]);
});
