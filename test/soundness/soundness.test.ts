/** Small samples of the proof commands with fixed seeds, and that a wrong belief would be seen. */
import { expect, test } from 'vitest';
import { Scalar } from '../../src/kernel/verifier/domain/scalar.ts';
import { PTR_TO_STACK, SCALAR_VALUE } from '../../src/kernel/spec/reg-types.ts';
import { OFF, PRECISE, ROW, storeScalar, TYPE } from '../../src/kernel/verifier/state/row.ts';
import { ABLATION } from './ablation.ts';
import { runHere } from './command.ts';
import { holdsRegister, type World } from './contains.ts';
import { METAMORPHIC } from './metamorphic.ts';
import { ORACLE } from './oracle.ts';
import { Recorder } from './recorder.ts';

const SEED = 20261;
const world: World = {
  ...{ view: new DataView(new ArrayBuffer(8)), ctx: 0x20000, data: 0, dataMeta: 0, dataEnd: 0, maps: [] },
  frames: [{ regs: [], from: 0, fp: 0x30000 }],
  known: new Set(),
};

test('runs of accepted programs lie inside what the verifier believed', async () => {
  const { failures, counts } = await runHere(ORACLE, SEED, 20, { 'no-objects': true, inputs: '1' });
  expect(failures).toEqual([]);
  expect(counts['steps']).toBeGreaterThan(100);
  expect(counts['programs']).toBeGreaterThan(5);
});

test('a value outside of a state is seen', () => {
  const rows = new Int32Array(ROW);
  const s = new Scalar();
  s.setConst(7, 0);
  storeScalar(s, rows, 0);
  rows[TYPE] = SCALAR_VALUE;
  expect(holdsRegister(world, 'exact', rows, 0, 7, 0, 0)).toBe(true);
  expect(holdsRegister(world, 'exact', rows, 0, 8, 0, 0)).toBe(false);
  expect(holdsRegister(world, 'exact', rows, 0, 7, 1, 0)).toBe(false);
  // Nobody relied on it, or somebody did.
  expect(holdsRegister(world, 'precise', rows, 0, 8, 0, 0)).toBe(true);
  rows[PRECISE] = 1;
  expect(holdsRegister(world, 'precise', rows, 0, 8, 0, 0)).toBe(false);
  s.setConst(0, 0);
  storeScalar(s, rows, 0);
  rows[TYPE] = PTR_TO_STACK;
  rows[OFF] = -8;
  expect(holdsRegister(world, 'exact', rows, 0, 0x30000 - 8, 0, 0)).toBe(true);
  expect(holdsRegister(world, 'exact', rows, 0, 0x30000 - 16, 0, 0)).toBe(false);
  expect(new Recorder('exact').fault(0, world)).toBe('never reached by the verifier');
});

test('nothing is accepted only because of pruning, and checkpoints change no verdict', async () => {
  const { failures, counts } = await runHere(ABLATION, SEED, 300, { 'no-objects': true });
  expect(failures).toEqual([]);
  expect(counts['accepted']).toBeGreaterThan(50);
  expect(counts['tooLarge.noPruning'] ?? 0).toBeLessThan(0.05 * counts['accepted']);
});

test('changes that keep the meaning keep the verdict', async () => {
  const { failures, counts } = await runHere(METAMORPHIC, SEED, 50, { 'no-live': true });
  expect(failures).toEqual([]);
  expect(counts['changed']).toBeGreaterThan(100);
  expect(counts['acceptToReject'] ?? 0).toBeLessThanOrEqual(0.01 * counts['changed']);
});
