/** The terminal's tables of a benchmark run. */
const LEAST = 100;
const num = (x, width = 9) => (x === null || x === undefined ? '-' : x.toFixed(x < 100 ? 1 : 0)).padStart(width);
const ratio = (x, y) => (x === null || !(y > 0) ? '-' : (x / y).toFixed(2)).padStart(8);

export function tableOf(result) {
  const lines = [];
  lines.push(
    `${'net ns a run'.padEnd(14)}${['interp', 'jit', 'batch', 'kernel', 'native'].map((c) => c.padStart(9)).join('')}` +
      `${['jit/k', 'batch/k', 'med/k', 'jit/nat', 'int/jit'].map((c) => c.padStart(8)).join('')}  equal`,
  );
  for (const r of result.programs) {
    const columns = [r.interpNs, r.jitNs, r.batchNs, r.kernelNs, r.nativeNs].map((x) => num(x)).join('');
    const ratios = [
      ratio(r.jitNs, r.kernelNs),
      ratio(r.batchNs, r.kernelNs),
      ratio(r.median.jitNs, r.median.kernelNs),
      ratio(r.jitNs, r.nativeNs),
      ratio(r.interpNs, r.jitNs),
    ].join('');
    const small = r.kernelNs !== null && r.kernelNs < LEAST ? '  (below 100 ns)' : '';
    lines.push(`${r.name.padEnd(14)}${columns}${ratios}  ${r.equal ? 'yes' : 'NO'}${small}`);
  }
  lines.push(
    '',
    `${'ns a call'.padEnd(14)}${'run'.padStart(9)}${'runBatch'.padStart(9)}${'kernel'.padStart(9)}   (not net)`,
  );
  for (const r of result.programs) {
    const { jitNs, batchNs, kernelNs } = r.raw;
    lines.push(`${r.name.padEnd(14)}${num(jitNs.min)}${num(batchNs.min)}${num(kernelNs?.min)}`);
  }
  if (result.throughput.length > 0) lines.push('');
  for (const t of result.throughput) {
    const kernel = t.kernelMpps === null ? '' : `, kernel ${t.kernelMpps.toFixed(1)}`;
    lines.push(`${t.name}: ${t.batchMpps.toFixed(1)} million packets a second${kernel}${t.equal ? '' : '  NOT EQUAL'}`);
  }
  lines.push('');
  if (result.interpNsPerInsn) {
    const worst = Math.max(...result.programs.map((r) => r.interpNsPerInsn));
    lines.push(
      `interpreter      ${result.interpNsPerInsn.toFixed(1)} ns an instruction (compute), at most ${worst.toFixed(1)}`,
    );
  }
  if (result.kernel !== 'live') lines.push(`no kernel column: ${result.kernel}`);
  if (result.programs.every((r) => r.nativeNs === null)) lines.push(`no native column: ${result.native}`);
  const titles = {
    interp: 'interp / kernel',
    jit: 'jit / kernel',
    batch: 'batch / kernel',
    native: 'native / kernel',
    jitToNative: 'jit / native',
    batchToNative: 'batch / native',
  };
  for (const [key, title] of Object.entries(titles)) {
    const means = result.geomean[key];
    if (means.all === null) continue;
    const parts = Object.entries(means).map(([kind, v]) => `${kind} ${v === null ? '-' : v.toFixed(2)}`);
    lines.push(`${title.padEnd(16)} ${parts.join(', ')}`);
  }
  return lines.join('\n');
}
