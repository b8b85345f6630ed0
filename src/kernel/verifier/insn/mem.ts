/** Loads and stores (check_load_mem, check_store_reg, immediate stores). */
import { BPF_ATOMIC, BPF_MEM, BPF_MEMSX, BPF_ST, BPF_STX, bpfClass, bpfMode, bpfSize } from '../../../isa/opcodes.ts';
import { SCALAR_VALUE } from '../../rules/reg-types.ts';
import { saveAuxPtrType } from './aux-type.ts';
import { checkMemAccess } from '../access/mem.ts';
import { LOAD } from '../diag/catalogue/load.ts';
import { reject } from '../diag/reject.ts';
import { Scalar } from '../domain/scalar.ts';
import type { VerifierEnv } from '../env.ts';
import { TYPE, loadScalar, storeScalar } from '../state/row.ts';
import { checkRegRead, checkRegWrite } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import { checkAtomic } from './atomic.ts';
import { checkBounds } from '../state/sanity.ts';

const loaded = new Scalar();

/** BPF_LDX. */
export function checkLoad(env: VerifierEnv): void {
  checkLoadMem(env, false, bpfMode(env.insns.code[env.insnIdx]) === BPF_MEMSX, true, 'ldx');
}

/** check_load_mem: dst = *(src + off). */
export function checkLoadMem(
  env: VerifierEnv,
  strict: boolean,
  sx: boolean,
  allowTrustMismatch: boolean,
  context: string,
): void {
  const { insns, insnIdx: idx } = env;
  const dst = insns.dst[idx];
  const src = insns.src[idx];
  checkRegRead(env, src);
  checkRegWrite(env, dst, false);
  const { rows } = env.state.frame;
  const type = rows[regRow(src) + TYPE];
  checkMemAccess(env, idx, src, insns.off[idx], bpfSize(insns.code[idx]), false, dst, strict, sx);
  saveAuxPtrType(env, type, allowTrustMismatch);
  if (rows[regRow(dst) + TYPE] !== SCALAR_VALUE) return;
  loadScalar(loaded, rows, regRow(dst));
  checkBounds(env, loaded, context);
  storeScalar(loaded, rows, regRow(dst));
}

/** check_store_reg: *(dst + off) = src. */
export function checkStoreReg(env: VerifierEnv, strict: boolean): void {
  const { insns, insnIdx: idx } = env;
  const dst = insns.dst[idx];
  checkRegRead(env, insns.src[idx]);
  checkRegRead(env, dst);
  const type = env.state.frame.rows[regRow(dst) + TYPE];
  checkMemAccess(env, idx, dst, insns.off[idx], bpfSize(insns.code[idx]), true, insns.src[idx], strict, false);
  saveAuxPtrType(env, type, false);
}

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
  checkMemAccess(env, idx, dst, insns.off[idx], bpfSize(code), true, -1, false, false);
  saveAuxPtrType(env, type, false);
}
