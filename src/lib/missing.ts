/** Instructions of a prepared program that stand for what the kernel does not have, and the explanation when a verifier meets one. */
import type { Btf } from '../btf/btf.ts';
import { essentialName } from '../btf/name-index.ts';
import { BTF_KIND } from '../btf/types.ts';
import { BAD_RELO } from './core-relo/patch.ts';

/** Number of calls of weak kfuncs that the kernel does not have; the extern's index is added (POISON_CALL_KFUNC_BASE). */
export const MISSING_KFUNC = 2002000000;

/** A call or symbol that the kernel does not have. */
export interface Missing {
  readonly insn: number;
  /** Number of the helper that no kernel has and that the instruction calls instead. */
  readonly call: number;
  /** The missing thing, and how a program guards against it; asked for only when it matters. */
  readonly why: () => string;
}

export const missingKfunc = (insn: number, index: number, name: string, kernelBtf: Btf | undefined): Missing => ({
  insn,
  call: MISSING_KFUNC + index,
  why: () => {
    const has = (kernelBtf?.find(essentialName(name), BTF_KIND.FUNC) ?? 0) !== 0;
    const what = has ? `${name} of this kernel has another prototype` : `${name} is not in this kernel`;
    return `${what}; the weak call must stand inside if (bpf_ksym_exists(${name}))`;
  },
});

/** A verifier's message on a call that no kernel knows. */
const UNKNOWN_CALL = /invalid func unknown#(\d+)/;
/** The last call that its log shows. */
const CALL_LINE = /^(\d+): \(85\) call unknown#/gm;

/** Explains a refusal by what was missing; undefined when it is about something else. */
export function explainRefusal(
  missing: readonly Missing[],
  message: string,
  insn: number | undefined,
): string | undefined {
  const call = Number(UNKNOWN_CALL.exec(message)?.[1] ?? 0);
  if (call !== BAD_RELO && call < MISSING_KFUNC) return undefined;
  const same = missing.filter((m) => m.call === call);
  // One instruction with 64 bits of constant is two calls.
  const at = same.find((m) => m.insn === insn) ?? same.find((m) => m.insn + 1 === insn);
  return (at ?? (same.length === 1 || call !== BAD_RELO ? same[0] : undefined))?.why();
}

/** The instruction of the last call of something unknown in a log. */
export function unknownCallIn(log: string): number | undefined {
  const last = [...log.matchAll(CALL_LINE)].at(-1)?.[1];
  return last === undefined ? undefined : Number(last);
}
