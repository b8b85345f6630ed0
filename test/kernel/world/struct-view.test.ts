/** Kernel structs by BTF: filled by names, read back, seen by programs, and refused with the path of what is wrong. */
import { describe, expect, test } from 'vitest';
import { Btf } from '../../../src/btf/btf.ts';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { createRuntime, type Engine } from '../../../src/kernel/boot/runtime.ts';
import { StructError, type StructFault, type StructView } from '../../../src/kernel/world/struct-view.ts';
import { MissingTypes } from '../../../src/kernel/world/layouts.ts';
import type { World } from '../../../src/kernel/world/world.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';
import { kernelBtf } from '../syscall/embedded.ts';

const world = (): World => createRuntime({ memory: 16 << 20, kernelBtf }).world;

/** The error that something throws. */
function fault(work: () => unknown): StructError {
  try {
    work();
  } catch (error) {
    if (error instanceof StructError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('members', () => {
  test('of all kinds are set by name and read back', () => {
    const w = world();
    const inode = w.struct('inode', { i_ino: 4711n, i_mode: 0o100644, i_uid: { val: 1000 } });
    const dentry = w.struct('dentry', {
      // An anonymous union inside of struct qstr, a char *, a pointer, an array of char inside of a union.
      d_name: { name: 'passwd', len: 6, hash: 0xdead_beef },
      d_inode: inode,
    });
    const file = w.struct('file', { f_path: { dentry }, f_mode: 1, f_pos: -1n });
    expect(inode.get('i_ino')).toBe(4711n);
    expect([inode.get('i_mode'), inode.get('i_uid.val')]).toEqual([0o100644, 1000]);
    expect(dentry.get('d_name.len')).toBe(6);
    expect([file.get('f_pos'), file.get('f_path.dentry')]).toEqual([-1n, BigInt(dentry.addr)]);
    expect(file.follow('f_path.dentry')?.follow('d_inode')?.get('i_ino')).toBe(4711n);
    expect(file.follow('f_inode')).toBeUndefined();
    const text = Number(dentry.get('d_name.name'));
    const bytes = w.structs.env.mem.u8.subarray(text, text + 7);
    expect(new TextDecoder().decode(bytes)).toBe('passwd\0');
  });

  test('that are arrays take lists, text, bytes and single elements', () => {
    const task = world().struct('task_struct', { comm: 'skep', pid: 42, thread_pid: null });
    expect([task.get('comm'), task.get('pid'), task.get('comm[1]')]).toEqual(['skep', 42, 'k'.charCodeAt(0)]);
    task.set({ comm: 'a' });
    expect(task.get('comm')).toBe('a');
    task.setAt('comm[1]', 98);
    task.set({ comm: Uint8Array.of(99) });
    expect(task.get('comm')).toBe('cb');
    task.setAt('pid', 43);
    expect([task.get('pid'), task.addressOf('pid') > task.addr]).toEqual([43, true]);
  });

  test('that are bit fields leave their neighbours alone', () => {
    const skb = world().struct('sk_buff', { pkt_type: 5, ip_summed: 2, csum_level: 3, l4_hash: 1 });
    const read = (): unknown[] => ['pkt_type', 'ip_summed', 'csum_level', 'l4_hash', 'sw_hash'].map((m) => skb.get(m));
    expect(read()).toEqual([5, 2, 3, 1, 0]);
    skb.set({ ip_summed: 1, sw_hash: true });
    expect(read()).toEqual([5, 1, 3, 1, 1]);
    expect(fault(() => skb.set({ ip_summed: 4 })).message).toBe('sk_buff.ip_summed: 4 is not in 0..3');
    expect(fault(() => skb.addressOf('ip_summed')).fault).toBe('wrong-type');
  });

  test('that are enums take names', () => {
    const work = world().struct('hrtimer', { is_rel: 1 });
    expect(work.get('is_rel')).toBe(1);
    const queue = world().struct('xdp_mem_info', { type: 1 });
    expect(queue.get('type')).toBe(1);
    const page = world().struct('wait_page_queue');
    expect(page.size).toBeGreaterThan(0);
    const attr = world().struct('bpf_prog', { type: 'BPF_PROG_TYPE_XDP', expected_attach_type: 'BPF_XDP' });
    expect([attr.get('type'), attr.get('expected_attach_type')]).toEqual([6, 37]);
    expect(fault(() => attr.set({ type: 'BPF_PROG_TYPE_NONE' })).fault).toBe('out-of-range');
  });

  test('may point in circles', () => {
    const w = world();
    const parent = w.struct('task_struct', { comm: 'parent' });
    const child = w.struct('task_struct', { comm: 'child', real_parent: parent });
    parent.set({ real_parent: child, group_leader: parent });
    let at: StructView | undefined = parent;
    const names: unknown[] = [];
    for (let i = 0; i < 5 && at !== undefined; i++, at = at.follow('real_parent')) names.push(at.get('comm'));
    expect(names).toEqual(['parent', 'child', 'parent', 'child', 'parent']);
    // Whole structs, circles and all, are plain values.
    expect(parent.get()).toMatchObject({
      comm: 'parent',
      real_parent: BigInt(child.addr),
      group_leader: BigInt(parent.addr),
    });
  });
});

describe('what cannot be is refused by its path', () => {
  const cases: readonly (readonly [StructFault, string, string, object])[] = [
    ['unknown-member', 'file.f_path.nobody', 'struct path has no such member', { f_path: { nobody: 1 } }],
    ['unknown-member', 'file.f_nobody', 'struct file has no such member', { f_nobody: 1 }],
    ['wrong-type', 'file.f_path', 'struct path takes an object of its members', { f_path: 1 }],
    ['wrong-type', 'file.f_pos', 'takes an integer', { f_pos: 'far' }],
    ['wrong-type', 'file.f_pos', 'takes an integer', { f_pos: 1.5 }],
    ['wrong-type', 'file.f_path.dentry', 'takes a struct of the world', { f_path: { dentry: 'name' } }],
    ['out-of-range', 'file.f_flags', '-1 is not in 0..4294967295', { f_flags: -1 }],
    ['out-of-range', 'file.f_flags', '4294967296 is not in', { f_flags: 2 ** 32 }],
    ['out-of-range', 'file.f_path.mnt', 'is no address', { f_path: { mnt: 1n << 64n } }],
  ];
  test.each(cases)('%s at %s', (what, path, said, values) => {
    const w = world();
    const { blocks } = w.structs.env.heap;
    const error = fault(() => w.struct('file', values as never));
    expect([error.fault, error.path]).toEqual([what, path]);
    expect(error.message).toContain(said);
    // What was half made is gone.
    expect(w.structs.env.heap.blocks).toBe(blocks);
  });

  test('pointers lead to what their type says, and void * anywhere', () => {
    const w = world();
    const inode = w.struct('inode');
    const file = w.struct('file', { private_data: inode, f_inode: inode });
    expect(fault(() => file.set({ f_path: { dentry: inode } })).message).toBe(
      'file.f_path.dentry: it leads to dentry, not to struct inode',
    );
    expect([file.get('f_inode'), file.get('private_data')]).toEqual([BigInt(inode.addr), BigInt(inode.addr)]);
    file.set({ f_inode: 0x1000 });
    expect(file.get('f_inode')).toBe(0x1000n);
    file.set({ f_inode: 1n << 40n });
    expect(fault(() => file.follow('f_inode')).fault).toBe('out-of-range');
    expect(fault(() => file.follow('f_pos')).fault).toBe('wrong-type');
  });

  test('text and lists that are too long', () => {
    const task = world().struct('task_struct');
    expect(fault(() => task.set({ comm: 'x'.repeat(16) })).message).toContain(
      '16 bytes of text and a NUL do not fit 16',
    );
    expect(fault(() => task.set({ comm: new Uint8Array(17) })).fault).toBe('out-of-range');
    expect(fault(() => task.set({ comm: Array.from({ length: 17 }, () => 1) })).path).toBe('task_struct.comm[16]');
    expect(fault(() => task.get('comm[16]')).fault).toBe('out-of-range');
    expect(fault(() => task.get('pid.x')).fault).toBe('wrong-type');
    expect(fault(() => task.get('pid[0]')).fault).toBe('wrong-type');
  });

  test('types that the kernel lacks, or no types at all', () => {
    expect(() => world().struct('nobody')).toThrow(MissingTypes);
    expect(() => createRuntime({ memory: 1 << 20 }).world.struct('file')).toThrow(MissingTypes);
  });

  test('a struct that was freed, and memory that has run out', () => {
    const w = world();
    const { heap } = w.structs.env;
    const before = heap.used;
    const dentry = w.struct('dentry', { d_name: { name: 'some text' } });
    dentry[Symbol.dispose]();
    dentry[Symbol.dispose]();
    expect(heap.used).toBe(before);
    expect(fault(() => dentry.get()).fault).toBe('freed');
    heap.budget = heap.used + 64;
    expect(fault(() => w.struct('task_struct')).fault).toBe('no-memory');
  });
});

test.each(['jit', 'interp'] as const)('programs see what was filled in (%s)', (engine: Engine) => {
  const sys = createRuntime({ memory: 16 << 20, kernelBtf, engine, clock: 'virtual' });
  const { world: w } = sys;
  const parent = w.struct('task_struct', { comm: 'parent', tgid: 7 });
  const task = w.struct('task_struct', { comm: 'child', tgid: 8, real_parent: parent });
  // probe_read_kernel of a pointer and of what it leads to.
  const insns = encodeInsns(
    assemble(`
  r6 = *(u64 *)(r1 + 0)
  r1 = r10
  r1 += -8
  r2 = 8
  r3 = r6
  call 113
  r1 = r10
  r1 += -16
  r2 = 4
  r3 = *(u64 *)(r10 - 8)
  r3 += ${parent.addressOf('tgid') - parent.addr}
  call 113
  r0 = *(u32 *)(r10 - 16)
  exit`),
  );
  const fd = sys.bpf(C.BPF_PROG_LOAD, { prog_type: T.BPF_PROG_TYPE_RAW_TRACEPOINT, insns, license: 'GPL' });
  const ctx = new BigUint64Array([BigInt(task.addressOf('real_parent'))]);
  const { r0 } = sys.program(fd)?.runContext(new Uint8Array(ctx.buffer)) ?? { r0: [0, 0] };
  expect(r0[0]).toBe(7);
});

test('devices are structs of the world', () => {
  const { world: w } = createRuntime({
    ...{ memory: 16 << 20, kernelBtf },
    interfaces: [{ ifindex: 3, name: 'eth0', rxQueues: 2 }],
  });
  const device = w.devices.get(3);
  const dev = w.structs.at('net_device', device?.addr ?? 0);
  expect(['ifindex', 'name', 'mtu', 'real_num_rx_queues'].map((m) => dev.get(m))).toEqual([3, 'eth0', 1500, 2]);
  const rxq = w.structs.at('xdp_rxq_info', device?.rxq[1] ?? 0);
  expect([rxq.get('queue_index'), rxq.follow('dev')?.get('ifindex')]).toEqual([1, 3]);
});

test('Btf given as a value will do', () => {
  expect(kernelBtf()).toBeInstanceOf(Btf);
  expect(createRuntime({ memory: 8 << 20, kernelBtf: kernelBtf() }).world.struct('file').size).toBeGreaterThan(100);
});
