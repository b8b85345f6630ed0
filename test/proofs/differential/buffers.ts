/**
 * Sizes of buffers against the live kernel, as a proof: what is too short for the kernel is refused before it is asked, what is
 * long enough is not, and no byte beside a buffer changes.
 */
import { type KernelTransport, type Overrun, openKernelTransport } from '../../../src/host/kernel-transport.ts';
import { BPF_CMD as C, bpfCmdName } from '../../../src/uapi/cmd.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { INFO_LAYOUTS, type InfoField, type InfoKind } from '../../../src/uapi/info-layout.ts';
import { BPF_MAP_TYPE as M } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as P } from '../../../src/uapi/prog-types.ts';
import { percent, type Proof, type Report } from '../soundness/command.ts';
import { programSeed, Rng } from './rng.ts';

/** What is asked: which command with which attribute, and whether every buffer is as long as the kernel wants it. */
interface Ask {
  readonly cmd: number;
  readonly attr: object;
  readonly fits: boolean;
}

interface MapRow {
  readonly type: number;
  /** Sizes that the kernel takes for the type. */
  readonly key: readonly number[];
  readonly value: readonly number[];
  readonly flags?: number;
  readonly perCpu?: boolean;
  /** Batches go on at a bucket. */
  readonly buckets?: boolean;
  /** Elements may be written: nothing but memory is behind them. */
  readonly writable?: boolean;
}

const KEYS = [1, 2, 3, 4, 5, 8, 12, 16, 37, 64, 200];
const VALUES = [1, 2, 4, 7, 8, 9, 16, 33, 64, 250, 512];
const NO_PREALLOC = 1;
const storage = { writable: true } as const;
const hash = { key: KEYS, value: VALUES, buckets: true, ...storage } as const;
const fds = { key: [4], value: [4] } as const;

const MAPS: readonly MapRow[] = [
  { type: M.BPF_MAP_TYPE_HASH, ...hash },
  { type: M.BPF_MAP_TYPE_HASH, ...hash, flags: NO_PREALLOC },
  { type: M.BPF_MAP_TYPE_LRU_HASH, ...hash },
  { type: M.BPF_MAP_TYPE_PERCPU_HASH, ...hash, perCpu: true },
  { type: M.BPF_MAP_TYPE_LRU_PERCPU_HASH, ...hash, perCpu: true },
  { type: M.BPF_MAP_TYPE_ARRAY, key: [4], value: VALUES, ...storage },
  { type: M.BPF_MAP_TYPE_PERCPU_ARRAY, key: [4], value: VALUES, perCpu: true, ...storage },
  { type: M.BPF_MAP_TYPE_LPM_TRIE, key: [5, 8, 20, 40], value: VALUES, flags: NO_PREALLOC, ...storage },
  { type: M.BPF_MAP_TYPE_QUEUE, key: [0], value: VALUES, ...storage },
  { type: M.BPF_MAP_TYPE_STACK, key: [0], value: VALUES, ...storage },
  { type: M.BPF_MAP_TYPE_BLOOM_FILTER, key: [0], value: VALUES, ...storage },
  { type: M.BPF_MAP_TYPE_STACK_TRACE, key: [4], value: [8, 16, 1016] },
  { type: M.BPF_MAP_TYPE_PROG_ARRAY, ...fds },
  { type: M.BPF_MAP_TYPE_PERF_EVENT_ARRAY, ...fds },
  { type: M.BPF_MAP_TYPE_CGROUP_ARRAY, ...fds },
  { type: M.BPF_MAP_TYPE_DEVMAP, key: [4], value: [4, 8] },
  { type: M.BPF_MAP_TYPE_CPUMAP, key: [4], value: [4, 8] },
  { type: M.BPF_MAP_TYPE_SOCKMAP, key: [4], value: [4, 8] },
  { type: M.BPF_MAP_TYPE_SOCKHASH, key: KEYS, value: [4, 8] },
];

