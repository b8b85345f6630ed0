/** The tables of docs/performance.md, between its two markers. */
const START = '<!-- tables -->';
const END = '<!-- /tables -->';

const num = (x) => (x === null || x === undefined ? '-' : x.toFixed(x < 100 ? 1 : 0));
const ratio = (x, y) => (x === null || x === undefined || !(y > 0) ? '-' : (x / y).toFixed(2));
const row = (cells) => `| ${cells.join(' | ')} |`;
const table = (head, rows) => [
  row(head),
  `|${head.map((_, k) => (k === 0 ? '---' : '---:')).join('|')}|`,
  ...rows.map(row),
];

const MEANS = [
  ['interp', 'interpreter / kernel'],
  ['jit', 'JIT, run / kernel'],
  ['batch', 'JIT, batch / kernel'],
  ['native', 'native / kernel'],
  ['jitToNative', 'JIT, run / native'],
  ['batchToNative', 'JIT, batch / native'],
];
const KINDS = ['all', 'compute', 'map', 'helper', 'call', 'atomic'];

export function tablesOf(result) {
  const means = MEANS.map(([key, title]) => [
    title,
    ...KINDS.map((kind) => {
      const value = result.geomean[key][kind];
      return value === null || value === undefined ? '-' : value.toFixed(2);
    }),
  ]);
  const programs = result.programs.map((r) => [
    ...[r.name, r.kinds.join(', ')],
    ...[r.interpNs, r.jitNs, r.batchNs, r.kernelNs, r.nativeNs].map(num),
    ...[ratio(r.jitNs, r.kernelNs), ratio(r.batchNs, r.kernelNs), ratio(r.median.batchNs, r.median.kernelNs)],
    ratio(r.batchNs, r.nativeNs),
  ]);
  const plain = result.programs.map((r) => [
    r.name,
    ...[r.raw.jitNs, r.raw.batchNs, r.raw.kernelNs].map((t) => num(t?.min ?? null)),
  ]);
  const rate = (mpps) => (mpps === null ? '-' : mpps.toFixed(0));
  return [
    '## Geometric means of time',
    '',
    ...table(['', ...KINDS], means),
    '',
    `The interpreter takes ${result.interpNsPerInsn.toFixed(1)} ns an instruction (compute programs).`,
    '',
    '## Programs, nanoseconds a run (net)',
    '',
    ...table(
      [
        ...['program', 'kind', 'interpreter', 'run', 'batch', 'kernel', 'native'],
        ...['run/kernel', 'batch/kernel', 'batch/kernel (median)', 'batch/native'],
      ],
      programs,
    ),
    '',
    '## A capture in memory',
    '',
    'Millions of packets of 64 bytes a second on one core, 4,096 packets of 256 flows prepared once, every packet with a context of its',
    "own. The kernel's figure is one packet again and again. `skep bench OBJECT --pcap FILE` measures any program so.",
    '',
    ...table(
      ['program', 'Skep', 'kernel'],
      result.throughput.map((t) => [t.name, rate(t.batchMpps), rate(t.kernelMpps)]),
    ),
    '',
    '## Nanoseconds a call, nothing subtracted',
    '',
    ...table(['program', 'run', 'batch', 'kernel'], plain),
  ].join('\n');
}

/** The document with its tables anew. */
export function withTables(text, result) {
  const from = text.indexOf(START);
  const to = text.indexOf(END);
  if (from < 0 || to < from) throw new Error(`no ${START} ... ${END} to write between`);
  return `${text.slice(0, from + START.length)}\n\n${tablesOf(result)}\n\n${text.slice(to)}`;
}
