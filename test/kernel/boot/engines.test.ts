/** Which engine runs a program: the JIT, and the interpreter for what lies beyond V8's limits; compiled at once or in the background. */
import { expect, test } from 'vitest';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { Insns } from '../../../src/isa/insn.ts';
import { engineCompiler } from '../../../src/kernel/boot/engines.ts';
import { CodeCache, jitCompileAsync } from '../../../src/kernel/jit/index.ts';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import type { RuntimeProgram } from '../../../src/kernel/boot/runtime-program.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { BPF_PROG_TYPE } from '../../../src/uapi/prog-types.ts';
import { makeLink, programOf, r0Of } from '../jit/support.ts';

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

test('in the background: interpreted until compiled code takes over, under the same slot', async () => {
  const link = makeLink();
  link.mem.view.setBigUint64(CTX, 1n, true);
  const exe = engineCompiler(link, 'jit', true)(programOf(additions(500)));
  const { slot } = exe;
  const ends = [0, 1].map(async (turn) => {
    if (turn === 1) await exe.compiling;
    exe.run(CTX);
    return [r0Of(link, exe), exe.executed, exe.codeSize > 0, link.programs.get(slot)?.engine];
  });
  expect(await Promise.all(ends)).toEqual([
    [499n, 500, false, 'interp'],
    [499n, undefined, true, 'jit'],
  ]);
  expect([exe.slot, exe.engine, exe.compiling]).toEqual([slot, 'jit', undefined]);
  exe.dispose();
  expect(link.programs.size).toBe(0);
});

test('in the background: tail calls go to whatever runs the program by then', async () => {
  const link = makeLink();
  const compile = engineCompiler(link, 'jit', true);
  const counting =
    'r6 = r1\n r7 = *(u64 *)(r6 +0)\n r7 += 1\n *(u64 *)(r6 +0) = r7\n r2 = 5\n r3 = 0\n call 12\n r0 = r7\n exit';
  const itself = compile(programOf(assemble(counting), { usesTailCall: true }));
  const caller = compile(programOf(assemble('r2 = 5\n r3 = 0\n call 12\n r0 = 1\n exit'), { usesTailCall: true }));
  link.targets.set('5:0', itself.slot);
  const turns = [() => undefined, () => itself.compiling, () => caller.compiling];
  for (const turn of turns) {
    await turn();
    for (const [exe, runs] of [
      [itself, 34n],
      [caller, 33n],
    ] as const) {
      link.mem.view.setBigUint64(CTX, 0n, true);
      exe.run(CTX);
      expect(r0Of(link, exe)).toBe(runs);
    }
  }
  expect([itself.codeSize > 0, caller.codeSize > 0]).toEqual([true, true]);
});

test('in the background: what the JIT refuses, and what is given up before it is compiled', async () => {
  const link = makeLink();
  const compile = engineCompiler(link, 'jit', true);
  const large = compile(programOf(additions(1_000_000)));
  expect([large.engine, large.compiling]).toEqual(['interp', undefined]);
  large.dispose();
  const short = compile(programOf(additions(100)));
  const { compiling } = short;
  short.dispose();
  await compiling;
  expect(link.programs.size).toBe(0);
  expect(link.table.get(short.slot)).toBe(null);
});

test('a runtime that compiles in the background', async () => {
  const kernel = createRuntime({ compile: 'async', memory: 1 << 24 });
  const insns = assemble('r0 = 2\n exit');
  const load = (): RuntimeProgram => {
    const fd = kernel.bpf(BPF_CMD.BPF_PROG_LOAD, {
      prog_type: BPF_PROG_TYPE.BPF_PROG_TYPE_KPROBE,
      insns: encodeInsns(insns),
      license: 'GPL',
    });
    return kernel.program(fd)!;
  };
  const [first, second] = [load(), load()];
  expect(first.engine).toBe('interp');
  expect(first.runContext(new Uint8Array(168)).r0).toEqual([2, 0]);
  await first.compiled();
  expect([first.engine, first.codeSize > 0]).toEqual(['jit', true]);
  await kernel.compiled();
  expect([second.engine, second.codeSize]).toEqual(['jit', first.codeSize]);
  expect(second.runContext(new Uint8Array(168)).r0).toEqual([2, 0]);
  const plain = createRuntime({ memory: 1 << 24 });
  await plain.compiled();
});
