/** Stores: of registers, of immediates, and atomics, which share their class (BPF_ST, BPF_STX). */
import { BPF_ATOMIC, BPF_MEM, BPF_ST, BPF_STX, bpfClass, bpfMode } from '../../../isa/opcodes.ts';
import { insnAccess } from '../access/access.ts';
import { checkMemAccess } from '../access/mem.ts';
import { LOAD } from '../diag/catalogue/load.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { TYPE } from '../state/row.ts';
import { checkRegRead } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import { checkAtomic } from './atomic.ts';
import { saveAuxPtrType } from './aux-type.ts';
import { checkStoreReg } from './mem.ts';

/** BPF_ST and BPF_STX. */
export function checkStore(env: VerifierEnv): void {
  const { insns, insnIdx: idx } = env;
  const code = insns.code[idx];
  if (bpfClass(code) === BPF_STX) {
    if (bpfMode(code) === BPF_ATOMIC) return checkAtomic(env);
    if (bpfMode(code) !== BPF_MEM || insns.imm[idx] !== 0) reject(env, LOAD.STX_RESERVED_FIELDS);
    return checkStoreReg(env, false);
  }
  if (bpfClass(code) !== BPF_ST || bpfMode(code) !== BPF_MEM || insns.src[idx] !== 0)
    reject(env, LOAD.ST_RESERVED_FIELDS);
  const dst = insns.dst[idx];
  checkRegRead(env, dst);
  const type = env.state.frame.rows[regRow(dst) + TYPE];
  checkMemAccess(env, insnAccess(env, dst, { write: true, valueRegno: -1, strictAlignment: false, signExtend: false }));
  saveAuxPtrType(env, type, false);
}
