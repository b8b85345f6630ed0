/** Calls of helpers that need maps, rings, clocks or callbacks, by id: beside the cases of oracle-cases.ts, which have buffers and packets only. */
import { mustCreate, perfRing, samplesOf, u32, u64 } from '../maps/setup.ts';
import type { PerfEventArrayMap } from '../../../src/kernel/maps/perf-event-array.ts';
import { INTERNAL_HELPER } from '../../../src/kernel/rules/internal-helpers.ts';
import type { BpfMap } from '../../../src/kernel/object/map.ts';
import { headerWord } from '../../../src/kernel/maps/header.ts';
import { makeCgroupRecord } from '../../../src/kernel/world/cgroup/cgroup-record.ts';
import { layoutsOf } from '../../../src/kernel/run/env.ts';
import { BPF_FUNC as F } from '../../../src/uapi/helper-ids.ts';
import { BPF_MAP_TYPE as M } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';
import { UDP4 } from './oracle-cases.ts';
import type { HelperSetup } from './setup.ts';

/** Calls a helper a few times: what it gave, and whatever else it did that memory does not show. */
export type Calls = (s: HelperSetup, id: number) => readonly unknown[];

const map = (s: HelperSetup, map_type: number, key_size: number, value_size: number, max_entries: number): BpfMap =>
  mustCreate(s.maps, { map_type, key_size, value_size, max_entries });
const hash = (s: HelperSetup): BpfMap => map(s, M.BPF_MAP_TYPE_HASH, 4, 8, 8);
const queue = (s: HelperSetup): BpfMap => {
  const made = map(s, M.BPF_MAP_TYPE_QUEUE, 0, 8, 4);
  made.update(new Uint8Array(0), u64(5), 0);
  return made;
};
const ring = (s: HelperSetup): BpfMap => map(s, M.BPF_MAP_TYPE_RINGBUF, 0, 0, 4096);
const key = (s: HelperSetup): number => s.put(u32(1));
const value = (s: HelperSetup): number => s.put(u64(77));

/** Reads of memory by address: from a place with text, and from nowhere. */
const reads: Calls = (s, id) => [s.call(id, s.put(u64(0)), 6, s.put('hello')), s.call(id, s.put(u64(1)), 8, -1n)];
const plain: Calls = (s, id) => [s.call(id), s.call(id)];
const ofSkb =
  (...more: number[]): Calls =>
  (s, id) => {
    s.env.cpu.run.progType = T.BPF_PROG_TYPE_SCHED_CLS;
    const skb = s.skb(UDP4);
    return [s.call(id, skb.addr, ...more), s.call(id, skb.addr, ...more), skb.packet().join()];
  };

/** Address, number of arguments, two of them and the result, as a trampoline lays them out; the context is the first argument's address. */
const traced = (s: HelperSetup): number => s.put(new Uint8Array(BigUint64Array.of(1n, 2n, 7n, 8n, 9n).buffer)) + 16;

/** A struct seq_file with a buffer of 16 bytes, and the text that is in it. */
function seqFile(s: HelperSetup): { readonly at: number; text(): string } {
  const { mem, alloc } = s.env;
  const layout = layoutsOf(s.env).struct('seq_file');
  const [at, buffer] = [alloc(layout.size), alloc(16)];
  mem.u8.fill(0, at, at + layout.size);
  const word = (field: string): number => (at + layout.offset(field)) >>> 2;
  mem.u32[word('buf')] = buffer;
  mem.u32[word('size')] = 16;
  return { at, text: () => new TextDecoder().decode(mem.read(buffer, mem.u32[word('count')])) };
}

/** A struct task_struct with the memory of the process that runs. */
function taskOf({ env, space }: HelperSetup): number {
  const { mem, alloc } = env;
  const [task, mm] = (['task_struct', 'mm_struct'] as const).map((name) => {
    const { size } = layoutsOf(env).struct(name);
    const at = alloc(size, 16);
    mem.u8.fill(0, at, at + size);
    return at;
  });
  mem.u32[(task + layoutsOf(env).struct('task_struct').offset('mm')) >>> 2] = mm;
  mem.u32[(mm + layoutsOf(env).struct('mm_struct').offset('pgd')) >>> 2] = space.record;
  return task;
}

/** What was sent lies in the records of the task and its group. */
const signals: Calls = (s, id) => {
  const { current, mem } = s.env;
  const sent = [0, 10, 10, 40, 64, 65].map((signal) => s.call(id, signal));
  const counts = [current.threadSignals, current.groupSignals].map((at) => mem.read(at, 264).join());
  s.env.cpu.run.progType = T.BPF_PROG_TYPE_PERF_EVENT;
  const interrupted = [s.call(id, 10), s.call(id, 10), s.call(id, 99)];
  return [...sent, ...counts, ...interrupted];
};