interface OpenMap {
  readonly row: MapRow;
  readonly fd: number;
  readonly key: number;
  /** Bytes that the kernel moves for one value. */
  readonly value: number;
  readonly cursor: number;
}

interface Loaded {
  readonly fd: number;
  readonly type: number;
}

const RETURN_0 = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
const PROGRAMS: readonly { readonly type: number; readonly flags?: number }[] = [
  { type: P.BPF_PROG_TYPE_SCHED_CLS },
  { type: P.BPF_PROG_TYPE_SOCKET_FILTER },
  { type: P.BPF_PROG_TYPE_XDP },
  { type: P.BPF_PROG_TYPE_RAW_TRACEPOINT },
  { type: P.BPF_PROG_TYPE_SYSCALL, flags: 16 },
  { type: P.BPF_PROG_TYPE_FLOW_DISSECTOR },
];
/** One `int`: header of 24 bytes, a type of 16, the strings "\0int\0". */
const BTF = Uint8Array.of(
  ...[0x9f, 0xeb, 1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 16, 0, 0, 0, 5, 0, 0, 0],
  ...[1, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 32, 0, 0, 1, 0, 0x69, 0x6e, 0x74, 0],
);

/** Objects of the kernel, made anew with each process. */
class Objects {
  readonly maps: OpenMap[] = [];
  readonly programs: Loaded[] = [];
  readonly btf: number;

  constructor(kernel: KernelTransport, rng: Rng) {
    for (let i = 0; i < MAPS.length * 3; i++) this.#map(kernel, MAPS[i % MAPS.length], rng);
    for (const { type, flags } of PROGRAMS) {
      const attr = { prog_type: type, insns: RETURN_0, license: 'GPL', prog_flags: flags ?? 0 };
      const fd = kernel.bpf(C.BPF_PROG_LOAD, attr);
      if (fd >= 0) this.programs.push({ fd, type });
    }
    this.btf = kernel.bpf(C.BPF_BTF_LOAD, { btf: BTF });
  }

  #map(kernel: KernelTransport, row: MapRow, rng: Rng): void {
    const key = rng.pick(row.key);
    const size = rng.pick(row.value);
    const attr = { map_type: row.type, key_size: key, value_size: size, max_entries: 16, map_flags: row.flags ?? 0 };
    const fd = kernel.bpf(C.BPF_MAP_CREATE, attr);
    if (fd < 0) return;
    const value = row.perCpu ? Math.ceil(size / 8) * 8 * kernel.kernel.possibleCpus : size;
    this.maps.push({ row, fd, key, value, cursor: row.buckets ? 4 : key });
    for (let i = 0; row.writable && i < 12; i++) {
      const bytes = new Uint8Array(key);
      if (key > 0) bytes[row.type === M.BPF_MAP_TYPE_LPM_TRIE ? 4 : 0] = i;
      kernel.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd: fd, key: bytes, value: new Uint8Array(value).fill(i) });
    }
  }
}

/** Buffers of one ask: exact, a byte short, empty, or of any length around. */
class Lengths {
  fits = true;
  constructor(readonly rng: Rng) {}

  of(needed: number): Uint8Array {
    const { rng } = this;
    const length = rng.weighted<number>([
      [6, needed],
      [2, Math.max(0, needed - 1)],
      [1, 0],
      [3, rng.below(2 * needed + 16)],
    ]);
    if (length < needed) this.fits = false;
    const bytes = new Uint8Array(length);
    for (let i = 0; i < Math.min(length, 16); i++) bytes[i] = rng.chance(70) ? 0 : rng.below(12);
    return bytes;
  }

  /** A length that the kernel is told, so that any will do. */
  any(around: number): Uint8Array {
    const fits = this.fits;
    const bytes = this.of(around);
    this.fits = fits;
    return bytes;
  }
}

