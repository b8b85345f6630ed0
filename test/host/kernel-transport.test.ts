/** The kernel transport: typed attributes reach bpf(2) and its outputs come back. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { countCpus } from '../../src/host/kernel-traits.ts';
import { BPF_CMD } from '../../src/uapi/cmd.ts';
import { BPF_MAP_TYPE } from '../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE } from '../../src/uapi/prog-types.ts';
import { kernelAbsent, liveKernel } from './live-kernel.ts';

const kernel = await liveKernel();
if (kernel === undefined) console.log(`live kernel comparisons skipped: ${kernelAbsent}`);
afterAll(() => kernel?.[Symbol.dispose]());

const RETURN_2 = Uint8Array.of(0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);

describe.skipIf(kernel === undefined)('kernel transport', () => {
  test('a map keeps what is written', () => {
    const fd = kernel!.bpf(BPF_CMD.BPF_MAP_CREATE, {
      map_type: BPF_MAP_TYPE.BPF_MAP_TYPE_HASH,
      key_size: 4,
      value_size: 8,
      max_entries: 4,
    });
    expect(fd).toBeGreaterThan(0);
    const key = Uint8Array.of(1, 0, 0, 0);
    const value = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    expect(kernel!.bpf(BPF_CMD.BPF_MAP_UPDATE_ELEM, { map_fd: fd, key, value })).toBe(0);
    const out = new Uint8Array(8);
    expect(kernel!.bpf(BPF_CMD.BPF_MAP_LOOKUP_ELEM, { map_fd: fd, key, value: out })).toBe(0);
    expect(out).toEqual(value);
    expect(kernel!.bpf(BPF_CMD.BPF_MAP_DELETE_ELEM, { map_fd: fd, key })).toBe(0);
    expect(kernel!.bpf(BPF_CMD.BPF_MAP_DELETE_ELEM, { map_fd: fd, key })).toBe(-2);
    expect(kernel!.close(fd)).toBe(0);
    expect(kernel!.close(fd)).toBe(-9);
  });

  test('a program loads with its log, runs and describes itself', () => {
    const log = new Uint8Array(1 << 21);
    const attr = {
      prog_type: BPF_PROG_TYPE.BPF_PROG_TYPE_XDP,
      insns: RETURN_2,
      license: 'GPL',
      log_level: 2,
      log_buf: log,
      log_true_size: 0,
    };
    const fd = kernel!.bpf(BPF_CMD.BPF_PROG_LOAD, attr);
    expect(fd).toBeGreaterThan(0);
    const text = new TextDecoder().decode(log.subarray(0, log.indexOf(0)));
    expect(text).toContain('0: (b7) r0 = 2');
    expect(attr.log_true_size).toBe(text.length + 1);
    const run = { test: { prog_fd: fd, data_in: new Uint8Array(64), data_out: new Uint8Array(64) } };
    expect(kernel!.bpf(BPF_CMD.BPF_PROG_TEST_RUN, run)).toBe(0);
    expect(run.test).toMatchObject({ retval: 2, data_size_out: 64 });
    const info = { info: { bpf_fd: fd, info: new Uint8Array(256), info_len: 0 } };
    expect(kernel!.bpf(BPF_CMD.BPF_OBJ_GET_INFO_BY_FD, info)).toBe(0);
    expect(info.info.info_len).toBeGreaterThanOrEqual(232);
    kernel!.close(fd);
  });

  test('the kernel says what it is', () => {
    const { possibleCpus, pageSize, types } = kernel!.kernel;
    expect(possibleCpus).toBe(countCpus(readFileSync('/sys/devices/system/cpu/possible', 'utf8')));
    expect(pageSize % 4096).toBe(0);
    expect(types?.bytes.length).toBeGreaterThan(100_000);
  });

  test('a value of a per-CPU map has room for all CPUs, or the kernel is not asked', () => {
    const { possibleCpus } = kernel!.kernel;
    const attr = { map_type: BPF_MAP_TYPE.BPF_MAP_TYPE_PERCPU_ARRAY, key_size: 4, value_size: 4, max_entries: 1 };
    const fd = kernel!.bpf(BPF_CMD.BPF_MAP_CREATE, attr);
    const lookup = (value: Uint8Array): number =>
      kernel!.bpf(BPF_CMD.BPF_MAP_LOOKUP_ELEM, { map_fd: fd, key: new Uint8Array(4), value });
    expect(lookup(new Uint8Array(8 * possibleCpus))).toBe(0);
    expect(lookup(new Uint8Array(8 * possibleCpus - 1))).toBe(-14);
    kernel!.close(fd);
  });

  test('an info that an earlier call filled leads the kernel nowhere', () => {
    const attr = { prog_type: BPF_PROG_TYPE.BPF_PROG_TYPE_XDP, insns: RETURN_2, license: 'GPL' };
    const fd = kernel!.bpf(BPF_CMD.BPF_PROG_LOAD, attr);
    const info = new Uint8Array(232);
    const buffers = { xlated_prog_insns: new Uint8Array(64) };
    expect(kernel!.bpf(BPF_CMD.BPF_OBJ_GET_INFO_BY_FD, { info: { bpf_fd: fd, info, kind: 'prog', buffers } })).toBe(0);
    // Its address is still there.
    expect(new DataView(info.buffer).getBigUint64(32, true)).not.toBe(0n);
    for (const kind of ['prog', undefined] as const)
      expect(kernel!.bpf(BPF_CMD.BPF_OBJ_GET_INFO_BY_FD, { info: { bpf_fd: fd, info: info.slice(), kind } })).toBe(0);
    kernel!.close(fd);
  });

  test('no room for data is none', () => {
    const attr = { prog_type: BPF_PROG_TYPE.BPF_PROG_TYPE_SCHED_CLS, insns: RETURN_2, license: 'GPL' };
    const fd = kernel!.bpf(BPF_CMD.BPF_PROG_LOAD, attr);
    const test = { prog_fd: fd, data_in: new Uint8Array(64), data_out: new Uint8Array(0), data_size_out: 0 };
    expect(kernel!.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test })).toBe(0);
    expect(test.data_size_out).toBe(64);
    kernel!.close(fd);
  });
});
