/** A sample of the proof that the live kernel writes nowhere but into the buffers that it is given. */
import { describe, expect, test } from 'vitest';
import { kernelAbsent, liveKernel } from '../../host/live-kernel.ts';
import { runHere } from '../soundness/command.ts';
import { BUFFERS } from './buffers.ts';

const SAMPLE = 4000;
const kernel = await liveKernel();
kernel?.[Symbol.dispose]();
if (kernel === undefined) console.log(`${SAMPLE} comparisons of buffer sizes skipped: ${kernelAbsent}`);

describe.skipIf(kernel === undefined)('buffers of the live kernel', () => {
  test('what is too short is refused, and nothing is written beside a buffer', async () => {
    const { failures, counts } = await runHere(BUFFERS, 7, SAMPLE);
    expect(failures.slice(0, 3)).toEqual([]);
    expect(counts['refused']).toBeGreaterThan(SAMPLE / 10);
    expect(counts['done']).toBeGreaterThan(SAMPLE / 10);
  });

  test('without the checks the same asks are seen to overrun', async () => {
    const { failures } = await runHere(BUFFERS, 7, SAMPLE, { unchecked: true });
    expect(failures.filter((f) => f.includes('bytes beyond')).length).toBeGreaterThan(50);
  });
});
