/** Test runs of programs on functions: the kernel's test functions are called with what is attached; its answers are those of Linux 6.18. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import { parseObject } from '../../../src/lib/parse-object.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { kernelBtf } from '../syscall/embedded.ts';

const OBJECT = readFileSync('test/fixtures/hooks/trace.o');

test.each([
  [[], 0, 0x2_0021],
  [['modify21', 'modify_exit'], 0, 0x2_0021],
  [['modify21'], 5, 0x1_0022],
  [['modify21'], -3, 0x1_001a],
] as const)('%j that say %i', (programs, replace, retval) => {
  using sys = createRuntime({ memory: 64 << 20, kernelBtf, clock: 'virtual' });
  const object = parseObject(OBJECT).load(sys, { programs: ['modify21', 'modify_exit'], kernelBtf: kernelBtf() });
  for (const name of programs) object.program(name).attach();
  object.variable('replace').setVariable('replace', replace);
  expect(object.program('modify21').testRun().retval).toBe(retval);
});

test('a kernel that only verifies says what it lacks', () => {
  using sys = createRuntime({ memory: 64 << 20, kernelBtf, verifyOnly: true });
  const object = parseObject(OBJECT).load(sys, { programs: ['entry1'], kernelBtf: kernelBtf() });
  const given = { prog_fd: object.program('entry1').fd, aborted: '' };
  expect(sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test: given })).toBeLessThan(0);
  expect(given.aborted).toContain('only verifies');
});
