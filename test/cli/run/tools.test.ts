/** The tools of examples/tools: tracing programs by clang, from events to what they tell. */
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { jsonLines, skep } from '../skep.ts';

interface Report {
  readonly events?: readonly { readonly value: unknown }[];
  readonly globals: Readonly<Record<string, unknown>>;
  readonly maps: Readonly<
    Record<string, { readonly entries?: readonly { readonly key: unknown; readonly value: unknown }[] }>
  >;
}

const run = (name: string, engine: string): Report =>
  jsonLines(
    skep([
      'run',
      `examples/tools/${name}.bpf.o`,
      '--events-in',
      `examples/tools/${name}.jsonl`,
      '--events',
      '--json',
      '--engine',
      engine,
    ]),
  )[0] as unknown as Report;
const slots = (...counted: readonly (readonly [slot: number, count: number])[]): number[] => {
  const all = Array<number>(27).fill(0);
  for (const [slot, count] of counted) all[slot] = count;
  return all;
};

/** By tool: the records that it sends, or what its globals or maps hold in the end. */
const TOLD: Readonly<
  Record<string, { events?: unknown[]; globals?: object; maps?: Record<string, [unknown, unknown][]> }>
> = {
  biolatency: { globals: { slots: slots([1, 1], [2, 1], [6, 1], [7, 1], [13, 1]) } },
  capable: {
    events: [
      { pid: 700, uid: 1000, cap: 21, ret: -1, comm: 'sh' },
      { pid: 1, uid: 0, cap: 12, ret: 0, comm: 'task' },
    ],
  },
  cpudist: { globals: { slots: slots([9, 2], [11, 1]) } },
  execsnoop: {
    events: [
      { pid: 701, ppid: 700, uid: 1000, comm: 'ls', filename: '/usr/bin/ls' },
      { pid: 702, ppid: 701, uid: 0, comm: 'grep', filename: '/usr/bin/grep' },
    ],
  },
  exitsnoop: {
    events: [
      { pid: 701, code: 2, signal: 0, lived_ns: 4_000_000, comm: 'ls' },
      { pid: 703, code: 0, signal: 9, lived_ns: 4_000_000, comm: 'sleep' },
    ],
  },
  filelife: { events: [{ pid: 700, lived_ns: 3_000_000, name: 'tmp.x' }] },
  funclatency: { globals: { slots: slots([0, 2]) } },
  killsnoop: {
    events: [
      { pid: 700, target: 701, signal: 15, ret: 0, comm: 'sh' },
      { pid: 700, target: -1, signal: 9, ret: -1, comm: 'sh' },
    ],
  },
  mountsnoop: {
    events: [
      { pid: 900, ret: 0, flags: 1, source: '/dev/sda1', target: '/mnt', type: 'ext4' },
      { pid: 901, ret: -2, flags: 0, source: 'proc', target: '/nowhere', type: 'proc' },
    ],
  },
  nounlink: {
    events: [
      { pid: 700, refused: 1, name: 'keep.txt' },
      { pid: 700, refused: 0, name: 'other.txt' },
    ],
  },
  offcpu: {
    maps: {
      totals: [
        [700, { ns: 7_000_000, comm: 'sh' }],
        [701, { ns: 1_000_000, comm: 'ls' }],
      ],
    },
  },
  oomkill: { events: [{ fpid: 800, tpid: 901, pages: 1_000_000, fcomm: 'java', tcomm: 'chrome' }] },
  opensnoop: {
    events: [
      { pid: 700, ret: 3, flags: 0, comm: 'sh', filename: '/etc/passwd' },
      { pid: 700, ret: -13, flags: 0, comm: 'sh', filename: '/etc/shadow' },
    ],
  },
  runqlat: { globals: { slots: slots([1, 1], [5, 2], [11, 1]) } },
  sigsnoop: { events: [{ from: 700, to: 650, signal: 17, code: 1, comm: 'bash' }] },
  softirqs: { globals: { counts: [0, 1, 0, 2, 0, 0, 0, 0, 0, 0], ns: [0, 500_000, 0, 1_500_000, 0, 0, 0, 0, 0, 0] } },
  syscount: {
    maps: {
      totals: [
        [0, { count: 3, ns: 0, errors: 1 }],
        [39, { count: 1, ns: 0, errors: 0 }],
      ],
    },
  },
  tcpconnect: {
    events: [
      { pid: 800, daddr: 0x0200_000a, dport: 80, ret: 0, comm: 'curl' },
      { pid: 801, daddr: 0x0300_000a, dport: 443, ret: -111, comm: 'nc' },
    ],
  },
  tcplife: {
    events: [{ saddr: 0x0100_000a, daddr: 0x0200_000a, sport: 41_000, dport: 80, pid: 800, lived_ns: 8_000_000 }],
  },
  vfsstat: { globals: { reads: 3, writes: 1, fsyncs: 1, opens: 1 } },
};

test('each tool is told of here', () => {
  const tools = readdirSync('examples/tools').filter((file) => file.endsWith('.bpf.o'));
  expect(tools.map((file) => file.replace('.bpf.o', '')).sort()).toEqual(Object.keys(TOLD).sort());
  expect(tools.length).toBeGreaterThanOrEqual(20);
});

test.each(
  Object.entries(TOLD).flatMap(([name, told]) => ['jit', 'interp'].map((engine) => [name, engine, told] as const)),
)('%s: %s', (name, engine, { events, globals, maps }) => {
  const said = run(name, engine);
  if (events !== undefined) expect(said.events?.map(({ value }) => value)).toEqual(events);
  if (globals !== undefined) expect(said.globals).toMatchObject(globals);
  for (const [map, entries] of Object.entries(maps ?? {}))
    expect(said.maps[map].entries?.map(({ key, value }) => [key, value]).sort()).toEqual(entries);
});
