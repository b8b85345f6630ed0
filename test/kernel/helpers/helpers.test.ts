/** Helpers whose answers depend on the host, on callbacks or on the run's state. */
import { describe, expect, test } from 'vitest';
import { FRAME_R0, FRAME_R1, FRAME_R2, FRAME_R3 } from '../../../src/kernel/run/env.ts';
import { hasHelper } from '../../../src/kernel/helpers/table.ts';
import type { PerfEventArrayMap } from '../../../src/kernel/maps/perf-event-array.ts';
import { type TargetArrayMap } from '../../../src/kernel/maps/target-array.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { BPF_FUNC as F } from '../../../src/uapi/helper-ids.ts';
import { BPF_MAP_TYPE as T } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as P } from '../../../src/uapi/prog-types.ts';
import { BPF_F_FAST_STACK_CMP, BPF_F_REUSE_STACKID } from '../../../src/uapi/flags.ts';
import { mustCreate, perfRing, samplesOf, u32 } from '../maps/setup.ts';
import { UDP4 } from './oracle-cases.ts';
import { setupHelpers } from './setup.ts';

const TWO_32 = 1n << 32n;
const err = (name: keyof typeof ERRNO): bigint => BigInt(-ERRNO[name]);

describe('clocks', () => {
  const ns = 123_456_789_012_345n;
  const s = setupHelpers({
    ktimeNs(out) {
      out[0] = Number(BigInt.asIntN(32, ns));
      out[1] = Number(ns >> 32n);
    },
    realtimeNs(out) {
      out[0] = 5;
      out[1] = 6;
    },
  });
  test('nanoseconds, ticks and jiffies', () => {
    expect(s.call(F.BPF_FUNC_ktime_get_ns)).toBe(ns);
    expect(s.call(F.BPF_FUNC_ktime_get_boot_ns)).toBe(ns);
    expect(s.call(F.BPF_FUNC_ktime_get_coarse_ns)).toBe(ns - (ns % 4_000_000n));
    expect(s.call(F.BPF_FUNC_jiffies64)).toBe(0xffff_ffffn + 1n - 75_000n + ns / 4_000_000n);
    expect(s.call(F.BPF_FUNC_ktime_get_tai_ns)).toBe(6n * TWO_32 + 5n);
  });
});

test('the current task', () => {
  const s = setupHelpers({
    current: { pid: 12, tgid: 34, uid: 56, gid: 78, comm: 'a-long-command-name', cgroupId: 0x1_0000_0002n },
    random32: () => 0xffff_fff0,
  });
  expect(s.call(F.BPF_FUNC_get_current_pid_tgid)).toBe(34n * TWO_32 + 12n);
  expect(s.call(F.BPF_FUNC_get_current_uid_gid)).toBe(78n * TWO_32 + 56n);
  expect(s.call(F.BPF_FUNC_get_current_cgroup_id)).toBe(0x1_0000_0002n);
  expect(s.call(F.BPF_FUNC_get_prandom_u32)).toBe(0xffff_fff0n);
  const buf = s.put(new Uint8Array(16).fill(9));
  expect(s.call(F.BPF_FUNC_get_current_comm, buf, 16)).toBe(0n);
  expect(new TextDecoder().decode(s.env.mem.u8.slice(buf, buf + 16))).toBe('a-long-command-\0');
  expect(s.call(F.BPF_FUNC_get_smp_processor_id)).toBe(0n);
  s.maps.core.set_cpu(1);
  expect(s.call(F.BPF_FUNC_get_smp_processor_id)).toBe(1n);
});

