/** What links tell of themselves: the fields, names and lists that Linux 6.18 gives for the same links, and the lines of fdinfo. */
import { beforeAll, describe, expect, test } from 'vitest';
import { createRuntime, type Runtime } from '../../../../src/kernel/boot/runtime.ts';
import type { LinkCreateAttr, ProgLoadAttr } from '../../../../src/uapi/attr/attr.ts';
import { BPF_ATTACH_TYPE as A } from '../../../../src/uapi/attach-types.ts';
import { BPF_CMD as C } from '../../../../src/uapi/cmd.ts';
import { ERRNO as E } from '../../../../src/uapi/errno.ts';
import { BPF_PROG_TYPE as T } from '../../../../src/uapi/prog-types.ts';
import type { InfoKind } from '../../../../src/uapi/info-layout.ts';
import { readObjInfo } from '../../../../src/uapi/obj-info.ts';
import { kernelBtf } from '../embedded.ts';

const insns = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
let sys: Runtime;
beforeAll(() => {
  sys = createRuntime({ kernelBtf, memory: 64 << 20 });
  sys.world.trace.binaries.add('/usr/bin/true', { size: 0x8000, symbols: { main: 0x2000 } });
});
const load = (prog_type: number, more: Partial<ProgLoadAttr> = {}): number =>
  sys.bpf(C.BPF_PROG_LOAD, { prog_type, insns, license: 'GPL', ...more });
const attach = (given: LinkCreateAttr['link_create']): number => sys.bpf(C.BPF_LINK_CREATE, { link_create: given });
const probed = (probe_name: string, returns: bigint, cookie: bigint): number =>
  attach({
    ...{ prog_fd: load(T.BPF_PROG_TYPE_KPROBE), attach_type: A.BPF_PERF_EVENT, perf_event: { bpf_cookie: cookie } },
    target_fd: sys.perfEventOpen({ type: 8, probe_name, config: returns }),
  });
const words = (...values: bigint[]): Uint8Array => new Uint8Array(BigUint64Array.from(values).buffer);
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).replace(/\0+$/, '');
const told = (kind: InfoKind, fd: number, want: readonly string[]) => {
  const found = readObjInfo(sys, kind, fd, want);
  if (typeof found === 'number') throw new Error(`info: ${found}`);
  const { id, prog_id: prog, ...values } = found.values;
  expect([Number(id) > 0, Number(prog) > 0]).toEqual([true, true]);
  return { values, buffers: found.buffers };
};
/** Lines of fdinfo behind those that all links have. */
const lines = (fd: number): string[] => {
  const all = (sys.readText(`/proc/self/fdinfo/${fd}`) as string).trimEnd().split('\n');
  expect(all.slice(0, 2)).toEqual(['pos:\t0', 'flags:\t02000000']);
  expect(all.slice(3, 6).map((line) => line.split(':')[0])).toEqual(['link_id', 'prog_tag', 'prog_id']);
  return [all[2], ...all.slice(6)];
};

