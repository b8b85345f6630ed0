/** bpf(2) answers alike: the table of questions asked of the embedded kernel, and of the live one where there is one. */
import { afterAll, describe, expect, test } from 'vitest';
import { kernelAbsent, liveKernel } from '../../host/live-kernel.ts';
import { embedded } from './embedded.ts';
import { ERRNO_CASES } from './errno-cases.ts';

const kernel = await liveKernel();
if (kernel === undefined) console.log(`${ERRNO_CASES.length} questions to the live kernel skipped: ${kernelAbsent}`);
const runtime = embedded();
afterAll(() => {
  kernel?.[Symbol.dispose]();
  runtime[Symbol.dispose]();
});

describe('embedded kernel', () => {
  test.each(ERRNO_CASES)('$name: $answer', ({ ask, answer }) => expect(ask(runtime)).toBe(answer));
});

describe.skipIf(kernel === undefined)('live kernel', () => {
  test.each(ERRNO_CASES)('$name: $answer', ({ ask, answer }) => expect(ask(kernel!)).toBe(answer));
});