test('trace output: lines without their newline, values from registers and arrays', () => {
  const lines: string[] = [];
  const s = setupHelpers({ tracePrintk: (line) => void lines.push(line) });
  const fmt = s.put('pid %d name %s x %llx\n');
  const size = 'pid %d name %s x %llx\n'.length + 1;
  expect(s.call(F.BPF_FUNC_trace_printk, fmt, size, 7, s.put('bash'), -1n)).toBe(35n);
  expect(s.call(F.BPF_FUNC_trace_printk, fmt, size - 1, 7, 0, 0)).toBe(err('EINVAL'));
  expect(s.call(F.BPF_FUNC_trace_printk, s.put('%d%d%d%d'), 9, 1, 2, 3)).toBe(err('EINVAL'));
  const data = s.put(new Uint8Array(BigUint64Array.of(1n, 2n, 3n, 4n).buffer));
  expect(s.call(F.BPF_FUNC_trace_vprintk, s.put('%d%d%d%d'), 9, data, 32)).toBe(4n);
  expect(
    s.call(
      F.BPF_FUNC_trace_printk,
      s.put('%pI4 %pi4 %pI6'),
      15,
      s.put(Uint8Array.of(10, 0, 0, 1)),
      s.put(Uint8Array.of(10, 0, 0, 1)),
      s.put(new Uint8Array(16).fill(0xfe)),
    ),
  ).toBeGreaterThan(0n);
  expect(s.call(F.BPF_FUNC_trace_printk, s.put('%s: h\u00f6he'), 10, s.put('\u20ac'))).toBe(10n);
  expect(lines).toEqual([
    'pid 7 name bash x ffffffffffffffff',
    '1234',
    '10.0.0.1 010.000.000.001 fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe',
    '\u20ac: h\u00f6he',
  ]);
});

describe('callbacks', () => {
  test('bpf_loop counts, stops when the callback says so, and knows its limits', () => {
    const seen: bigint[] = [];
    const s = setupHelpers({}, (slot, frame) => {
      const { view } = s.env.mem;
      seen.push(view.getBigUint64(frame + FRAME_R1, true));
      expect(slot).toBe(9);
      expect(view.getBigUint64(frame + FRAME_R2, true)).toBe(0x5_0000_0006n);
      view.setBigInt64(frame + FRAME_R0, seen.length === 4 ? 1n : 0n, true);
    });
    expect(s.call(F.BPF_FUNC_loop, 10, 9, 0x5_0000_0006n, 0)).toBe(4n);
    expect(seen).toEqual([0n, 1n, 2n, 3n]);
    seen.length = 10;
    expect(s.call(F.BPF_FUNC_loop, 3, 9, 0x5_0000_0006n, 0)).toBe(3n);
    expect(s.call(F.BPF_FUNC_loop, (1 << 23) + 1, 9, 0, 0)).toBe(err('E2BIG'));
    expect(s.call(F.BPF_FUNC_loop, 1, 9, 0, 1)).toBe(err('EINVAL'));
  });

  test.each([T.BPF_MAP_TYPE_ARRAY, T.BPF_MAP_TYPE_HASH, T.BPF_MAP_TYPE_PERCPU_ARRAY])(
    'bpf_for_each_map_elem over type %i',
    (type) => {
      const seen: [number, number][] = [];
      const s = setupHelpers({}, (_slot, frame) => {
        const { u32: words, view } = s.env.mem;
        const at = (off: number): number => words[view.getUint32(frame + off, true) >>> 2];
        seen.push([at(FRAME_R2), at(FRAME_R3)]);
        view.setBigInt64(frame + FRAME_R0, 0n, true);
      });
      const map = mustCreate(s.maps, { map_type: type, key_size: 4, value_size: 8, max_entries: 3 });
      for (let i = 0; i < 3; i++) map.update(u32(i), new Uint8Array(map.userValueSize).fill(i + 1), 0);
      expect(s.call(F.BPF_FUNC_for_each_map_elem, map.addr, 1, 0, 0)).toBe(3n);
      expect(seen.sort((a, b) => a[0] - b[0])).toEqual([
        [0, 0x01010101],
        [1, 0x02020202],
        [2, 0x03030303],
      ]);
      expect(s.call(F.BPF_FUNC_for_each_map_elem, map.addr, 1, 0, 4)).toBe(err('EINVAL'));
    },
  );
});

