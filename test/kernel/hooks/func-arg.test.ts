/** Arguments and results by their numbers, as recorded on 6.18 with the same object and the kernel's own test calls. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import { parseObject } from '../../../src/lib/parse-object.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { kernelBtf } from '../syscall/embedded.ts';

const OBJECT = readFileSync('test/fixtures/hooks/args.o');

test.each(['jit', 'interp'] as const)('%s', (engine) => {
  using runtime = createRuntime({ memory: 64 << 20, kernelBtf, engine, clock: 'virtual' });
  const object = parseObject(OBJECT).load(runtime, { kernelBtf: kernelBtf() });
  using links = object.attach();
  expect(links.size).toBe(3);
  const { trace } = runtime.world;
  trace.call('bpf_fentry_test6', [16n, 17, 18, 19, 20, 21n], () => 111);
  trace.call('bpf_modify_return_test', { a: 1, b: null }, () => 0);
  const seen = (name: string): number[] => (object.variable(name).getVariable(name) as bigint[]).map(Number);
  expect(seen('of_entry')).toEqual([6, 0, -ERRNO.EINVAL, 18, 0, -ERRNO.EOPNOTSUPP]);
  expect(seen('of_exit')).toEqual([6, 0, -ERRNO.EINVAL, 18, 111, 0]);
  expect(seen('of_modify')).toEqual([2, -ERRNO.EINVAL, -ERRNO.EINVAL, 0, 0, 0]);
});
