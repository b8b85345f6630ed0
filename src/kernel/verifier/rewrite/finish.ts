/** The rewritten program as plain data for the engines. */
import { BPF_CALL, BPF_JMP } from '../../../isa/opcodes.ts';
import { BPF_FUNC } from '../../../uapi/helper-ids.ts';
import { LOOP_INLINED } from '../../rules/internal-helpers.ts';
import { AUX_LOOP_INLINE, AUX_MAP_POISONED } from '../insn-aux.ts';
import type { VerifierEnv } from '../env.ts';
import { isLdImm64 } from '../pass/subprogs.ts';
import type { SubprogInfo, VerifiedProgram } from '../result.ts';
import { subprogEnd } from '../subprog.ts';
import { LoadedTag } from '../pass/tag.ts';

/** Builds the result; `mapCount` is the number of maps that the program names itself (the first ones of env.maps). */
export function finishProgram(env: VerifierEnv, mapCount: number): VerifiedProgram {
  const { insns, aux, input, query } = env;
  // One buffer for both: each costs more than the columns of a small program.
  const columns = new ArrayBuffer(insns.length * 6);
  const origin = new Int32Array(columns, 0, insns.length);
  const mapIndex = new Int16Array(columns, insns.length * 4, insns.length).fill(-1);
  origin.set(aux.origIdx.subarray(0, insns.length));
  let usesTailCall = false;
  for (let i = 0; i < insns.length; i++) {
    if ((aux.flags[i] & AUX_MAP_POISONED) === 0 && aux.mapIndex[i] < mapCount) mapIndex[i] = aux.mapIndex[i];
    if ((aux.flags[i] & AUX_LOOP_INLINE) !== 0) insns.off[i] = LOOP_INLINED;
    if (isLdImm64(insns, i)) i++;
    else if (
      insns.code[i] === (BPF_JMP | BPF_CALL) &&
      insns.src[i] === 0 &&
      insns.imm[i] === BPF_FUNC.BPF_FUNC_tail_call
    )
      usesTailCall = true;
  }
  const subprogs = env.subprogs.map(
    (s, k): SubprogInfo => ({
      start: s.start,
      end: subprogEnd(env, k),
      name: s.name,
      stackDepth: (s.stackDepth + s.stackExtra + 7) & ~7,
      isCallback: s.isCb,
      isExceptionCallback: s.isExceptionCb,
      hasTailCall: s.hasTailCall,
      hasLdAbs: s.hasLdAbs,
      privateStack: s.privateStack,
      unreliable: s.unreliable === true,
      changesPktData: s.changesPktData,
      mightSleep: s.mightSleep,
    }),
  );
  return {
    name: input.name,
    progType: input.progType,
    expectedAttachType: input.expectedAttachType,
    resolvedType: query.progType,
    insns,
    subprogs,
    usedMaps: env.maps.slice(0, mapCount),
    mapIndex,
    origin,
    sleepable: query.sleepable,
    gplCompatible: query.gplCompatible,
    maxCtxOffset: env.maxCtxOffset,
    bufferAccess: { ...env.bufferAccess },
    usesTailCall,
    tag: new LoadedTag(input.insns),
  };
}
