/** Timing of many runners side by side: warmed up until the optimising compiler is done, then sampled in turns. */

const SAMPLE_MS = 4;
const WARM_MS = 30;
const WARM_CALLS = 20_000;
const MAX_CYCLES = 8;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Milliseconds that `n` runs take. A runner may have a clock of its own. */
function time(runner, n) {
  if (runner.measure) return runner.measure(n);
  const t0 = performance.now();
  runner.call(n);
  return performance.now() - t0;
}

/** Runs until it was called often and long enough; WebAssembly has no on-stack replacement, so calls are what counts. */
function warmUp(runner) {
  if (runner.native) return;
  let calls = 0;
  let spent = 0;
  let n = runner.step ?? 1;
  while (spent < WARM_MS || (calls < WARM_CALLS && spent < 4 * WARM_MS)) {
    spent += time(runner, n);
    calls += n;
    if (n < 4096) n *= 2;
  }
}

/** Runs per sample, so that a sample takes about SAMPLE_MS. */
function calibrate(runner) {
  let n = runner.step ?? 1;
  for (;;) {
    const ms = time(runner, n);
    if (ms >= SAMPLE_MS / 2) return Math.max(1, Math.ceil((n * SAMPLE_MS) / ms));
    n *= ms < SAMPLE_MS / 20 ? 8 : 2;
  }
}

/** Warms up until no runner gets faster: on a busy machine the optimising compiler's threads come late. */
async function settle(all) {
  const runners = all.filter((r) => !r.settled);
  let before = runners.map(() => Number.POSITIVE_INFINITY);
  for (let cycle = 0; cycle < MAX_CYCLES; cycle++) {
    for (const r of runners) warmUp(r);
    await sleep(20);
    const now = runners.map((r) => {
      if (r.native) return 0;
      const n = calibrate(r);
      return Math.min(time(r, n), time(r, n)) / n;
    });
    if (cycle > 0 && now.every((t, k) => t > 0.9 * before[k])) return;
    before = now.map((t, k) => Math.min(t, before[k]));
  }
}

/**
 * @param {{ call?(n: number): void, measure?(n: number): number, step?: number, native?: boolean }[]} runners
 * @param {number} rounds samples of each
 * @returns {Promise<{ min: number, median: number }[]>} nanoseconds a run
 */
export async function interleave(runners, rounds) {
  await settle(runners);
  const counts = runners.map(calibrate);
  const samples = runners.map(() => []);
  for (let round = 0; round < rounds; round++) {
    runners.forEach((r, k) => {
      samples[k].push((time(r, counts[k]) * 1e6) / counts[k]);
    });
  }
  return samples.map((s) => {
    s.sort((a, b) => a - b);
    return { min: s[0], median: s[s.length >> 1] };
  });
}
