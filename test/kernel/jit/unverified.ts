/** Raw instructions as an engine's input, cut at call targets and at functions whose address is taken. */
import type { Insns } from '../../../src/isa/insn.ts';
import { BPF_PSEUDO_CALL, BPF_PSEUDO_FUNC } from '../../../src/isa/opcodes.ts';
import type { SubprogInfo, VerifiedProgram } from '../../../src/kernel/verifier/result.ts';

const FULL_STACK = 512;

/** Cuts a program at the targets of its calls, each function with a full stack. Nothing is checked: run it in guard mode only. */
export function unverifiedProgram(insns: Insns, name = 'unverified'): VerifiedProgram {
  const starts = new Set([0]);
  for (let i = 0; i < insns.length; i++) {
    const code = insns.code[i];
    const calls = code === 0x85 && insns.src[i] === BPF_PSEUDO_CALL;
    const takes = code === 0x18 && insns.src[i] === BPF_PSEUDO_FUNC;
    const target = i + 1 + insns.imm[i];
    if ((calls || takes) && target >= 0 && target < insns.length) starts.add(target);
    if (code === 0x18) i++;
  }
  const sorted = [...starts].sort((a, b) => a - b);
  const subprogs = sorted.map(
    (start, k): SubprogInfo => ({
      start,
      end: sorted[k + 1] ?? insns.length,
      name: k === 0 ? name : `sub_${start}`,
      stackDepth: FULL_STACK,
      isCallback: false,
      isExceptionCallback: false,
      hasTailCall: false,
      hasLdAbs: false,
      privateStack: false,
      unreliable: false,
      changesPktData: false,
      mightSleep: false,
    }),
  );
  return {
    name,
    progType: 0,
    expectedAttachType: 0,
    resolvedType: 0,
    insns,
    subprogs,
    usedMaps: [],
    mapIndex: new Int16Array(insns.length).fill(-1),
    origin: Int32Array.from({ length: insns.length }, (_, i) => i),
    sleepable: false,
    gplCompatible: false,
    tag: { hex: '0000000000000000' },
    maxCtxOffset: 0,
    bufferAccess: { tracepoint: 0, rdonly: 0, rdwr: 0 },
    usesTailCall: false,
  };
}
