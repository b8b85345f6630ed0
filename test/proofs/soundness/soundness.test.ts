/** Small samples of the proof commands with fixed seeds, and that a wrong belief would be seen. */
import { expect, test } from 'vitest';
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import { assembleProgram } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import type { Insns } from '../../../src/isa/insn.ts';
import { verify } from '../../../src/kernel/verifier/check.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import type { VerifierTesting } from '../../../src/kernel/verifier/observe.ts';
import type { VerifierInput, VerifierOutcome } from '../../../src/kernel/verifier/result.ts';
import { generate } from '../differential/generate.ts';
import { Rng } from '../differential/rng.ts';
import { inputOf } from '../differential/sides.ts';
import { Scalar } from '../../../src/kernel/verifier/domain/scalar.ts';
import type { MapDesc } from '../../../src/kernel/rules/map-desc.ts';
import {
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_STACK,
  SCALAR_VALUE,
} from '../../../src/kernel/rules/reg-types.ts';
import {
  A,
  OFF,
  PRECISE,
  ROW,
  setSlotType,
  STACK_SPILL,
  STACK_ZERO,
  storeScalar,
  TYPE,
} from '../../../src/kernel/verifier/state/row.ts';
import {
  FRAME_WORDS,
  FuncState,
  clearFrame,
  regRow,
  slotRow,
  VerifierState,
} from '../../../src/kernel/verifier/state/state.ts';
import { accessFault } from './access.ts';
import { ABLATION, ablate } from './ablation.ts';
import { Beliefs } from './beliefs.ts';
import { CALLBACKS } from './callbacks.ts';
import { runHere } from './command.ts';
import { WatchedKernel } from './watched.ts';
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

test('hostile callback loops are refused, their safe twins are not', async () => {
  const { failures, counts } = await runHere(CALLBACKS, SEED, 150);
  expect(failures).toEqual([]);
  expect(counts['accepted in 6.18']).toBeGreaterThan(0);
  expect(counts['twins.accepted']).toBeGreaterThan(10);
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

/** Runs a socket filter under a verifier whose program is changed afterwards. */
async function watch(source: string, change: (insns: Insns) => void): Promise<WatchedKernel> {
  const k = new WatchedKernel(
    await loadPackagedBtf(),
    () => 0,
    (input) => {
      const out = verify(input);
      if (out.ok) change(out.program.insns);
      return out;
    },
  );
  const insns = encodeInsns(assembleProgram(source).insns);
  const fd = k.runtime.bpf(BPF_CMD.BPF_PROG_LOAD, { prog_type: 1, insns, license: 'GPL' });
  expect(fd).toBeGreaterThan(0);
  k.run(fd, new Uint8Array(64));
  return k;
}

test('what the verifier did not see is seen: another number, another branch, an access beyond the stack', async () => {
  const program = 'r0 = 7\nr1 = 0\nif r1 == 0 goto out\nr0 = 1\nout: exit';
  const unchanged = await watch(program, () => {});
  expect([unchanged.faults, unchanged.steps]).toEqual([[], 4]);
  const number = await watch(program, (insns) => void (insns.imm[0] = 8));
  expect(number.faults.join()).toMatch(/^instruction 1: frame 0 r0 /);
  const branch = await watch(program, (insns) => void (insns.imm[2] = 1));
  expect(branch.faults.join()).toMatch(/^instruction 3: never reached by the verifier/);
  const store = 'r2 = r10\nr2 += -8\n*(u64 *)(r2 +0) = 0\nr0 = 0\nexit';
  expect((await watch(store, () => {})).accesses).toBe(1);
  const beyond = await watch(store, (insns) => void (insns.off[2] = 8));
  expect(beyond.faults.join()).toMatch(/^instruction 2: 8 bytes at 0x[0-9a-f]+ outside of the stack/);
});

/** A state of one function with r1 known to be `r1` and, in a slot, a number that may have been 4 bytes of it. */
function state(r1: number, precise: boolean, callsites: readonly number[] = []): VerifierState {
  const st = new VerifierState();
  st.curframe = callsites.length;
  for (const callsite of [-1, ...callsites]) {
    const frame = new FuncState(new Int32Array(FRAME_WORDS));
    clearFrame(frame.rows);
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

test('an access is sought in the object that its pointer points to', () => {
  const rows = new Int32Array(ROW);
  const map = { valuesAddr: 0x40000, elemSize: 16, valueSize: 12, maxEntries: 2 } as MapDesc;
  const w: World = { ...world, data: 0x50000, dataEnd: 0x50040, maps: [map], known: new Set([0x60000]) };
  const fault = (type: number, address: number, size: number): string => {
    rows[TYPE] = type;
    rows[A] = type === PTR_TO_MEM ? 8 : 0;
    return accessFault(w, rows, 0, 0, address, size);
  };
  expect(fault(PTR_TO_STACK, 0x30000 - 512, 8)).toBe('');
  expect(fault(PTR_TO_STACK, 0x30000 - 4, 8)).not.toBe('');
  expect(fault(PTR_TO_PACKET, 0x5003f, 1)).toBe('');
  expect(fault(PTR_TO_PACKET, 0x5003f, 2)).not.toBe('');
  expect(fault(PTR_TO_MAP_VALUE, 0x40018, 4)).toBe('');
  // Between two values, and behind the last.
  expect(fault(PTR_TO_MAP_VALUE, 0x4000c, 4)).not.toBe('');
  expect(fault(PTR_TO_MAP_VALUE, 0x40020, 4)).not.toBe('');
  expect(fault(PTR_TO_MEM, 0x60000, 8)).toBe('');
  expect(fault(PTR_TO_MEM, 0x60001, 8)).not.toBe('');
});

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

test('a verdict that hangs on pruning or on checkpoints is seen', async () => {
  const vmlinux = await loadPackagedBtf();
  const program = (source: string): VerifierInput => ({
    ...inputOf(generate(1), 0, () => vmlinux),
    ...{ insns: assembleProgram(source).insns, progType: 1, progFlags: 0, funcInfo: undefined },
  });
  const accepted = verify(program('r0 = 0\nexit'));
  const refused = verify(program('exit'));
  expect([accepted.ok, refused.ok]).toEqual([true, false]);
  const found = (verdict: (t: VerifierTesting | undefined) => boolean): string[] => {
    const failures: string[] = [];
    const verifier = ({ testing }: VerifierInput): VerifierOutcome => (verdict(testing) ? accepted : refused);
    ablate(
      program('r0 = 0\nexit'),
      new Rng(1),
      { count() {}, fail: (text) => void failures.push(text) },
      'it',
      verifier,
    );
    return failures;
  };
  expect(found(() => true)).toEqual([]);
  expect(found((t) => t?.noPruning !== true).join()).toMatch(/^it: accept, but with noPruning reject/);
  expect(found((t) => t?.everyInsn === true).join()).toMatch(/^it: reject .* but with everyInsn accept$/);
  expect(found((t) => t?.randomCheckpoints === undefined)).toHaveLength(2);
});

test('changes that keep the meaning keep the verdict', async () => {
  const { failures, counts } = await runHere(METAMORPHIC, SEED, 50, { 'no-live': true, 'no-objects': true });
  expect(failures).toEqual([]);
  expect(counts['changed']).toBeGreaterThan(100);
  expect(counts['acceptToReject'] ?? 0).toBeLessThanOrEqual(0.01 * counts['changed']);
});