const ELEM = [C.BPF_MAP_LOOKUP_ELEM, C.BPF_MAP_UPDATE_ELEM, C.BPF_MAP_DELETE_ELEM] as const;
const TAKING = [C.BPF_MAP_LOOKUP_AND_DELETE_ELEM, C.BPF_MAP_GET_NEXT_KEY] as const;
const BATCH = [C.BPF_MAP_LOOKUP_BATCH, C.BPF_MAP_LOOKUP_AND_DELETE_BATCH] as const;
const WRITING = [C.BPF_MAP_UPDATE_BATCH, C.BPF_MAP_DELETE_BATCH] as const;

function askElem({ maps }: Objects, rng: Rng): Ask {
  const map = rng.pick(maps);
  const cmd = rng.pick(map.row.writable ? [...ELEM, ...TAKING] : [C.BPF_MAP_LOOKUP_ELEM, ...TAKING]);
  const lengths = new Lengths(rng);
  const key = lengths.of(map.key);
  if (cmd === C.BPF_MAP_DELETE_ELEM) return { cmd, attr: { map_fd: map.fd, key }, fits: lengths.fits };
  if (cmd === C.BPF_MAP_GET_NEXT_KEY) {
    const from = rng.chance(30) ? undefined : key;
    const all = new Lengths(rng);
    const next_key = all.of(map.key);
    const fits = all.fits && (from === undefined || lengths.fits);
    return { cmd, attr: { map_fd: map.fd, key: from, next_key }, fits };
  }
  const value = lengths.of(map.value);
  return { cmd, attr: { map_fd: map.fd, key, value, flags: 0n }, fits: lengths.fits };
}

function askBatch({ maps }: Objects, rng: Rng): Ask {
  const map = rng.pick(maps);
  const cmd = rng.pick<number>(map.row.writable ? [...BATCH, ...WRITING] : [C.BPF_MAP_LOOKUP_BATCH]);
  const count = rng.below(20);
  const lengths = new Lengths(rng);
  const keys = lengths.of(map.key * count);
  const values = cmd === C.BPF_MAP_DELETE_BATCH ? undefined : lengths.of(map.value * count);
  const looks = cmd === C.BPF_MAP_LOOKUP_BATCH || cmd === C.BPF_MAP_LOOKUP_AND_DELETE_BATCH;
  const out_batch = looks ? lengths.of(map.cursor) : undefined;
  const in_batch = looks && rng.chance(40) ? lengths.of(map.cursor) : undefined;
  return { cmd, attr: { batch: { map_fd: map.fd, count, keys, values, in_batch, out_batch } }, fits: lengths.fits };
}

function askTestRun({ programs }: Objects, rng: Rng): Ask {
  const { fd, type } = rng.pick(rng.chance(85) ? programs.filter((p) => p.type !== P.BPF_PROG_TYPE_XDP) : programs);
  const lengths = new Lengths(rng);
  const data_in = rng.chance(85) ? lengths.any(rng.pick([14, 64, 200, 1500, 3400])) : undefined;
  const data_out = rng.chance(75) ? lengths.any(data_in?.length ?? 64) : undefined;
  const ctx = type === P.BPF_PROG_TYPE_SCHED_CLS ? 192 : 24;
  const ctx_in = rng.chance(40) ? lengths.any(ctx) : undefined;
  const ctx_out = rng.chance(40) ? lengths.any(ctx) : undefined;
  return { cmd: C.BPF_PROG_TEST_RUN, attr: { test: { prog_fd: fd, data_in, data_out, ctx_in, ctx_out } }, fits: true };
}

