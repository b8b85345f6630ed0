/** The benchmark's chart as SVG: time of Skep's JIT and of native code over the kernel's JIT, a pair of bars a program. */
const ROW = 22;
const LEFT = 110;
const WIDTH = 760;
const TOP = 64;
const MOST = 2;

const scale = (r) => (Math.min(r, MOST) / MOST) * (WIDTH - LEFT - 60);

export function chartOf(result) {
  const rows = result.programs.filter((r) => r.kernelNs > 0);
  const height = TOP + rows.length * ROW + 56;
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>Time of each benchmark program over the kernel JIT's time; shorter is faster</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="16" y="24" font-size="16" font-weight="600" fill="#1a1a2e">Time over the kernel's JIT: shorter is faster</text>`,
    `<rect x="16" y="36" width="10" height="10" fill="#2563eb"/><text x="32" y="45" fill="#333">Skep JIT (batch)</text>`,
    `<rect x="150" y="36" width="10" height="10" fill="#cbd5e1"/><text x="166" y="45" fill="#333">native clang -O2</text>`,
  ];
  for (const mark of [0.5, 1, 1.5, 2]) {
    const x = LEFT + scale(mark);
    const strong = mark === 1;
    out.push(
      `<line x1="${x}" y1="${TOP - 6}" x2="${x}" y2="${height - 44}" stroke="${strong ? '#111' : '#ddd'}"${strong ? ' stroke-dasharray="4 3"' : ''}/>`,
      `<text x="${x}" y="${height - 28}" text-anchor="middle" fill="#555">${mark}</text>`,
    );
  }
  rows.forEach((r, k) => {
    const y = TOP + k * ROW;
    const bar = (value, at, tall, fill) =>
      value === null
        ? ''
        : `<rect x="${LEFT}" y="${at}" width="${scale(value / r.kernelNs).toFixed(1)}" height="${tall}" fill="${fill}"/>`;
    const jit = r.batchNs / r.kernelNs;
    out.push(
      `<text x="${LEFT - 8}" y="${y + 12}" text-anchor="end" fill="#1a1a2e">${r.name}</text>`,
      bar(r.batchNs, y + 1, 10, '#2563eb'),
      bar(r.nativeNs, y + 12, 5, '#cbd5e1'),
      `<text x="${(LEFT + scale(jit) + 6).toFixed(1)}" y="${y + 11}" fill="#333">${jit.toFixed(2)}</text>`,
    );
  });
  const mean = result.geomean.batch.all;
  if (mean !== null) {
    out.push(
      `<text x="16" y="${height - 10}" fill="#555">Geometric mean ${mean.toFixed(2)}. Linux 6.18, Node ${result.node}; minimum of interleaved runs, net of each engine's empty program.</text>`,
    );
  }
  out.push('</svg>');
  return `${out.filter((line) => line !== '').join('\n')}\n`;
}
