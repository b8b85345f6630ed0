/** The rewritten program as plain data for the engines. */
import type { Insns } from '../../../isa/insn.ts';
import { BPF_CALL, BPF_JMP } from '../../../isa/opcodes.ts';
import { BPF_FUNC } from '../../../uapi/helper-ids.ts';
import { LOOP_INLINED } from '../../rules/rows/helpers/internal.ts';
import { AUX_LOOP_INLINE, AUX_MAP_POISONED } from '../insn-aux.ts';
import type { VerifierEnv } from '../env.ts';
import { isLdImm64 } from '../pass/subprogs.ts';
import type { SubprogInfo, VerifiedProgram } from '../result.ts';
import { subprogEnd } from '../subprog.ts';
import { progTag } from '../pass/tag.ts';

/** Builds the result; `mapCount` is the number of maps that the program names itself (the first ones of env.maps). */
export function finishProgram(env: VerifierEnv, mapCount: number): VerifiedProgram {
  const { insns, aux, input, query } = env;
  const mapIndex = new Int16Array(insns.length).fill(-1);
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
    }),
  );
  return withTag(lazyTag(input.insns), {
    name: input.name,
    progType: input.progType,
    expectedAttachType: input.expectedAttachType,
    insns,
    subprogs,
    usedMaps: env.maps.slice(0, mapCount),
    mapIndex,
    origin: aux.origIdx,
    sleepable: query.sleepable,
    gplCompatible: query.gplCompatible,
    maxCtxOffset: env.maxCtxOffset,
    changesPktData: env.subprogs[0].changesPktData,
    usesTailCall,
  });
}

/** The tag, asked for by few. Made apart from all else: a closure keeps what its neighbours use, here the whole verification. */
function lazyTag(loaded: Insns): () => string {
  let insns: Insns | undefined = loaded;
  let tag = '';
  return () => {
    if (insns !== undefined) tag = progTag(insns);
    insns = undefined;
    return tag;
  };
}

function withTag(tag: () => string, program: Omit<VerifiedProgram, 'tag'>): VerifiedProgram {
  return Object.defineProperty({ ...program, tag: '' }, 'tag', { get: tag, enumerable: true });
}