describe('redirects', () => {
  test('a map target is a verdict with map and key', () => {
    const s = setupHelpers();
    s.env.cpu.run.progType = P.BPF_PROG_TYPE_XDP;
    const map = mustCreate(s.maps, {
      map_type: T.BPF_MAP_TYPE_DEVMAP,
      key_size: 4,
      value_size: 4,
      max_entries: 4,
    }) as TargetArrayMap;
    expect(map.update(u32(2), u32(1), 0)).toBe(0);
    // Who redirects reads the memory: which maps live is not asked.
    s.maps.maps.clear();
    expect(s.call(F.BPF_FUNC_redirect_map, map.addr, 2, 0)).toBe(4n);
    expect(s.env.cpu.run).toMatchObject({ redirectMapId: map.desc.id, redirectKey: 2 });
    expect(s.call(F.BPF_FUNC_redirect_map, map.addr, 1, 2)).toBe(2n);
    expect(s.env.cpu.run.redirectMapId).toBe(0);
    expect(s.call(F.BPF_FUNC_redirect_map, map.addr, 9, 1)).toBe(1n);
    expect(s.call(F.BPF_FUNC_redirect_map, map.addr, 2, 1 << 10)).toBe(0n);
    expect(s.call(F.BPF_FUNC_redirect_map, map.addr, 1, 8)).toBe(4n);
  });
  test('an interface', () => {
    const s = setupHelpers();
    s.env.cpu.run.progType = P.BPF_PROG_TYPE_SCHED_CLS;
    expect(s.call(F.BPF_FUNC_redirect, 5, 1)).toBe(7n);
    expect(s.env.cpu.run).toMatchObject({ redirectIfindex: 5, redirectFlags: 1, redirectMapId: 0 });
  });
});

describe('perf output', () => {
  test('the sample, with packet bytes behind it', () => {
    const s = setupHelpers();
    s.env.cpu.run.progType = P.BPF_PROG_TYPE_XDP;
    const map = mustCreate(s.maps, {
      map_type: T.BPF_MAP_TYPE_PERF_EVENT_ARRAY,
      key_size: 4,
      value_size: 4,
      max_entries: 2,
    }) as PerfEventArrayMap;
    const ring = perfRing(s.maps, 1 << 12);
    map.setRing(0, ring);
    const ctx = s.xdp(UDP4).addr;
    const data = s.put(Uint8Array.of(1, 2, 3, 4));
    expect(s.call(F.BPF_FUNC_perf_event_output, ctx, map.addr, (14n << 32n) | 0xffff_ffffn, data, 4)).toBe(0n);
    expect(s.call(F.BPF_FUNC_perf_event_output, ctx, map.addr, 0, data, 4)).toBe(0n);
    expect(s.call(F.BPF_FUNC_perf_event_output, ctx, map.addr, 1, data, 4)).toBe(err('ENOENT'));
    expect(s.call(F.BPF_FUNC_perf_event_output, ctx, map.addr, 1000n << 32n, data, 4)).toBe(err('EFAULT'));
    expect(s.call(F.BPF_FUNC_perf_event_output, ctx, map.addr, 1n << 60n, data, 4)).toBe(err('EINVAL'));
    expect(samplesOf(s.maps, ring)).toEqual({
      samples: [
        [1, 2, 3, 4, ...UDP4.subarray(0, 14)],
        [1, 2, 3, 4],
      ],
      lost: 0,
    });
  });

  test.each([
    ['SK_SKB', P.BPF_PROG_TYPE_SK_SKB],
    ['LWT_SEG6LOCAL', P.BPF_PROG_TYPE_LWT_SEG6LOCAL],
  ])('packet bytes of %s come from its socket buffer, those of tracing from nowhere', (_, type) => {
    const s = setupHelpers();
    s.env.cpu.run.progType = type;
    const attr = { map_type: T.BPF_MAP_TYPE_PERF_EVENT_ARRAY, key_size: 4, value_size: 4, max_entries: 2 };
    const map = mustCreate(s.maps, attr) as PerfEventArrayMap;
    const ring = perfRing(s.maps, 1 << 12);
    map.setRing(0, ring);
    const skb = s.skb(UDP4);
    const data = s.put(Uint8Array.of(1, 2, 3, 4));
    const output = () => s.call(F.BPF_FUNC_perf_event_output, skb.addr, map.addr, (8n << 32n) | 0xffff_ffffn, data, 4);
    expect(output()).toBe(0n);
    s.env.cpu.run.progType = P.BPF_PROG_TYPE_KPROBE;
    expect(output()).toBe(err('EINVAL'));
    expect(samplesOf(s.maps, ring)).toEqual({ samples: [[1, 2, 3, 4, ...skb.packet().subarray(0, 8)]], lost: 0 });
  });
});

