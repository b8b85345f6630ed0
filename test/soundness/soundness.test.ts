/** Small samples of the proof commands with fixed seeds, and that a wrong belief would be seen. */
import { expect, test } from 'vitest';
import { Scalar } from '../../src/kernel/verifier/domain/scalar.ts';
import { PTR_TO_STACK, SCALAR_VALUE } from '../../src/kernel/spec/reg-types.ts';
import {
  OFF,
  PRECISE,
  ROW,
  setSlotType,
  STACK_SPILL,
  STACK_ZERO,
  storeScalar,
  TYPE,
} from '../../src/kernel/verifier/state/row.ts';
import { FRAME_ROWS, FuncState, regRow, slotRow, VerifierState } from '../../src/kernel/verifier/state/state.ts';
import { ABLATION } from './ablation.ts';
import { Beliefs } from './beliefs.ts';
import { runHere } from './command.ts';
import { holdsRegister, type World } from './contains.ts';
import { METAMORPHIC } from './metamorphic.ts';
import { ORACLE } from './oracle.ts';

const SEED = 20261;
const world: World = {
  ...{ view: new DataView(new ArrayBuffer(8)), ctx: 0x20000, data: 0, dataMeta: 0, dataEnd: 0, maps: [] },
  frames: [{ regs: [], from: 0, fp: 0x30000, callsite: -1 }],
  known: new Set(),
};

test('runs of accepted programs lie inside what the verifier believed', async () => {
  const { failures, counts } = await runHere(ORACLE, SEED, 200, {
    'no-objects': true,
    inputs: '2',
    'most-insns': '20000',
  });
  expect(failures).toEqual([]);
  expect(counts['steps']).toBeGreaterThan(10_000);
  expect(counts['programs']).toBeGreaterThan(100);
});

test('a value outside of a state is seen', () => {
  const rows = new Int32Array(ROW);
  const s = new Scalar();
  s.setConst(7, 0);
  storeScalar(s, rows, 0);
  rows[TYPE] = SCALAR_VALUE;
  expect(holdsRegister(world, rows, 0, 7, 0, 0)).toBe(true);
  expect(holdsRegister(world, rows, 0, 8, 0, 0)).toBe(false);
  expect(holdsRegister(world, rows, 0, 7, 1, 0)).toBe(false);
  s.setConst(0, 0);
  storeScalar(s, rows, 0);
  rows[TYPE] = PTR_TO_STACK;
  rows[OFF] = -8;
  expect(holdsRegister(world, rows, 0, 0x30000 - 8, 0, 0)).toBe(true);
  expect(holdsRegister(world, rows, 0, 0x30000 - 16, 0, 0)).toBe(false);
});

/** A state of one function with r1 known to be `r1` and, in a slot, a number that may have been 4 bytes of it. */
function state(r1: number, precise: boolean, callsites: readonly number[] = []): VerifierState {
  const st = new VerifierState();
  st.curframe = callsites.length;
  for (const callsite of [-1, ...callsites]) {
    const frame = new FuncState(new Int32Array(FRAME_ROWS * ROW));
    frame.callsite = callsite;
    frame.allocatedStack = 8;
    const s = new Scalar();
    s.setConst(r1, 0);
    for (const r of [regRow(1), regRow(6), slotRow(0)]) {
      storeScalar(s, frame.rows, r);
      frame.rows[r + TYPE] = SCALAR_VALUE;
      frame.rows[r + PRECISE] = precise ? 1 : 0;
    }
    for (let i = 0; i < 8; i++) setSlotType(frame.rows, slotRow(0), i, i < 4 ? STACK_ZERO : STACK_SPILL);
    st.frames.push(frame);
  }
  return st;
}

/** A machine with `r1` in r1, r6 and the stack, reached by these calls. */
function machine(r1: number, callsites: readonly number[] = [], top = 0): World {
  const view = new DataView(new ArrayBuffer(8));
  view.setInt32(0, r1, true);
  view.setInt32(4, top, true);
  const regs = Int32Array.from({ length: 20 }, (_, i) => (i === 2 || i === 12 ? r1 : 0));
  const frames = [-1, ...callsites].map((callsite, i) => ({
    ...{ regs, fp: 8, callsite },
    from: i === callsites.length ? 0 : 6,
  }));
  return { ...world, view, frames };
}

test('a machine is sought in the states of its instruction and its calls', () => {
  const live = new Uint16Array(10).fill(0xffff);
  const exact = new Beliefs('exact');
  for (const r1 of [3, 5, 5]) exact.add(4, state(r1, false), live);
  expect([exact.told, exact.distinct]).toEqual([3, 2]);
  for (const r1 of [3, 5, 3]) expect(exact.fault(4, machine(r1))).toBe('');
  expect(exact.fault(4, machine(4))).toMatch(/^frame 0 r1 .* in none of 2 states$/);
  expect(exact.fault(4, machine(3, [], 1))).toMatch(/^frame 0 fp-8 /);
  expect(exact.fault(5, machine(3))).toBe('never reached by the verifier');
  exact.add(6, state(3, false, [2]), live);
  expect(exact.fault(6, machine(3, [2]))).toBe('');
  expect(exact.fault(6, machine(3, [1]))).toBe('no state with these calls');
  expect(exact.fault(6, machine(3))).toBe('no state with these calls');
  expect(exact.fault(6, machine(4, [2]))).toMatch(/^frame 1 r1 /);
  // What one frame holds, another may not.
  exact.add(7, state(3, false, [2]), live);
  exact.add(7, state(5, false, [2]), live);
  const mixed = machine(3, [2]);
  expect(exact.fault(7, { ...mixed, frames: [machine(5).frames[0], mixed.frames[1]] })).toMatch(/^frame 0 r6 /);
  // Nobody relied on the numbers, or somebody did; zeros are relied on always.
  const precise = new Beliefs('precise');
  precise.add(4, state(3, false), live);
  expect(precise.fault(4, machine(4))).toBe('');
  expect(precise.fault(4, machine(4, [], 1))).toMatch(/^frame 0 fp-8 /);
  precise.add(5, state(3, true), live);
  expect(precise.fault(5, machine(4))).toMatch(/^frame 0 r1 /);
  // Nobody reads the register.
  precise.add(6, state(3, true), new Uint16Array(10));
  expect(precise.fault(6, machine(4))).toMatch(/^frame 0 fp-8 /);
});

test('nothing is accepted only because of pruning, and checkpoints change no verdict', async () => {
  const { failures, counts } = await runHere(ABLATION, SEED, 300, { 'no-objects': true });
  expect(failures).toEqual([]);
  expect(counts['accepted']).toBeGreaterThan(50);
  expect(counts['tooLarge.noPruning'] ?? 0).toBeLessThan(0.05 * counts['accepted']);
});

test('changes that keep the meaning keep the verdict', async () => {
  const { failures, counts } = await runHere(METAMORPHIC, SEED, 50, { 'no-live': true, 'no-objects': true });
  expect(failures).toEqual([]);
  expect(counts['changed']).toBeGreaterThan(100);
  expect(counts['acceptToReject'] ?? 0).toBeLessThanOrEqual(0.01 * counts['changed']);
});
