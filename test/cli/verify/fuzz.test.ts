/** Damaged objects through the whole of `skep verify`: verdicts or one FormatError, never a fault of our own. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import { embeddedKernel } from '../../../src/cli/verify/verdict-watch.ts';
import { verifyPrograms } from '../../../src/cli/verify/verify-object.ts';
import { parseObject } from '../../../src/lib/parse-object.ts';
import { FormatError } from '../../../src/util/errors.ts';

const SECONDS = 5;
const SEED = 20_240_611;
const INTERESTING = [0, 1, 2, 0x18, 0x7f, 0x80, 0x85, 0xff];

/** A generator of numbers below `n`, the same ones in every run. */
function numbers(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

test('objects with up to four bytes changed', async () => {
  const kernelBtf = await loadPackagedBtf();
  const seeds = [
    '../../fixtures/cli/programs.o',
    '../../../examples/firewall/firewall.bpf.o',
    '../../fixtures/lib/calls.o',
  ].map((path) => new Uint8Array(readFileSync(new URL(path, import.meta.url))));
  const next = numbers(SEED);
  const verdicts = { accept: 0, reject: 0, error: 0, unreadable: 0 };
  const end = performance.now() + SECONDS * 1000;
  // On a busy machine the rarest verdict comes late.
  const unmet = (): boolean => Object.values(verdicts).includes(0) && performance.now() < end + 60_000;
  while (performance.now() < end || unmet()) {
    const bytes = seeds[next(seeds.length)].slice();
    for (let i = next(4); i >= 0; i--) bytes[next(bytes.length)] = INTERESTING[next(INTERESTING.length)] ^ next(2);
    try {
      const spec = parseObject(bytes);
      for (const { found: v } of verifyPrograms('', spec, spec.programs, {
        kernelBtf,
        logLevel: 0,
        facts: {},
        kernel: () => embeddedKernel(kernelBtf, 2, 0),
      })) {
        expect(v.code, v.message).not.toBe('INTERNAL');
        verdicts[v.verdict]++;
      }
    } catch (e) {
      if (!(e instanceof FormatError)) throw e;
      verdicts.unreadable++;
    }
  }
  for (const count of Object.values(verdicts)) expect(count).toBeGreaterThan(0);
});