describe('links to perf events', () => {
  test('kprobe and kretprobe', () => {
    const fd = probed('vfs_read', 0n, 77n);
    const { values, buffers } = told('link_perf_kprobe', fd, ['func_name']);
    const { addr, ...others } = values;
    expect(others).toEqual({ type: 7, event: 3, name_len: 9, offset: 0, missed: 0n, cookie: 77n });
    expect(text(buffers.func_name)).toBe('vfs_read');
    const hex = `0x${BigInt(addr as bigint).toString(16)}`;
    const shown = [
      'name:\tvfs_read',
      'offset:\t0x0',
      'missed:\t0',
      `addr:\t${hex}`,
      'event_type:\tkprobe',
      'cookie:\t77',
    ];
    expect(lines(fd)).toEqual(['link_type:\tperf', ...shown]);
    const returned = probed('vfs_read', 1n, 78n);
    expect(told('link_perf_kprobe', returned, []).values).toMatchObject({ event: 4, cookie: 78n });
    expect(lines(returned)).toContain('event_type:\tkretprobe');
  });

  test('trace event, uprobe and clock', () => {
    const id = BigInt(sys.readText('/sys/kernel/tracing/events/syscalls/sys_enter_openat/id'));
    const on = (prog: number, target_fd: number, bpf_cookie: bigint): number =>
      attach({ prog_fd: prog, attach_type: A.BPF_PERF_EVENT, target_fd, perf_event: { bpf_cookie } });
    const traced = on(load(T.BPF_PROG_TYPE_TRACEPOINT), sys.perfEventOpen({ type: 2, config: id }), 79n);
    const { values, buffers } = told('link_perf_tracepoint', traced, ['tp_name']);
    expect(values).toEqual({ type: 7, event: 5, name_len: 17, cookie: 79n });
    expect(text(buffers.tp_name)).toBe('sys_enter_openat');
    expect(lines(traced)).toEqual([
      'link_type:\tperf',
      'tp_name:\tsys_enter_openat',
      'event_type:\ttracepoint',
      'cookie:\t79',
    ]);

    const uprobe = { type: 9, probe_name: '/usr/bin/true', probe_offset: 0x2000n };
    const user = on(load(T.BPF_PROG_TYPE_KPROBE), sys.perfEventOpen(uprobe), 80n);
    const found = told('link_perf_uprobe', user, ['file_name']);
    expect(found.values).toEqual({ type: 7, event: 1, name_len: 14, offset: 0x2000, cookie: 80n, ref_ctr_offset: 0n });
    const file = [
      'name:\t/usr/bin/true',
      'offset:\t0x2000',
      'ref_ctr_offset:\t0x0',
      'event_type:\tuprobe',
      'cookie:\t80',
    ];
    expect(lines(user)).toEqual(['link_type:\tperf', ...file]);

    const clock = on(load(T.BPF_PROG_TYPE_PERF_EVENT), sys.perfEventOpen({ type: 1, sample_period: 1_000_000n }), 81n);
    expect(told('link_perf_event', clock, []).values).toEqual({
      type: 7,
      event: 6,
      config: 0n,
      event_type: 6,
      cookie: 81n,
    });
    expect(lines(clock)).toEqual(['link_type:\tperf', 'type:\t6', 'config:\t0', 'event_type:\tevent', 'cookie:\t81']);
  });

  test('room for a name that is too small gets what fits, and no struct', () => {
    const fd = probed('vfs_read', 0n, 0n);
    const ask = (size: number): unknown => {
      const [info, name] = [new Uint8Array(64), new Uint8Array(size)];
      const answer = sys.bpf(C.BPF_OBJ_GET_INFO_BY_FD, {
        info: { bpf_fd: fd, info, kind: 'link_perf_kprobe', buffers: { func_name: name } },
      });
      return [answer, text(name), info[0]];
    };
    expect(ask(9)).toEqual([0, 'vfs_read', 7]);
    expect(ask(5)).toEqual([-E.ENOSPC, 'vfs_', 0]);
    expect(ask(0)).toEqual([-E.EINVAL, '', 0]);
  });
});

test('kprobes are told in the order of their addresses, with their cookies', () => {
  const prog_fd = load(T.BPF_PROG_TYPE_KPROBE, { expected_attach_type: A.BPF_TRACE_KPROBE_MULTI });
  const kprobe_multi = { syms: ['vfs_write', 'vfs_read'], cookies: words(7n, 8n), flags: 1 };
  const fd = attach({ prog_fd, attach_type: A.BPF_TRACE_KPROBE_MULTI, kprobe_multi });
  const { values, buffers } = told('link_kprobe_multi', fd, ['addrs', 'cookies']);
  expect(values).toEqual({ type: 8, count: 2, flags: 1, missed: 0n });
  const [first, second] = new BigUint64Array(buffers.addrs.slice().buffer);
  expect(first < second).toBe(true);
  expect([...new BigUint64Array(buffers.cookies.slice().buffer)].toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
    7n,
    8n,
  ]);
  expect(lines(fd)).toEqual(['link_type:\tkretprobe_multi', 'kprobe_cnt:\t2', 'missed:\t0']);
  const ask = (given: Record<string, Uint8Array>): number =>
    sys.bpf(C.BPF_OBJ_GET_INFO_BY_FD, {
      info: { bpf_fd: fd, info: new Uint8Array(64), kind: 'link_kprobe_multi', buffers: given },
    });
  expect(ask({ addrs: new Uint8Array(8), cookies: new Uint8Array(8) })).toBe(-E.ENOSPC);
  expect(ask({ cookies: new Uint8Array(16) })).toBe(-E.EINVAL);
  expect(ask({ addrs: new Uint8Array(32) })).toBe(0);
});

