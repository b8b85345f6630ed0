/** Atomic operations (check_atomic). */
import {
  BPF_ADD,
  BPF_AND,
  BPF_CMPXCHG,
  BPF_DW,
  BPF_FETCH,
  BPF_LOAD_ACQ,
  BPF_OR,
  BPF_STORE_REL,
  BPF_W,
  BPF_XCHG,
  BPF_XOR,
  bpfSize,
} from '../../../isa/opcodes.ts';
import {
  PTR_TO_ARENA,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_SOCKET,
  PTR_TO_SOCK_COMMON,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  baseType,
} from '../../rules/reg-types.ts';
import { saveAuxPtrType } from './aux-type.ts';
import { insnAccess } from '../access/access.ts';
import { checkMemAccess } from '../access/mem.ts';
import { ACCESS } from '../diag/catalogue/access.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { isPointerValue } from '../state/pointer.ts';
import { regTypeStr } from '../state/reg-type-str.ts';
import { TYPE } from '../state/row.ts';
import { checkRegRead, defineReg } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import { LOAD_ACQUIRE, checkLoadMem, checkStoreReg } from './mem.ts';

/** Memory that atomic operations do not reach: contexts, packets, sockets. */
const NO_ATOMICS: ReadonlySet<number> = new Set([
  PTR_TO_CTX,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_FLOW_KEYS,
  PTR_TO_SOCKET,
  PTR_TO_SOCK_COMMON,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
]);

const RMW: ReadonlySet<number> = new Set([
  ...[BPF_ADD, BPF_AND, BPF_OR, BPF_XOR].flatMap((op) => [op, op | BPF_FETCH]),
  BPF_XCHG,
  BPF_CMPXCHG,
]);

const typeOf = (env: VerifierEnv, regno: number): number => env.state.frame.rows[regRow(regno) + TYPE];
const allowed = (env: VerifierEnv, regno: number): boolean => !NO_ATOMICS.has(baseType(typeOf(env, regno)));

export function checkAtomic(env: VerifierEnv): void {
  const { insns, insnIdx: idx } = env;
  const imm = insns.imm[idx];
  const dst = insns.dst[idx];
  const src = insns.src[idx];
  if (RMW.has(imm)) return checkRmw(env);
  if (imm === BPF_LOAD_ACQ && env.input.rules.features.loadAcquire) {
    checkLoadMem(env, LOAD_ACQUIRE);
    if (!allowed(env, src)) reject(env, ACCESS.ATOMIC_LOADS, src, regTypeStr(typeOf(env, src)));
  } else if (imm === BPF_STORE_REL && env.input.rules.features.loadAcquire) {
    checkStoreReg(env, true);
    if (!allowed(env, dst)) reject(env, ACCESS.ATOMIC_STORES, dst, regTypeStr(typeOf(env, dst)));
  } else reject(env, ACCESS.ATOMIC_OP, imm);
}

/** check_atomic_rmw: the memory is read, written, and what was there may be loaded. */
function checkRmw(env: VerifierEnv): void {
  const { insns, insnIdx: idx } = env;
  const size = bpfSize(insns.code[idx]);
  const imm = insns.imm[idx];
  const dst = insns.dst[idx];
  const src = insns.src[idx];
  if (size !== BPF_W && size !== BPF_DW) reject(env, ACCESS.ATOMIC_SIZE);
  checkRegRead(env, src);
  checkRegRead(env, dst);
  if (imm === BPF_CMPXCHG) {
    checkRegRead(env, 0);
    if (isPointerValue(env, 0)) reject(env, ACCESS.LEAK_MEM, 0);
  }
  if (isPointerValue(env, src)) reject(env, ACCESS.LEAK_MEM, src);
  if (!allowed(env, dst)) reject(env, ACCESS.ATOMIC_STORES, dst, regTypeStr(typeOf(env, dst)));
  let load = -1;
  if (imm & BPF_FETCH) {
    load = imm === BPF_CMPXCHG ? 0 : src;
    defineReg(env, load);
  }
  checkRmwMem(env, false, -1);
  if (load >= 0) checkRmwMem(env, false, load);
  if (baseType(typeOf(env, dst)) === PTR_TO_ARENA) saveAuxPtrType(env, PTR_TO_ARENA, false);
  checkRmwMem(env, true, -1);
}

/** One half of a read-modify-write of the memory behind the destination. */
function checkRmwMem(env: VerifierEnv, write: boolean, valueRegno: number): void {
  const dst = env.insns.dst[env.insnIdx];
  checkMemAccess(env, insnAccess(env, dst, { write, valueRegno, strictAlignment: true, signExtend: false }));
}