function askInfo({ programs, maps, btf }: Objects, rng: Rng): Ask {
  const kind = rng.pick<InfoKind>(['prog', 'map', 'btf']);
  const fd = kind === 'prog' ? rng.pick(programs).fd : kind === 'map' ? rng.pick(maps).fd : btf;
  const lengths = new Lengths(rng);
  const info = lengths.any(INFO_LAYOUTS[kind].size);
  // What an earlier call may have left: addresses and counts.
  for (let i = 0; rng.chance(40) && i < info.length; i++) info[i] = rng.below(256);
  const named = rng.chance(80);
  const buffers: Record<string, Uint8Array> = {};
  const fields: readonly InfoField[] = INFO_LAYOUTS[kind].fields;
  for (const f of fields) if (f.kind === 'ptr' && rng.chance(40)) buffers[f.name] = lengths.any(64);
  const view = new DataView(info.buffer);
  for (const f of fields) {
    if (f.kind !== 'u32' || !f.name.endsWith('_rec_size') || f.off + 4 > info.length) continue;
    view.setUint32(f.off, rng.pick([0, 8, 16, 24]), true);
  }
  const attr = { bpf_fd: fd, info, ...(named ? { kind, buffers } : {}) };
  return { cmd: C.BPF_OBJ_GET_INFO_BY_FD, attr: { info: attr }, fits: false };
}

function askLoad(_: Objects, rng: Rng): Ask {
  const lengths = new Lengths(rng);
  const log = rng.chance(80) ? lengths.any(rng.pick([8, 128, 4096])) : undefined;
  if (rng.chance(30)) {
    const attr = { btf: rng.chance(70) ? BTF : lengths.any(40), btf_log_level: rng.below(4), btf_log_buf: log };
    return { cmd: C.BPF_BTF_LOAD, attr, fits: true };
  }
  const attr = {
    prog_type: rng.pick(PROGRAMS).type,
    insns: rng.chance(80) ? RETURN_0 : lengths.any(24),
    license: 'GPL',
    log_level: rng.below(8),
    log_buf: log,
    func_info_rec_size: rng.pick([0, 4, 8, 12]),
    func_info: rng.chance(30) ? lengths.any(16) : undefined,
    line_info_rec_size: rng.pick([0, 8, 16, 20]),
    line_info: rng.chance(30) ? lengths.any(32) : undefined,
  };
  return { cmd: C.BPF_PROG_LOAD, attr, fits: true };
}

const ASKS: readonly (readonly [number, (objects: Objects, rng: Rng) => Ask])[] = [
  [40, askElem],
  [30, askBatch],
  [8, askTestRun],
  [15, askInfo],
  [7, askLoad],
];

/** Commands that give a descriptor. */
const OPENS: ReadonlySet<number> = new Set([C.BPF_PROG_LOAD, C.BPF_BTF_LOAD]);

export const BUFFERS: Proof = {
  name: 'buffers',
  n: 200_000,
  options: { unchecked: { type: 'boolean', default: false } },
  async prepare(seed, options) {
    const overruns: Overrun[] = [];
    const kernel = await openKernelTransport({
      onOverrun: (overrun) => void overruns.push(overrun),
      unchecked: options['unchecked'] === true,
    });
    const objects = new Objects(kernel, new Rng(seed));
    return {
      run(index, report) {
        const rng = new Rng(programSeed(seed, index));
        const ask = rng.weighted(ASKS)(objects, rng);
        const result = kernel.bpf(ask.cmd as never, ask.attr as never);
        if (result >= 0 && OPENS.has(ask.cmd)) kernel.close(result);
        judge(ask, result, overruns.splice(0), { index, seed, report });
      },
    };
  },
  conclude: (counts) => ({
    extra: { refusedPercent: percent(counts, 'refused'), donePercent: percent(counts, 'done') },
    misses:
      (counts['n'] ?? 0) >= 2000 && !(counts['refused'] && counts['done']) ? ['nothing refused, or nothing done'] : [],
  }),
};

function judge(
  ask: Ask,
  result: number,
  overruns: readonly Overrun[],
  { index, seed, report }: { index: number; seed: number; report: Report },
): void {
  report.count(result >= 0 ? 'done' : result === -ERRNO.EFAULT ? 'refused' : 'errno');
  const where = `case ${index} of seed ${seed}, ${bpfCmdName(ask.cmd)}:`;
  for (const { buffer, length, beyond } of overruns)
    report.fail(`${where} the kernel wrote ${beyond} bytes beyond ${buffer} of ${length} bytes`);
  if (ask.fits && result === -ERRNO.EFAULT) report.fail(`${where} refused, and every buffer is long enough`);
}