test('uprobes of one file, by their places', () => {
  const prog_fd = load(T.BPF_PROG_TYPE_KPROBE, { expected_attach_type: A.BPF_TRACE_UPROBE_MULTI });
  const uprobe_multi = { path: '/usr/bin/true', offsets: words(0x2000n, 0x2010n), cookies: words(7n, 8n) };
  const fd = attach({ prog_fd, attach_type: A.BPF_TRACE_UPROBE_MULTI, uprobe_multi });
  const { values, buffers } = told('link_uprobe_multi', fd, ['path', 'offsets', 'ref_ctr_offsets', 'cookies']);
  expect(values).toEqual({ type: 12, path_size: 14, count: 2, flags: 0, pid: 0 });
  expect(text(buffers.path)).toBe('/usr/bin/true');
  expect([...new BigUint64Array(buffers.offsets.slice().buffer)]).toEqual([0x2000n, 0x2010n]);
  expect([...new BigUint64Array(buffers.cookies.slice().buffer)]).toEqual([7n, 8n]);
  expect(lines(fd)).toEqual(['link_type:\tuprobe_multi', 'uprobe_cnt:\t2', 'pid:\t0', 'path:\t/usr/bin/true']);
  const ask = (given: Record<string, Uint8Array>): number =>
    sys.bpf(C.BPF_OBJ_GET_INFO_BY_FD, {
      info: { bpf_fd: fd, info: new Uint8Array(64), kind: 'link_uprobe_multi', buffers: given },
    });
  expect(ask({ path: new Uint8Array(13) })).toBe(-E.ENAMETOOLONG);
  expect(ask({ offsets: new Uint8Array(8) })).toBe(-E.ENOSPC);
  expect(ask({ offsets: new Uint8Array(0) })).toBe(-E.EINVAL);
});

test('iterators tell their target, and which tasks or map they are for', () => {
  const iterator = (target: string, iter_info?: Uint8Array): number =>
    attach({
      prog_fd: load(T.BPF_PROG_TYPE_TRACING, {
        ...{ expected_attach_type: A.BPF_TRACE_ITER, attach_btf_id: kernelBtf().find(`bpf_iter_${target}`, 12) },
      }),
      attach_type: A.BPF_TRACE_ITER,
      ...(iter_info === undefined ? {} : { iter: { iter_info } }),
    });
  const all = iterator('task');
  const { values, buffers } = told('link_iter_task', all, ['target_name']);
  expect(values).toEqual({ type: 4, target_name_len: 5, tid: 0, pid: 0 });
  expect(text(buffers.target_name)).toBe('task');
  expect(lines(all)).toEqual(['link_type:\titer', 'target_name:\ttask', 'task_type:\tALL']);
  const one = iterator('task', new Uint8Array(Uint32Array.of(sys.world.tasks.current.pid, 0, 0).buffer));
  expect(lines(one).slice(2)).toEqual(['task_type:\tTID', `tid:\t${sys.world.tasks.current.pid}`]);
  const map_fd = sys.bpf(C.BPF_MAP_CREATE, { map_type: 1, key_size: 4, value_size: 8, max_entries: 4 });
  const elements = iterator('bpf_map_elem', new Uint8Array(Uint32Array.of(map_fd).buffer));
  expect(told('link_iter', elements, []).values).toMatchObject({ target_name_len: 13, map_id: 1 });
});

test('TASK_FD_QUERY tells of events and tracepoints, as much as there is room for', () => {
  const task_fd_query = (fd: number, size: number) => {
    const query = { pid: sys.world.tasks.current.pid, fd, buf: new Uint8Array(size), buf_len: 0 };
    const answer = sys.bpf(C.BPF_TASK_FD_QUERY, { task_fd_query: query });
    return { answer, name: text(query.buf), ...query };
  };
  const event = sys.perfEventOpen({ type: 8, probe_name: 'vfs_write' });
  expect(task_fd_query(event, 64).answer).toBe(-E.ENOENT);
  const prog_fd = load(T.BPF_PROG_TYPE_KPROBE);
  attach({ prog_fd, attach_type: A.BPF_PERF_EVENT, target_fd: event });
  expect(task_fd_query(event, 64)).toMatchObject({
    answer: 0,
    name: 'vfs_write',
    buf_len: 9,
    fd_type: 2,
    probe_offset: 0n,
  });
  expect(task_fd_query(event, 5)).toMatchObject({ answer: -E.ENOSPC, name: 'vfs_', buf_len: 9, fd_type: 2 });
  const raw = sys.bpf(C.BPF_RAW_TRACEPOINT_OPEN, {
    raw_tracepoint: { prog_fd: load(T.BPF_PROG_TYPE_RAW_TRACEPOINT), name: 'sys_enter' },
  });
  expect(task_fd_query(raw, 64)).toMatchObject({
    answer: 0,
    name: 'sys_enter',
    buf_len: 9,
    fd_type: 0,
    probe_addr: 0n,
  });
  expect(task_fd_query(prog_fd, 64).answer).toBe(-E.ENOTSUPP);
  expect(task_fd_query(999, 64).answer).toBe(-E.EBADF);
});
