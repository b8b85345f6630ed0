/** One access to memory: the pointer, the bytes, the use of them. */
import { bpfSize, bpfSizeBytes } from '../../../isa/opcodes.ts';
import type { VerifierEnv } from '../env.ts';

/** Bytes behind a pointer. */
export interface MemSpan {
  /** Register that holds the pointer. */
  readonly regno: number;
  /** Distance from where the pointer's base stands; includes the fixed offset of the pointer. */
  off: number;
  readonly size: number;
  /** A callee may take no bytes at all. */
  readonly zeroSizeAllowed: boolean;
}

/** A load, a store, or the memory that a callee gets. All have one shape, with the fields in this order. */
export interface Access extends MemSpan {
  readonly insnIdx: number;
  readonly write: boolean;
  /** Register that is loaded or stored; -1 for an immediate, an atomic's memory and what a callee does. */
  readonly valueRegno: number;
  /** Alignment counts although the program did not ask for it: atomics. */
  readonly strictAlignment: boolean;
  /** The load extends the sign (BPF_MEMSX). */
  readonly signExtend: boolean;
}

/** An instruction's use of the memory behind a pointer. */
export type InsnAccess = Pick<Access, 'write' | 'valueRegno' | 'strictAlignment' | 'signExtend'>;

/** The access of the current instruction behind register `regno`. */
export function insnAccess(env: VerifierEnv, regno: number, use: InsnAccess): Access {
  const { insns, insnIdx } = env;
  return {
    regno,
    off: insns.off[insnIdx],
    size: bpfSizeBytes(bpfSize(insns.code[insnIdx])),
    zeroSizeAllowed: false,
    insnIdx,
    write: use.write,
    valueRegno: use.valueRegno,
    strictAlignment: use.strictAlignment,
    signExtend: use.signExtend,
  };
}

/** Memory that a callee reads, or writes. */
export type CalleeMem = Pick<Access, 'regno' | 'size' | 'write' | 'zeroSizeAllowed'>;
