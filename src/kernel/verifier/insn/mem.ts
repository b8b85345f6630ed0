/** Loads and stores of registers (check_load_mem, check_store_reg). */
import { BPF_MEMSX, bpfMode } from '../../../isa/opcodes.ts';
import { SCALAR_VALUE } from '../../rules/reg-types.ts';
import { saveAuxPtrType } from './aux-type.ts';
import { insnAccess } from '../access/access.ts';
import { checkMemAccess } from '../access/mem.ts';
import { Scalar } from '../domain/scalar.ts';
import type { VerifierEnv } from '../env.ts';
import { TYPE, loadScalar, storeScalar } from '../state/row.ts';
import { checkRegRead, checkRegWrite } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import { checkBounds } from '../state/sanity.ts';

const loaded = new Scalar();

/** How a load differs from the plain one. */
interface LoadOptions {
  readonly strictAlignment: boolean;
  readonly signExtend: boolean;
  /** The same instruction may meet trusted and untrusted pointers. */
  readonly allowTrustMismatch: boolean;
  /** Names the load when its result contradicts itself. */
  readonly context: string;
}

const LDX: LoadOptions = { strictAlignment: false, signExtend: false, allowTrustMismatch: true, context: 'ldx' };
const LDXSX: LoadOptions = { ...LDX, signExtend: true };
export const LOAD_ACQUIRE: LoadOptions = {
  strictAlignment: true,
  signExtend: false,
  allowTrustMismatch: false,
  context: 'atomic_load',
};

/** BPF_LDX. */
export const checkLoad = (env: VerifierEnv): void =>
  checkLoadMem(env, bpfMode(env.insns.code[env.insnIdx]) === BPF_MEMSX ? LDXSX : LDX);

/** check_load_mem: dst = *(src + off). */
export function checkLoadMem(env: VerifierEnv, options: LoadOptions): void {
  const { insns, insnIdx: idx } = env;
  const { strictAlignment, signExtend } = options;
  const dst = insns.dst[idx];
  const src = insns.src[idx];
  checkRegRead(env, src);
  checkRegWrite(env, dst);
  const { rows } = env.state.frame;
  const type = rows[regRow(src) + TYPE];
  checkMemAccess(env, insnAccess(env, src, { write: false, valueRegno: dst, strictAlignment, signExtend }));
  saveAuxPtrType(env, type, options.allowTrustMismatch);
  if (rows[regRow(dst) + TYPE] !== SCALAR_VALUE) return;
  loadScalar(loaded, rows, regRow(dst));
  checkBounds(env, loaded, options.context);
  storeScalar(loaded, rows, regRow(dst));
}

/** check_store_reg: *(dst + off) = src. */
export function checkStoreReg(env: VerifierEnv, strictAlignment: boolean): void {
  const { insns, insnIdx: idx } = env;
  const dst = insns.dst[idx];
  checkRegRead(env, insns.src[idx]);
  checkRegRead(env, dst);
  const type = env.state.frame.rows[regRow(dst) + TYPE];
  checkMemAccess(
    env,
    insnAccess(env, dst, { write: true, valueRegno: insns.src[idx], strictAlignment, signExtend: false }),
  );
  saveAuxPtrType(env, type, false);
}
