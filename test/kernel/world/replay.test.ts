/** Events that happen again: their time, their task, their hook, and what is wrong with those that cannot. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/kernel/boot/runtime.ts';
import { EventError, type WorldEvent } from '../../../src/kernel/world/replay.ts';
import type { Collection } from '../../../src/lib/collection.ts';
import { parseObject } from '../../../src/lib/parse-object.ts';
import { kernelBtf } from '../syscall/embedded.ts';

function load(file: string, programs: readonly string[]): { runtime: Runtime; object: Collection } {
  const runtime = createRuntime({ memory: 64 << 20, kernelBtf, clock: { boot: 0n } });
  const object = parseObject(readFileSync(`test/fixtures/hooks/${file}.o`)).load(runtime, {
    programs,
    kernelBtf: kernelBtf(),
  });
  object.attach();
  return { runtime, object };
}

test('time passes, tasks run, hooks are passed', () => {
  const { runtime, object } = load('task', ['look']);
  const seen = (): unknown => object.variable('seen').getVariable('seen');
  const hook = 'raw_tp:sched_switch';
  const sh = { pid: 7, comm: 'sh', uid: 1000, ppid: 3, cgroup: '/user.slice' };
  expect(runtime.replay([{ t: 5_000, task: sh, hook }])).toBe(1);
  expect(runtime.world.time.now()).toBe(5_000n);
  expect(seen()).toMatchObject({ pid_tgid: (7n << 32n) | 7n, comm: 'sh', ppid: 3, euid: 1000, group: 'user.slice' });
  // What is not said stays as it was; another name makes another task of the same pid.
  runtime.replay([{ t: 6_000n, task: { pid: 7, comm: 'ls' }, hook }]);
  expect(seen()).toMatchObject({ comm: 'ls', ppid: 3, euid: 1000, group: 'user.slice' });
  runtime.replay([{ task: { pid: 1, comm: 'init' }, hook }]);
  expect(seen()).toMatchObject({ comm: 'init', pid_tgid: (1n << 32n) | 1n });
  expect(runtime.replay([{ t: 9_000 }, {}])).toBe(2);
  expect(runtime.world.time.now()).toBe(9_000n);
});

test('memory of tasks, and the namespaces that they live in', () => {
  const { runtime, object } = load('process', ['act']);
  const at = 0x7ffd_0000_0ffc;
  const hook = 'syscall:access';
  const seen = (mode: number, task: WorldEvent['task']): Record<string, unknown> => {
    runtime.replay([{ task: task!, hook, args: [at, 0x1000 + mode] }]);
    return object.variable('seen').getVariable('seen') as Record<string, unknown>;
  };
  object.variable('size').setVariable('size', 12);
  const text = (n: number): number[] => [...new TextEncoder().encode(`of ${n}, longer`)].slice(0, 11);
  for (const pid of [7, 8]) {
    // Over the end of a page.
    const { ret, text: read } = seen(2, { pid, memory: { [`0x${at.toString(16)}`]: `of ${pid}, longer` } });
    expect([ret, (read as number[]).slice(0, 11)]).toEqual([12n, text(pid)]);
  }
  expect((seen(2, { pid: 7 })['text'] as number[]).slice(0, 11)).toEqual(text(7));
  seen(2, { pid: 7, memory: { [String(at)]: [0x61, 0] } });
  expect(runtime.world.tasks.get(7)?.memory.read(BigInt(at), 3)).toEqual(Uint8Array.of(0x61, 0, 0x20));
  const inner = { pid: 9, pidNamespace: 77, nsPids: [3], userNamespace: 78, capabilities: 5, startTime: 9 };
  const words = seen(8, inner)['words'] as bigint[];
  expect(words.slice(0, 5).concat(words[9])).toEqual([1n, 9n, 3n, 1n, 77n, 9n]);
  expect((seen(9, inner)['words'] as bigint[]).slice(3, 6)).toEqual([5n, 5n, 1n]);
  // The same task, and one more in the same namespace.
  const before = runtime.world.tasks.get(9);
  seen(8, { pid: 9, pidNamespace: 77 });
  expect(runtime.world.tasks.get(9)).toBe(before);
  expect((seen(8, { pid: 10, pidNamespace: 77 })['words'] as bigint[])[2]).toBe(1n);
});

test('records, functions and system calls', () => {
  const { runtime, object } = load('probe', ['exec', 'openat', 'openat_exit', 'probe1', 'return11']);
  const events: WorldEvent[] = [
    { hook: 'tracepoint:sched:sched_process_exec', args: { filename: '/bin/ls', pid: 5 } },
    { hook: 'syscall:openat', args: [-100, '/etc/passwd', 7], ret: -2 },
    { hook: 'function:bpf_fentry_test1', args: { a: 3 }, ret: 4 },
  ];
  expect(runtime.replay(events)).toBe(3);
  const notes = object.variable('seen').getVariable('seen') as unknown as { id: number; arg: number }[];
  expect(notes.slice(0, 5).map(({ id, arg }) => [id, arg])).toEqual([
    [41, 5],
    [43, 7],
    [44, 0xffff_fffe],
    [1, 3],
    [11, 4],
  ]);
  expect(object.variable('text').getVariable('text')).toBe('/bin/ls');
});

test.each([
  [{ hook: 'tracepoint:no:such' }, 'no such trace event'],
  [{ hook: 'function:no_such' }, 'no such function'],
  [{ hook: 'syscall:no_such' }, 'no such function'],
  [{ hook: 'no_such' }, 'it begins with tracepoint:'],
  [{ hook: 7 }, 'hook is no text'],
  [{ hook: 'tracepoint:sched:sched_process_exec', args: { nothing: 1 } }, 'it has filename, pid, old_pid'],
  [{ hook: 'tracepoint:sched:sched_process_exec', args: [1] }, 'by the names of its fields'],
  [{ hook: 'function:bpf_fentry_test1', args: { b: 1 } }, 'it has a'],
  [{ hook: 'syscall:openat', args: { fd: 1 } }, 'in order'],
  [{ hook: 'syscall:openat', args: [1, 2, 3, 4, 5, 6, 7] }, 'more than the six'],
  [{ hook: 'syscall:openat', args: [1.5] }, 'no whole number'],
  [{ hook: 'syscall:openat', ret: 'no' }, 'no whole number'],
  [{ t: 0.5 }, 'no whole number of nanoseconds'],
  [{ t: 5 }, 'the clock is at 10 already'],
  [{ task: {}, hook: 'syscall:openat' }, 'task needs a pid'],
  [{ task: { pid: -1 }, hook: 'syscall:openat' }, '-1 is no pid'],
  [{ task: { pid: 7, comm: 5 }, hook: 'syscall:openat' }, 'comm of task 7 is no text'],
  [{ task: { pid: 7, uid: -1 }, hook: 'syscall:openat' }, 'uid of task 7 is -1, not in 0..4294967295'],
  [{ task: { pid: 1, gid: 2 ** 32 }, hook: 'syscall:openat' }, 'gid of task 1 is 4294967296'],
  [{ task: { pid: 7, cgroup: 5 }, hook: 'syscall:openat' }, 'cgroup of task is no path'],
  [{ task: { pid: 7, cgroup: '../x' }, hook: 'syscall:openat' }, 'begin with a slash'],
  [{ task: { pid: 7, cwd: '/' }, hook: 'syscall:openat' }, 'task has an unknown member cwd'],
  [{ task: { pid: 7, ppid: 0.5 }, hook: 'syscall:openat' }, '0.5 is no pid'],
  [{ task: { pid: 7, pidNamespace: 'x' }, hook: 'syscall:openat' }, 'x is no inode number'],
  [{ task: { pid: 7, userNamespace: 0 }, hook: 'syscall:openat' }, '0 is no inode number'],
  [{ task: { pid: 7, nsPids: [3] }, hook: 'syscall:openat' }, 'is 0 namespaces deep, and has 1 numbers there'],
  [{ task: { pid: 7, pidNamespace: 5, nsPids: [0] }, hook: 'syscall:openat' }, '0 is no pid'],
  [{ task: { pid: 1, pidNamespace: 5 }, hook: 'syscall:openat' }, 'process 1 lives in another namespace of pids'],
  [{ task: { pid: 7, capabilities: 'all' }, hook: 'syscall:openat' }, 'capabilities of task is all, no whole number'],
  [{ task: { pid: 7, startTime: -1 }, hook: 'syscall:openat' }, 'startTime of task 7 is -1'],
  [{ task: { pid: 7, exiting: 1 }, hook: 'syscall:openat' }, 'exiting of task 7 is neither true nor false'],
  [{ task: { pid: 7, signals: { blocked: [99] } }, hook: 'syscall:openat' }, '99 is not in 1..64'],
  [{ task: { pid: 7, memory: ['x'] }, hook: 'syscall:openat' }, 'memory of task is no object of addresses'],
  [{ task: { pid: 7, memory: { here: 'x' } }, hook: 'syscall:openat' }, 'here is no address'],
  [{ task: { pid: 7, memory: { 4096: 'x' } }, hook: 'syscall:openat' }, 'memory of processes lies from'],
  [{ task: { pid: 7, memory: { '0x7fff00000000': [256] } }, hook: 'syscall:openat' }, '256 is no byte'],
  [{ task: { pid: 7, kernelThread: true, memory: { 1: 'x' } }, hook: 'syscall:openat' }, 'is a kernel thread'],
  [{ hooks: 'syscall:openat' }, 'unknown member hooks'],
  [null, 'no object'],
])('%j', (event, says) => {
  const { runtime } = load('probe', ['exec', 'probe1']);
  expect(runtime.replay([{ t: 10 }])).toBe(1);
  const replay = (): unknown => runtime.replay([{}, event as WorldEvent]);
  expect(replay).toThrow(EventError);
  expect(replay).toThrow(says);
  expect(replay).toThrow(/^event 1: /);
  expect(runtime.world.tasks.current.pid).toBe(1);
});

test('with the clock of the host no time is set', () => {
  using runtime = createRuntime({ memory: 16 << 20, kernelBtf });
  const later = runtime.world.time.now() + 10n ** 15n;
  expect(() => runtime.replay([{ t: later }])).toThrow(RangeError);
});

test('structs that events share keep their address and what they had', () => {
  const { runtime } = load('probe', ['exec']);
  const { trace, structs } = runtime.world;
  const seen: number[] = [];
  trace.function('vfs_unlink').probes.attach('entry', 'single', ({ regs }) => {
    seen.push(Number(structs.at('pt_regs', regs).get('dx')));
  });
  const unlink = (dentry: object): WorldEvent => ({ hook: 'function:vfs_unlink', args: { dentry } as never });
  const parent = { $id: 'dir', d_name: { name: 'dir' } };
  runtime.replay([unlink({ $id: 1, d_name: { name: 'a' }, d_parent: parent }), unlink({ $id: 1 }), unlink({ $id: 2 })]);
  expect(seen[0]).toBe(seen[1]);
  expect(seen[2]).not.toBe(seen[0]);
  const kept = structs.at('dentry', seen[0]);
  expect(kept.follow('d_parent')?.name).toBe('dentry');
  // The same name is no struct of another type, and no list is a name.
  expect(() => runtime.replay([{ hook: 'function:vfs_unlink', args: { dir: { $id: 1 } } }])).toThrow(
    'it is a struct dentry',
  );
  expect(() => runtime.replay([unlink({ $id: [1] })])).toThrow('named by text or a number');
  expect(() => runtime.replay([unlink({ d_parent: { d_parent: { no_such: 1 } } })])).toThrow('no such member');
});