/** What a redirect left for its hook. */
const noted = ({ env }: HelperSetup): unknown => structuredClone(env.cpu.run);

const output =
  (progType: number): Calls =>
  (s, id) => {
    s.env.cpu.run.progType = progType;
    const array = map(s, M.BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 2) as PerfEventArrayMap;
    const buffer = perfRing(s.maps, 128);
    array.setRing(0, buffer);
    const ctx = progType === T.BPF_PROG_TYPE_XDP ? s.xdp(UDP4) : s.skb(UDP4);
    const one = (flags: bigint): bigint => s.call(id, ctx.addr, array.addr, flags, value(s), 8);
    return [
      one(0xffff_ffffn),
      one((14n << 32n) | 0xffff_ffffn),
      one(1n),
      one((60n << 32n) | 0xffff_ffffn),
      samplesOf(s.maps, buffer),
    ];
  };

/** A map with two elements, whose callback is the setup's. */
const visited = (s: HelperSetup, id: number, type: number): bigint => {
  const made = map(s, type, 4, 8, 4);
  for (const k of [1, 2]) made.update(u32(k), new Uint8Array(made.userValueSize).fill(k), 0);
  return s.call(id, made.addr, 1, 0, 0);
};

const printed: Calls = (s, id) => {
  const text = s.put('n %d\n');
  return [
    s.call(id, text, 6, ...(id === F.BPF_FUNC_trace_printk ? [7] : [s.put(u64(7)), 8])),
    s.call(id, text, 3, 0, 0),
  ];
};

