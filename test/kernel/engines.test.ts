/** Which engine runs a program: the JIT, and the interpreter for what lies beyond V8's limits; compiled at once or in the background. */
import { expect, test } from 'vitest';
import { Insns } from '../../src/isa/insn.ts';
import { engineCompiler } from '../../src/kernel/engines.ts';
import { CodeCache, jitCompileAsync } from '../../src/kernel/jit/index.ts';
import { makeLink, programOf, r0Of } from './jit/support.ts';

/** r0 = the first word of the context, then `length - 2` additions of one, then exit. */
function additions(length: number): Insns {
  const insns = new Insns(length);
  insns.set(0, { code: 0x79, dst: 0, src: 1, off: 0, imm: 0 });
  for (let i = 1; i < length - 1; i++) insns.set(i, { code: 0x07, dst: 0, src: 0, off: 0, imm: 1 });
  insns.set(length - 1, { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 });
  return insns;
}
const CTX = 0x6_0000;

test.each([
  [1000, 'jit'],
  [1_000_000, 'interp'],
] as const)('%i instructions: %s', (length, engine) => {
  const link = makeLink();
  link.mem.view.setBigUint64(CTX, 40n, true);
  const exe = engineCompiler(link, 'jit')(programOf(additions(length)));
  expect(exe.engine).toBe(engine);
  exe.run(CTX);
  expect(r0Of(link, exe)).toBe(38n + BigInt(length));
  exe.dispose();
});

test('in the background, and from the cache the second time', async () => {
  const link = makeLink();
  link.mem.view.setBigUint64(CTX, 1n, true);
  const cache = new CodeCache();
  const program = programOf(additions(500));
  for (const hits of [0, 1]) {
    const result = await jitCompileAsync(program, link, { cache });
    if (!result.ok) throw new Error(result.detail);
    result.executable.run(CTX);
    expect(r0Of(link, result.executable)).toBe(499n);
    expect([cache.hits, cache.size]).toEqual([hits, 1]);
    result.executable.dispose();
  }
  expect(await jitCompileAsync(programOf(additions(1_000_000)), link)).toMatchObject({
    ok: false,
    reason: 'too-large',
  });
});
