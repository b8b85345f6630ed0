/** Stack liveness on marks given by hand, against what the kernel logged for the same programs. */
import { expect, test } from 'vitest';
import { assemble } from '../../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../../src/isa/encode.ts';
import type { VerifierEnv } from '../../../../src/kernel/verifier/env.ts';
import { checkCfg } from '../../../../src/kernel/verifier/pass/cfg.ts';
import { computePostorder } from '../../../../src/kernel/verifier/pass/flow.ts';
import { CallChainLiveness } from '../../../../src/kernel/verifier/pass/stack-liveness.ts';
import { addSubprogsAndKfuncs, checkSubprogs } from '../../../../src/kernel/verifier/pass/subprogs.ts';
import { FuncState, VerifierState } from '../../../../src/kernel/verifier/state/state.ts';
import { envOf, inputOf } from '../recorded.ts';

function prepare(text: string): VerifierEnv {
  const bytes = encodeInsns(assemble(text));
  const insns = Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
  const env = envOf(
    inputOf({ prog: 't', ret: 0, type: 1, eat: 0, flags: 0, license: 'GPL', insns, maps: {}, log: '' }),
  );
  addSubprogsAndKfuncs(env);
  checkSubprogs(env);
  checkCfg(env);
  computePostorder(env);
  env.stackLiveness = new CallChainLiveness();
  enter(env, 0, []);
  return env;
}

/** Makes env.state stand in a chain of [callsite, subprog] frames below the main function. */
function enter(env: VerifierEnv, insnIdx: number, chain: [number, number][]): VerifierState {
  const st = new VerifierState();
  st.frames = [new FuncState(new Int32Array(32))];
  for (const [callsite, subprogno] of chain) {
    const frame = new FuncState(new Int32Array(32));
    frame.callsite = callsite;
    frame.subprogno = subprogno;
    frame.frameno = st.frames.length;
    st.frames.push(frame);
  }
  st.curframe = chain.length;
  st.insnIdx = insnIdx;
  env.state = st;
  env.insnIdx = insnIdx;
  return st;
}

type Touch = [insn: number, kind: 'read' | 'write' | 'none', frame?: number, spi?: number];
function visit(env: VerifierEnv, chain: [number, number][], touches: Touch[]): void {
  const live = env.stackLiveness as CallChainLiveness;
  for (const [insn, kind, frame, spi] of touches) {
    enter(env, insn, chain);
    live.enter(env);
    live.beginInsn(insn);
    if (kind === 'read') live.markRead(frame as number, insn, spi as number);
    if (kind === 'write') live.markWrite(frame as number, spi as number);
    live.endInsn();
  }
  live.pathEnds(env);
}
/** Whether a slot may still be read. */
function alive(env: VerifierEnv, st: VerifierState, frame: number, spi: number): boolean {
  const live = env.stackLiveness as CallChainLiveness;
  live.query(env, st, frame);
  return ((live.alive[spi >> 5] >>> (spi & 31)) & 1) !== 0;
}
const logged = (env: VerifierEnv): string[] =>
  env.log
    .text()
    .split('\n')
    .filter((l) => l.startsWith('('));

test("a callee that surely overwrites its caller's slot makes it dead before the call", () => {
  const env = prepare(`r1 = 1
    *(u64 *)(r10 -8) = r1
    r0 = r0
    r1 = *(u64 *)(r10 -8)
    r1 = r10
    r1 += -8
    call pc+1
    exit
    r0 = 1
    *(u64 *)(r1 +0) = r0
    exit`);
  visit(
    env,
    [],
    [
      [0, 'none'],
      [1, 'write', 0, 0],
      [2, 'none'],
      [3, 'read', 0, 0],
      [4, 'none'],
      [5, 'none'],
    ],
  );
  env.log.truncate(0);
  const fresh = prepareSame(env);
  visitAll(fresh);
  expect(logged(fresh)).toEqual([
    '(6,8) frame 0 insn 9 +written -8 ',
    '(6,8) frame 0 insn 8 +written -8 ',
    '(6,8) live stack update done in 2 iterations',
    '(0) frame 0 insn 6 +written -8 ',
    '(0) frame 0 insn 3 +live -8 ',
    '(0) frame 0 insn 3 +written -8 ',
    '(0) frame 0 insn 1 +written -8 ',
    '(0) frame 0 insn 0 +written -8 ',
    '(0) live stack update done in 2 iterations',
  ]);
  expect(alive(fresh, enter(fresh, 3, []), 0, 0)).toBe(true);
  expect(alive(fresh, enter(fresh, 4, []), 0, 0)).toBe(false);
  expect(alive(fresh, enter(fresh, 8, [[6, 1]]), 0, 0)).toBe(false);
});

/** The same program with nothing marked yet. */
function prepareSame(env: VerifierEnv): VerifierEnv {
  env.stackLiveness = new CallChainLiveness();
  return env;
}

/** Main up to the call, then the callee to its exit, without an update in between. */
function visitAll(env: VerifierEnv): void {
  const live = env.stackLiveness as CallChainLiveness;
  const run = (chain: [number, number][], touches: Touch[]): void => {
    for (const [insn, kind, frame, spi] of touches) {
      enter(env, insn, chain);
      live.enter(env);
      live.beginInsn(insn);
      if (kind === 'read') live.markRead(frame as number, insn, spi as number);
      if (kind === 'write') live.markWrite(frame as number, spi as number);
      live.endInsn();
    }
  };
  run(
    [],
    [
      [0, 'none'],
      [1, 'write', 0, 0],
      [2, 'none'],
      [3, 'read', 0, 0],
      [4, 'none'],
      [5, 'none'],
    ],
  );
  run(
    [[6, 1]],
    [
      [8, 'none'],
      [9, 'write', 0, 0],
    ],
  );
  live.pathEnds(env);
}

test('a write on one of two visits only is no sure write', () => {
  const env = prepare(`r0 = 0
    *(u64 *)(r1 +0) = r0
    r2 = *(u64 *)(r10 -8)
    exit`);
  visit(
    env,
    [],
    [
      [0, 'none'],
      [1, 'write', 0, 0],
      [2, 'read', 0, 0],
    ],
  );
  expect(alive(env, enter(env, 1, []), 0, 0)).toBe(false);
  visit(
    env,
    [],
    [
      [0, 'none'],
      [1, 'write', 0, 1],
      [2, 'read', 0, 0],
    ],
  );
  expect(alive(env, enter(env, 1, []), 0, 0)).toBe(true);
  expect(alive(env, enter(env, 3, []), 0, 0)).toBe(false);
});

test('around a call of a callback, slots stay alive as long as it may run again', () => {
  const env = prepare(`r1 = 10
    r3 = r10
    r4 = 0
    call 181
    r0 = 0
    exit`);
  // The callback of instruction 3 reads the caller's slot 0; nothing reads it after the call.
  visit(
    env,
    [],
    [
      [0, 'none'],
      [1, 'none'],
      [2, 'none'],
      [3, 'read', 0, 0],
      [4, 'none'],
    ],
  );
  expect(alive(env, enter(env, 4, []), 0, 0)).toBe(false);
  expect(alive(env, enter(env, 5, [[3, 0]]), 0, 0)).toBe(true);
});
