/** ld_imm64 and the classic packet loads (check_ld_imm, check_ld_abs). */
import {
  BPF_ABS,
  BPF_DW,
  BPF_IND,
  BPF_PSEUDO_BTF_ID,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_MAP_IDX_VALUE,
  BPF_PSEUDO_MAP_VALUE,
  bpfMode,
  bpfSize,
} from '../../../isa/opcodes.ts';
import { BPF_MAP_TYPE } from '../../../uapi/map-types.ts';
import { BPF_PROG_TYPE } from '../../../uapi/prog-types.ts';
import {
  CONST_PTR_TO_MAP,
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_TO_FUNC,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  SCALAR_VALUE,
  baseType,
} from '../../rules/reg-types.ts';
import { LOAD } from '../diag/catalogue/load.ts';
import { prepareFuncExit } from '../call/subprog.ts';
import { reject } from '../diag/reject.ts';
import { pushStack } from '../paths/worklist.ts';
import type { VerifierEnv } from '../env.ts';
import { checkPtrOffReg } from '../access/ctx.ts';
import { checkResourceLeak } from '../resource/refs.ts';
import { A, B, OFF, SUBREG_DEF, TYPE } from '../state/row.ts';
import {
  checkRegRead,
  defineReg,
  clearCallerSaved,
  markRegKnown,
  markRegPointer,
  markRegUnknown,
} from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import type { Next } from './jump.ts';
import { findSubprogAt } from '../subprog.ts';

/** check_ld_imm: a constant, or the address of a map, a map value, a function or a kernel variable. */
export function checkLdImm(env: VerifierEnv): void {
  const { insns, insnIdx: idx } = env;
  if (insns.off[idx] !== 0) reject(env, LOAD.LD_IMM64_RESERVED_FIELDS);
  const dst = insns.dst[idx];
  defineReg(env, dst);
  const { rows } = env.state.frame;
  const d = regRow(dst);
  const src = insns.src[idx];
  if (src === 0) {
    rows[d + TYPE] = SCALAR_VALUE;
    markRegKnown(rows, d, insns.imm[idx], insns.imm[idx + 1]);
    return;
  }
  markRegPointer(rows, d, PTR_TO_MAP_VALUE);
  if (src === BPF_PSEUDO_BTF_ID) return loadKsym(env, rows, d);
  if (src === BPF_PSEUDO_FUNC) return loadFunction(env, rows, d);
  const index = env.aux.mapIndex[idx];
  rows[d + A] = index;
  if (src !== BPF_PSEUDO_MAP_VALUE && src !== BPF_PSEUDO_MAP_IDX_VALUE) {
    rows[d + TYPE] = CONST_PTR_TO_MAP;
  } else if (env.maps[index].type === BPF_MAP_TYPE.BPF_MAP_TYPE_ARENA) {
    markRegUnknown(env, rows, d);
  } else rows[d + OFF] = env.aux.mapOff[idx];
}

function loadKsym(env: VerifierEnv, rows: Int32Array, d: number): void {
  const extra = env.aux.extraAt(env.insnIdx);
  const type = extra.btfRegType ?? PTR_TO_MEM;
  rows[d + TYPE] = type;
  if (baseType(type) === PTR_TO_BTF_ID) {
    rows[d + A] = extra.btf ?? 0;
    rows[d + B] = extra.btfId ?? 0;
  } else rows[d + A] = extra.memSize ?? 0;
}

function loadFunction(env: VerifierEnv, rows: Int32Array, d: number): void {
  const subprog = findSubprogAt(env, env.insnIdx + env.insns.imm[env.insnIdx] + 1);
  if (env.input.funcInfo === undefined) reject(env, LOAD.MISSING_FUNC_INFO);
  if (env.subprogs[subprog].isGlobal) reject(env, LOAD.CALLBACK_NOT_STATIC);
  rows[d + TYPE] = PTR_TO_FUNC;
  rows[d + A] = subprog;
}

/** may_access_skb(). */
const mayAccessSkb = (type: number): boolean =>
  type === BPF_PROG_TYPE.BPF_PROG_TYPE_SOCKET_FILTER ||
  type === BPF_PROG_TYPE.BPF_PROG_TYPE_SCHED_CLS ||
  type === BPF_PROG_TYPE.BPF_PROG_TYPE_SCHED_ACT;

/** check_ld_abs: a packet load through R6. Out of range it ends the function with 0, which in a subprogram is a path of its own. */
export function checkLdAbs(env: VerifierEnv): Next {
  const { insns, insnIdx: idx } = env;
  const mode = bpfMode(insns.code[idx]);
  if (!mayAccessSkb(env.query.progType)) reject(env, LOAD.LD_ABS_PROG_TYPE);
  if (
    insns.dst[idx] !== 0 ||
    insns.off[idx] !== 0 ||
    bpfSize(insns.code[idx]) === BPF_DW ||
    (mode === BPF_ABS && insns.src[idx] !== 0)
  ) {
    reject(env, LOAD.LD_ABS_RESERVED_FIELDS);
  }
  checkRegRead(env, 6);
  checkResourceLeak(env, 'program', 'BPF_LD_[ABS|IND]');
  const { frame } = env.state;
  if (frame.rows[regRow(6) + TYPE] !== PTR_TO_CTX) reject(env, LOAD.LD_ABS_R6);
  if (mode === BPF_IND) checkRegRead(env, insns.src[idx]);
  checkPtrOffReg(env, 6);
  clearCallerSaved(env, frame);
  env.scratchedRegs |= 0x3f;
  markRegUnknown(env, frame.rows, regRow(0));
  frame.rows[regRow(0) + SUBREG_DEF] = idx + 1;
  if (env.state.curframe === 0) return 'advance';
  pushStack(env, idx + 1, idx, false);
  markRegKnown(frame.rows, regRow(0), 0, 0);
  prepareFuncExit(env);
  return 'moved';
}