export const CALLS: Readonly<Record<number, Calls>> = {
  [F.BPF_FUNC_map_lookup_elem]: (s, id) => {
    const made = hash(s);
    made.update(u32(1), u64(9), 0);
    return [s.call(id, made.addr, key(s)), s.call(id, made.addr, s.put(u32(2)))];
  },
  [F.BPF_FUNC_map_update_elem]: (s, id) => {
    const made = hash(s);
    const put = (flags: number): bigint => s.call(id, made.addr, key(s), value(s), flags);
    return [put(2), put(0), put(1), made.lookup(u32(1))];
  },
  [F.BPF_FUNC_map_delete_elem]: (s, id) => {
    const made = hash(s);
    made.update(u32(1), u64(9), 0);
    return [s.call(id, made.addr, key(s)), s.call(id, made.addr, key(s))];
  },
  [F.BPF_FUNC_map_push_elem]: (s, id) => {
    const made = queue(s);
    return [s.call(id, made.addr, value(s), 0), s.call(id, made.addr, value(s), 1)];
  },
  [F.BPF_FUNC_map_pop_elem]: (s, id) => {
    const made = queue(s);
    return [s.call(id, made.addr, value(s)), s.call(id, made.addr, value(s))];
  },
  [F.BPF_FUNC_map_peek_elem]: (s, id) => [s.call(id, queue(s).addr, value(s))],
  [F.BPF_FUNC_map_lookup_percpu_elem]: (s, id) => {
    const made = map(s, M.BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 4);
    return [0, 1, 2].map((cpu) => s.call(id, made.addr, key(s), cpu));
  },
  [F.BPF_FUNC_ringbuf_output]: (s, id) => [
    s.call(id, ring(s).addr, value(s), 8, 0),
    s.call(id, ring(s).addr, value(s), 5000, 0),
  ],
  [F.BPF_FUNC_ringbuf_reserve]: (s, id) => [s.call(id, ring(s).addr, 24, 0), s.call(id, ring(s).addr, 5000, 0)],
  [F.BPF_FUNC_ringbuf_submit]: (s, id) => [s.call(id, s.call(F.BPF_FUNC_ringbuf_reserve, ring(s).addr, 24, 0), 0)],
  [F.BPF_FUNC_ringbuf_discard]: (s, id) => [s.call(id, s.call(F.BPF_FUNC_ringbuf_reserve, ring(s).addr, 24, 0), 0)],
  [F.BPF_FUNC_ringbuf_query]: (s, id) => {
    const made = ring(s);
    s.call(F.BPF_FUNC_ringbuf_output, made.addr, value(s), 8, 0);
    return [0, 1, 2, 3, 4].map((what) => s.call(id, made.addr, what));
  },
  [F.BPF_FUNC_probe_read]: reads,
  [F.BPF_FUNC_probe_read_str]: reads,
  [F.BPF_FUNC_probe_write_user]: (s, id) => {
    const { addr, bytes } = s.space.map(8);
    return [s.call(id, addr, value(s), 8), s.call(id, addr + 4090n, value(s), 8), bytes.join()];
  },
  [F.BPF_FUNC_current_task_under_cgroup]: (s, id) => {
    const array = map(s, M.BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 3);
    const entry = headerWord(s.env.mem.u32, array.addr, 'base') >>> 2;
    s.env.mem.u32[entry] = s.env.current.group;
    s.env.mem.u32[entry + 2] = makeCgroupRecord(s.env.mem, s.maps.allocator, 99n, s.env.current.group);
    return [0, 1, 2, 3].map((index) => s.call(id, array.addr, index));
  },
  [F.BPF_FUNC_send_signal]: signals,
  [F.BPF_FUNC_send_signal_thread]: signals,
  [F.BPF_FUNC_task_pt_regs]: (s, id) => {
    const task = taskOf(s);
    const stack = s.env.alloc(16384, 64);
    const lost = (): unknown => {
      try {
        return s.call(id, task);
      } catch (error) {
        return String(error);
      }
    };
    const without = lost();
    s.env.mem.u32[(task + layoutsOf(s.env).struct('task_struct').offset('stack')) >>> 2] = stack;
    return [without, Number(s.call(id, task)) - stack];
  },
  [F.BPF_FUNC_copy_from_user_task]: (s, id) => {
    const { addr } = s.space.map('of a process');
    const to = s.put(u64(0));
    const task = taskOf(s);
    return [s.call(id, to, 8, addr, task, 0), s.env.mem.read(to, 8).join(), s.call(id, to, 8, addr, task, 1)];
  },
  [F.BPF_FUNC_copy_from_user]: reads,
  [F.BPF_FUNC_get_smp_processor_id]: plain,
  [F.BPF_FUNC_get_numa_node_id]: plain,
  [INTERNAL_HELPER.skb_load_helper_8]: ofSkb(12),
  [INTERNAL_HELPER.skb_load_helper_16]: ofSkb(12),
  [INTERNAL_HELPER.skb_load_helper_32]: ofSkb(26),
  [F.BPF_FUNC_ktime_get_ns]: plain,
  [F.BPF_FUNC_ktime_get_boot_ns]: plain,
  [F.BPF_FUNC_ktime_get_coarse_ns]: plain,
  [F.BPF_FUNC_ktime_get_tai_ns]: plain,
  [F.BPF_FUNC_jiffies64]: plain,
  [F.BPF_FUNC_get_prandom_u32]: plain,
  [F.BPF_FUNC_get_current_pid_tgid]: plain,
  [F.BPF_FUNC_get_current_uid_gid]: plain,
  [F.BPF_FUNC_get_current_task]: plain,
  [F.BPF_FUNC_get_current_task_btf]: plain,
  [F.BPF_FUNC_get_current_cgroup_id]: plain,
  [F.BPF_FUNC_get_current_ancestor_cgroup_id]: (s, id) => [s.call(id, 0), s.call(id, 1), s.call(id, 2), s.call(id, 3)],
  [F.BPF_FUNC_get_current_comm]: (s, id) => [s.call(id, value(s), 8)],
  [F.BPF_FUNC_get_ns_current_pid_tgid]: (s, id) => [
    s.call(id, 1, 1, value(s), 8),
    ...[8, 4].flatMap((size) => {
      const at = value(s);
      return [s.call(id, 4, 0xefff_fffc, at, size), s.env.mem.read(at, 8).join()];
    }),
  ],
  [F.BPF_FUNC_get_func_arg_cnt]: (s, id) => [s.call(id, traced(s))],
  [F.BPF_FUNC_get_func_arg]: (s, id) => {
    const to = value(s);
    return [s.call(id, traced(s), 1, to), s.env.mem.u32[to >>> 2], s.call(id, traced(s), 2, to)];
  },
  [F.BPF_FUNC_get_func_ret]: (s, id) => {
    const to = value(s);
    s.env.cpu.run.hasResult = false;
    const before = s.call(id, traced(s), to);
    s.env.cpu.run.hasResult = true;
    return [before, s.call(id, traced(s), to), s.env.mem.u32[to >>> 2]];
  },
  [F.BPF_FUNC_seq_write]: (s, id) => {
    const { at, text } = seqFile(s);
    const word = s.put('hello');
    return [s.call(id, at, word, 5), text(), s.call(id, at, word, 5), text(), s.call(id, at, word, 6), text()];
  },
  [F.BPF_FUNC_seq_printf]: (s, id) => {
    const { at, text } = seqFile(s);
    const [format, words] = [s.put('%d!\0'), value(s)];
    return [
      s.call(id, at, format, 4, words, 8),
      text(),
      s.call(id, at, format, 4, words, 7),
      s.call(id, at, format, 2, words, 8),
    ];
  },
  [F.BPF_FUNC_trace_printk]: printed,
  [F.BPF_FUNC_trace_vprintk]: printed,
  [F.BPF_FUNC_perf_event_output]: output(T.BPF_PROG_TYPE_XDP),
  [F.BPF_FUNC_xdp_output]: output(T.BPF_PROG_TYPE_XDP),
  [F.BPF_FUNC_skb_output]: output(T.BPF_PROG_TYPE_SCHED_CLS),
  [F.BPF_FUNC_perf_prog_read_value]: (s, id) => {
    const { layouts, mem } = s.env;
    const event = layouts!.struct('perf_event');
    const counted = s.put(new Uint8Array(event.size));
    const members = ['count.a.a.counter', 'total_time_enabled', 'total_time_running'];
    members.forEach((member, i) => mem.view.setBigUint64(counted + event.offset(member), BigInt(i) + 7n, true));
    const context = layouts!.struct('bpf_perf_event_data_kern');
    const ctx = s.put(new Uint8Array(context.size));
    mem.view.setBigUint64(ctx + context.offset('event'), BigInt(counted), true);
    const buf = s.put(new Uint8Array(24).fill(1));
    return [s.call(id, ctx, buf, 24), [...mem.read(buf, 24)], s.call(id, ctx, buf, 16), [...mem.read(buf, 24)]];
  },
  [F.BPF_FUNC_get_stackid]: (s, id) => {
    const made = map(s, M.BPF_MAP_TYPE_STACK_TRACE, 4, 64, 4);
    return [
      s.call(id, 0, made.addr, 0),
      s.call(id, 0, made.addr, 1),
      s.call(id, 0, made.addr, 1 << 20),
      [...made.entries()],
    ];
  },
  [F.BPF_FUNC_get_stack]: (s, id) => [s.call(id, 0, s.put(new Uint8Array(32)), 32, 0), s.call(id, 0, value(s), 7, 0)],
  [F.BPF_FUNC_redirect_map]: (s, id) => {
    s.env.cpu.run.progType = T.BPF_PROG_TYPE_XDP;
    const made = map(s, M.BPF_MAP_TYPE_DEVMAP, 4, 4, 4);
    made.update(u32(2), u32(1), 0);
    return [s.call(id, made.addr, 2, 0), noted(s), s.call(id, made.addr, 1, 1)];
  },
  [F.BPF_FUNC_redirect_neigh]: (s, id) => [s.call(id, 1, 0, 0, 0), noted(s), s.call(id, 1, 0, 0, 1)],
  [F.BPF_FUNC_clone_redirect]: (s, id) => {
    s.env.cpu.run.progType = T.BPF_PROG_TYPE_SCHED_CLS;
    const sent: unknown[] = [];
    const wire = s.hooks.devices.wire.attach(({ ifindex, packet }) => sent.push([ifindex, packet.join()]));
    const skb = s.skb(UDP4);
    const said = [s.call(id, skb.addr, 1, 0), s.call(id, skb.addr, 9, 0)];
    wire.detach();
    return [...said, sent];
  },
  [F.BPF_FUNC_spin_lock]: (s, id) => [s.call(id, value(s))],
  [F.BPF_FUNC_spin_unlock]: (s, id) => [s.call(id, value(s))],
  [F.BPF_FUNC_get_netns_cookie]: ofSkb(),
  [F.BPF_FUNC_get_hash_recalc]: ofSkb(),
  [F.BPF_FUNC_set_hash_invalid]: ofSkb(),
  [F.BPF_FUNC_per_cpu_ptr]: (s, id) => [0, 1, 2].map((cpu) => s.call(id, value(s), cpu)),
  [F.BPF_FUNC_this_cpu_ptr]: (s, id) => [s.call(id, value(s))],
  [F.BPF_FUNC_get_func_ip]: (s, id) => {
    s.env.cpu.run.funcIp = [5, 6];
    return [s.call(id, 0)];
  },
  [F.BPF_FUNC_get_attach_cookie]: (s, id) => {
    s.env.cpu.run.attachCookie = [7, 8];
    return [s.call(id, 0)];
  },
  [F.BPF_FUNC_for_each_map_elem]: (s, id) =>
    [M.BPF_MAP_TYPE_ARRAY, M.BPF_MAP_TYPE_HASH, M.BPF_MAP_TYPE_PERCPU_HASH, M.BPF_MAP_TYPE_QUEUE].map((type) =>
      type === M.BPF_MAP_TYPE_QUEUE ? s.call(id, queue(s).addr, 1, 0, 0) : visited(s, id, type),
    ),
  [F.BPF_FUNC_loop]: (s, id) => [s.call(id, 5, 1, 0, 0), s.call(id, 5, 1, 0, 1), s.call(id, 1 << 24, 1, 0, 0)],
};
