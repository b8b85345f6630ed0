/**
 * A verification inside of another one: whoever watches a walk, and who supplies the kernel's types, may load programs. Objects that a module
 * keeps for sums are filled and read between two such calls, so the outer verification says and logs what it does alone.
 */
import { expect, test } from 'vitest';
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import { verify } from '../../../src/kernel/verifier/check.ts';
import type { VerifierInput, VerifierOutcome } from '../../../src/kernel/verifier/result.ts';
import { OurKernels } from './judge.ts';
import { HOSTILE, LESSONS, readPairs } from './programs.ts';

/** Instructions between two verifications inside, and how many there are at most. */
const EVERY = 5;
const MOST = 12;

/** All that an outcome says, but for the time that it took. */
const said = ({ ok, log, stats }: VerifierOutcome): string => JSON.stringify([ok, log, { ...stats, timeUs: 0 }]);

test('what a verification says does not depend on others that run inside of it', async () => {
  const btf = await loadPackagedBtf();
  let inner: VerifierInput | undefined;
  let nested = 0;
  const different: string[] = [];
  let name = '';
  const verifier = (input: VerifierInput): VerifierOutcome => {
    const alone = { ...input, logLevel: 2 };
    const outcome = verify(alone);
    const other = inner ?? alone;
    inner = alone;
    let depth = 0;
    let left = MOST;
    let at = 0;
    const inside = (): void => {
      if (depth > 0 || left-- <= 0) return;
      depth++;
      verify(other);
      nested++;
      depth--;
    };
    const watched = verify({
      ...alone,
      vmlinux: () => {
        inside();
        return input.vmlinux?.();
      },
      testing: { onState: () => at++ % EVERY === 0 && inside() },
    });
    if (said(watched) !== said(outcome)) different.push(name);
    return outcome;
  };
  using kernels = new OurKernels(btf, verifier);
  // Not those of a million instructions.
  for (const file of [...LESSONS, ...HOSTILE].filter((f) => f !== 'limits.txt')) {
    for (const p of readPairs(file)) {
      name = `${file} ${p.hostile.name}`;
      kernels.verdict(p.hostile);
    }
  }
  expect(different).toEqual([]);
  expect(nested).toBeGreaterThan(500);
});
