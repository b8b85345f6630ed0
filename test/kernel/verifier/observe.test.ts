/** What observers are told of a walk. */
import { expect, it } from 'vitest';
import { assembleProgram } from '../../../src/isa/asm/assemble.ts';
import { verify } from '../../../src/kernel/verifier/check.ts';
import type { StateView, VerifierTesting } from '../../../src/kernel/verifier/observe.ts';
import { compileRules } from '../../../src/kernel/rules/compile.ts';
import { ALL_CAPS } from '../../../src/kernel/rules/prog-type.ts';
import { BPF_PROG_TYPE } from '../../../src/uapi/prog-types.ts';

const RULES = compileRules('6.18');

function walk(source: string, testing: VerifierTesting): void {
  const outcome = verify({
    insns: assembleProgram(source).insns,
    progType: BPF_PROG_TYPE.BPF_PROG_TYPE_RAW_TRACEPOINT,
    expectedAttachType: 0,
    progFlags: 0,
    name: 'walk',
    license: 'GPL',
    caps: ALL_CAPS,
    rules: RULES,
    logLevel: 0,
    attachBtfId: 0,
    vmlinux: () => undefined,
    mapByFd: () => -9,
    holes: 'closed',
    testing,
  });
  expect(outcome).toMatchObject({ ok: true });
}

const SOURCE = 'r0 = *(u64 *)(r1 + 0)\nr0 &= 15\nif r0 > 7 goto +1\nr0 += 1\nexit';

it('sees the registers of each state before its instruction', () => {
  const seen: string[] = [];
  walk(SOURCE, {
    onState: ({ state, text, liveRegs }, idx) => {
      const frame = state.frames[state.curframe];
      seen.push(`${idx} live=${liveRegs[idx].toString(2)} r0=${text(frame, 0)} r1=${text(frame, 1)}`);
    },
  });
  expect(seen).toEqual([
    '0 live=10 r0=?() r1=ctx()',
    '1 live=1 r0=scalar() r1=ctx()',
    '2 live=1 r0=scalar(smin=smin32=0,smax=umax=smax32=umax32=15,var_off=(0x0; 0xf)) r1=ctx()',
    '3 live=1 r0=scalar(smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7)) r1=ctx()',
    '4 live=1 r0=scalar(smin=umin=smin32=umin32=1,smax=umax=smax32=umax32=8,var_off=(0x0; 0xf)) r1=ctx()',
    '4 live=1 r0=scalar(smin=umin=smin32=umin32=8,smax=umax=smax32=umax32=15,var_off=(0x8; 0x7)) r1=ctx()',
  ]);
});

it('is told of the states that are remembered, and of the end', () => {
  const at: number[] = [];
  let ends = 0;
  const remembered = new Set<StateView>();
  walk(SOURCE, {
    everyInsn: true,
    onCheckpoint: (state) => {
      at.push(state.insnIdx);
      remembered.add(state);
    },
    onForgotten: (state) => expect(remembered.delete(state)).toBe(true),
    onWalked: ({ clean }) => {
      ends++;
      for (const state of remembered) clean(state);
    },
  });
  expect([at, ends]).toEqual([[0, 1, 2, 3, 4], 1]);
});
