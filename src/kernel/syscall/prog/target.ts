/** Loaded programs as targets of others: what the verifier needs to know of them. */
import { BPF_PROG_TYPE as T } from '../../../uapi/prog-types.ts';
import type { LoadedProg } from '../../object/prog.ts';
import type { OnFunction } from '../../verifier/pass/attach-program.ts';
import type { TargetProgram } from '../../verifier/result.ts';

/** A program one of whose functions is to be replaced or traced. */
export function asTarget({ verified, btf, funcInfo, tracesTracing }: LoadedProg): TargetProgram {
  const { progType, expectedAttachType, resolvedType, subprogs } = verified;
  return {
    ...{ progType, expectedAttachType, resolvedType, tracesTracing },
    btf: btf?.btf,
    functions: Array.from({ length: funcInfo.length / 2 }, (_, k) => {
      const { unreliable, changesPktData, mightSleep, isExceptionCallback } = subprogs[k];
      return { typeId: funcInfo[2 * k + 1], unreliable, changesPktData, mightSleep, isExceptionCallback };
    }),
  };
}

/** A program that is to stand on a function of another. */
export function onFunction({ verified, btf, funcInfo }: LoadedProg): OnFunction {
  const { progType, expectedAttachType, sleepable, subprogs } = verified;
  const [{ changesPktData, mightSleep }] = subprogs;
  return {
    progType,
    expectedAttachType,
    sleepable,
    changesPktData,
    mightSleep,
    typeId: funcInfo[1] ?? 0,
    btf: btf?.btf,
  };
}

/** Whether a program that traces is to trace another that does. */
export const bothTrace = (progType: number, target: LoadedProg | undefined): boolean =>
  progType === T.BPF_PROG_TYPE_TRACING && target?.verified.progType === T.BPF_PROG_TYPE_TRACING;