test('flow hashes depend on the flow and stay until they are cleared', () => {
  const s = setupHelpers();
  const a = s.skb(UDP4).addr;
  const other = UDP4.slice();
  other[35] = 99;
  const b = s.skb(other).addr;
  const hash = s.call(F.BPF_FUNC_get_hash_recalc, a);
  expect(hash).not.toBe(0n);
  expect(s.call(F.BPF_FUNC_get_hash_recalc, b)).not.toBe(hash);
  s.call(F.BPF_FUNC_set_hash, a, 77);
  expect(s.call(F.BPF_FUNC_get_hash_recalc, a)).toBe(77n);
  s.call(F.BPF_FUNC_set_hash_invalid, a);
  expect(s.call(F.BPF_FUNC_get_hash_recalc, a)).toBe(hash);
});

test('a second VLAN tag goes into the packet and comes back out', () => {
  const s = setupHelpers();
  const skb = s.skb(UDP4);
  expect(s.call(F.BPF_FUNC_skb_vlan_push, skb.addr, 0x0081, 100)).toBe(0n);
  expect(skb.packet()).toEqual(UDP4);
  expect(s.call(F.BPF_FUNC_skb_vlan_push, skb.addr, 0xa888, 200)).toBe(0n);
  expect([...skb.packet().subarray(12, 18)]).toEqual([0x81, 0, 0, 100, 8, 0]);
  expect(s.call(F.BPF_FUNC_skb_vlan_pop, skb.addr)).toBe(0n);
  expect(skb.packet()).toEqual(UDP4);
});

test('stacks come from the host', () => {
  const s = setupHelpers({ stackTrace: () => [11n, 22n, 33n] });
  const map = mustCreate(s.maps, {
    map_type: T.BPF_MAP_TYPE_STACK_TRACE,
    key_size: 4,
    value_size: 64,
    max_entries: 16,
  });
  const id = s.call(F.BPF_FUNC_get_stackid, 0, map.addr, 1);
  expect(id).toBeGreaterThanOrEqual(0n);
  expect([...new BigUint64Array((map.lookup(u32(Number(id))) as Uint8Array).buffer)].slice(0, 3)).toEqual([
    22n,
    33n,
    0n,
  ]);
  expect(s.call(F.BPF_FUNC_get_stackid, 0, map.addr, 1)).toBe(id);
  const buf = s.put(new Uint8Array(32).fill(1));
  expect(s.call(F.BPF_FUNC_get_stack, 0, buf, 32, 0)).toBe(24n);
  expect(s.call(F.BPF_FUNC_get_stack, 0, buf, 31, 0)).toBe(err('EINVAL'));
  expect(setupHelpers().call(F.BPF_FUNC_get_stack, 0, buf, 32, 0)).toBe(err('EFAULT'));
});

test('a bucket of another stack: refused, taken for the same by its hash alone, or replaced', () => {
  let stack = [11n, 22n];
  const s = setupHelpers({ stackTrace: () => stack });
  // Two buckets: soon two stacks meet in one.
  const map = mustCreate(s.maps, {
    map_type: T.BPF_MAP_TYPE_STACK_TRACE,
    key_size: 4,
    value_size: 16,
    max_entries: 2,
  });
  const put = (flags: number): bigint => s.call(F.BPF_FUNC_get_stackid, 0, map.addr, flags);
  const first = (id: bigint): bigint => new BigUint64Array((map.lookup(u32(Number(id))) as Uint8Array).buffer)[0];
  const id = put(0);
  expect(put(0)).toBe(id);
  stack = [12n, 22n];
  while (put(0) !== err('EEXIST')) stack = [stack[0] + 1n, 22n];
  // Another hash: nothing is compared that could be the same.
  expect(put(BPF_F_FAST_STACK_CMP)).toBe(err('EEXIST'));
  const used = s.maps.allocator.used;
  const again = put(BPF_F_REUSE_STACKID);
  expect(first(again)).toBe(stack[0]);
  expect(s.maps.allocator.used).toBe(used);
  expect(put(BPF_F_FAST_STACK_CMP)).toBe(again);
  expect(map.delete(u32(Number(again)))).toBe(0);
  expect(map.lookup(u32(Number(again)))).toBe(-ERRNO.ENOENT);
  map.free();
});

test('what is implemented can be asked', () => {
  expect(hasHelper(F.BPF_FUNC_tail_call)).toBe(true);
  expect(hasHelper(F.BPF_FUNC_map_lookup_elem)).toBe(true);
  expect(hasHelper(F.BPF_FUNC_rc_repeat)).toBe(false);
});
