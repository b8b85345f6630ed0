/** A stand-in for the verifier that accepts everything unchanged: for tests of what lies behind it. */
import type { VerifiedProgram, VerifierInput, VerifierOutcome } from '../../../src/kernel/verifier/result.ts';

export function trustingVerify(input: VerifierInput): VerifierOutcome {
  const { length } = input.insns;
  const program: VerifiedProgram = {
    name: input.name,
    progType: input.progType,
    expectedAttachType: input.expectedAttachType,
    resolvedType: input.progType,
    insns: input.insns,
    subprogs: [
      {
        start: 0,
        end: length,
        name: '',
        stackDepth: 512,
        isCallback: false,
        isExceptionCallback: false,
        hasTailCall: false,
        hasLdAbs: false,
        privateStack: false,
        unreliable: false,
        changesPktData: false,
        mightSleep: false,
      },
    ],
    usedMaps: [],
    mapIndex: new Int16Array(length).fill(-1),
    origin: Int32Array.from({ length }, (_, i) => i),
    sleepable: false,
    gplCompatible: true,
    tag: { hex: '0000000000000000' },
    maxCtxOffset: 0,
    bufferAccess: { tracepoint: 0, rdonly: 0, rdwr: 0 },
    usesTailCall: false,
  };
  const stats = {
    insnsProcessed: length,
    maxStatesPerInsn: 0,
    totalStates: 0,
    peakStates: 0,
    timeUs: 0,
    stackDepths: [],
  };
  const log = `processed ${length} insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n`;
  return { ok: true, program, log: input.logLevel === 0 ? '' : log, stats, notes: [] };
}
