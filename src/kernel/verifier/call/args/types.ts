/** Which register types each kind of helper argument takes (compatible_reg_types), and their check (check_reg_type). */
import {
  ARG_CONST_ALLOC_SIZE_OR_ZERO,
  ARG_CONST_MAP_PTR,
  ARG_CONST_SIZE,
  ARG_CONST_SIZE_OR_ZERO,
  ARG_KPTR_XCHG_DEST,
  ARG_PTR_TO_BTF_ID,
  ARG_PTR_TO_BTF_ID_SOCK_COMMON,
  ARG_PTR_TO_CONST_STR,
  ARG_PTR_TO_CTX,
  ARG_PTR_TO_DYNPTR,
  ARG_PTR_TO_FUNC,
  ARG_PTR_TO_MAP_KEY,
  ARG_PTR_TO_MAP_VALUE,
  ARG_PTR_TO_MEM,
  ARG_PTR_TO_PERCPU_BTF_ID,
  ARG_PTR_TO_RINGBUF_MEM,
  ARG_PTR_TO_SOCKET,
  ARG_PTR_TO_SOCK_COMMON,
  ARG_PTR_TO_SPIN_LOCK,
  ARG_PTR_TO_STACK,
  ARG_PTR_TO_TIMER,
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  DYNPTR_TYPE_MASK,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  MEM_RINGBUF,
  NON_OWN_REF,
  OBJ_RELEASE,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_SOCKET,
  PTR_TO_SOCK_COMMON,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  PTR_TRUSTED,
  SCALAR_VALUE,
  baseType,
} from '../../../rules/reg-types.ts';
import { BPF_FUNC } from '../../../../uapi/helper-ids.ts';
import { InternalError, invariant } from '../../../../util/errors.ts';
import { ARGS } from '../../diag/catalogue/args.ts';
import { reject } from '../../diag/reject.ts';
import type { VerifierEnv } from '../../env.ts';
import { regTypeStr } from '../../state/reg-type-str.ts';
import { TYPE } from '../../state/row.ts';
import { regRow } from '../../state/state.ts';
import type { CallMeta } from '../../state/call-meta.ts';
import { helperName } from '../name.ts';
import { checkArgBtfId } from './btf.ts';
import { checkKptrMatch } from '../../access/kptr-match.ts';

const MEM = [
  PTR_TO_STACK,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_MEM | MEM_RINGBUF,
  PTR_TO_BUF,
  PTR_TO_BTF_ID | PTR_TRUSTED,
];
const SOCK = [PTR_TO_SOCK_COMMON, PTR_TO_SOCKET, PTR_TO_TCP_SOCK, PTR_TO_XDP_SOCK];
const SCALAR = [SCALAR_VALUE];

/** Register types by argument type, in the order of the kernel's messages. */
const COMPATIBLE: Readonly<Record<number, readonly number[]>> = {
  [ARG_PTR_TO_MAP_KEY]: MEM,
  [ARG_PTR_TO_MAP_VALUE]: MEM,
  [ARG_CONST_SIZE]: SCALAR,
  [ARG_CONST_SIZE_OR_ZERO]: SCALAR,
  [ARG_CONST_ALLOC_SIZE_OR_ZERO]: SCALAR,
  [ARG_CONST_MAP_PTR]: [CONST_PTR_TO_MAP],
  [ARG_PTR_TO_CTX]: [PTR_TO_CTX],
  [ARG_PTR_TO_SOCK_COMMON]: SOCK,
  [ARG_PTR_TO_BTF_ID_SOCK_COMMON]: [...SOCK, PTR_TO_BTF_ID, PTR_TO_BTF_ID | PTR_TRUSTED],
  [ARG_PTR_TO_SOCKET]: [PTR_TO_SOCKET],
  [ARG_PTR_TO_BTF_ID]: [PTR_TO_BTF_ID, PTR_TO_BTF_ID | PTR_TRUSTED, PTR_TO_BTF_ID | MEM_RCU],
  [ARG_PTR_TO_SPIN_LOCK]: [PTR_TO_MAP_VALUE, PTR_TO_BTF_ID | MEM_ALLOC],
  [ARG_PTR_TO_MEM]: MEM,
  [ARG_PTR_TO_RINGBUF_MEM]: [PTR_TO_MEM | MEM_RINGBUF],
  [ARG_PTR_TO_PERCPU_BTF_ID]: [
    PTR_TO_BTF_ID | MEM_PERCPU,
    PTR_TO_BTF_ID | MEM_PERCPU | MEM_RCU,
    PTR_TO_BTF_ID | MEM_PERCPU | PTR_TRUSTED,
  ],
  [ARG_PTR_TO_FUNC]: [PTR_TO_FUNC],
  [ARG_PTR_TO_STACK]: [PTR_TO_STACK],
  [ARG_PTR_TO_CONST_STR]: [PTR_TO_MAP_VALUE],
  [ARG_PTR_TO_TIMER]: [PTR_TO_MAP_VALUE],
  [ARG_KPTR_XCHG_DEST]: [PTR_TO_MAP_VALUE, PTR_TO_BTF_ID | MEM_ALLOC],
  [ARG_PTR_TO_DYNPTR]: [PTR_TO_STACK, CONST_PTR_TO_DYNPTR],
};

/** Kernel struct of an argument type whose prototype names none. */
const DEFAULT_BTF: Readonly<Record<number, string>> = { [ARG_PTR_TO_BTF_ID_SOCK_COMMON]: 'sock_common' };

/** check_reg_type: the register is of a type that the argument takes, and leads to the right kernel struct. */
export function checkRegType(
  env: VerifierEnv,
  regno: number,
  argType: number,
  argBtf: string | number | undefined,
  meta: CallMeta,
): void {
  const regType = env.state.frame.rows[regRow(regno) + TYPE];
  const arg = baseType(argType);
  const wanted = COMPATIBLE[arg];
  if (wanted === undefined) throw new InternalError(`unsupported arg type ${arg}`);
  const xchgSource = meta.funcId === BPF_FUNC.BPF_FUNC_kptr_xchg && regno === 2;
  let type = regType;
  // What the argument tolerates is no difference.
  if (argType & MEM_RDONLY) type &= ~MEM_RDONLY;
  if (argType & PTR_MAYBE_NULL) type &= ~PTR_MAYBE_NULL;
  if (arg === ARG_PTR_TO_MEM) type &= ~DYNPTR_TYPE_MASK;
  if (xchgSource && type & MEM_ALLOC) type &= ~(MEM_ALLOC | MEM_PERCPU);
  if (!wanted.includes(type)) {
    reject(env, ARGS.TYPE_MISMATCH, regno, regTypeStr(regType), wanted.map(regTypeStr).join(', '));
  }
  if (baseType(regType) !== PTR_TO_BTF_ID) return;
  if (wanted === MEM) {
    if (!(argType & MEM_RDONLY)) {
      reject(env, ARGS.MAY_WRITE_INTO, helperName(meta.funcId), regno, regTypeStr(regType));
    }
    return;
  }
  if (regType & MEM_ALLOC) {
    if (xchgSource) checkKptr(env, regno, meta);
    return;
  }
  // Per-CPU variables are checked by the helpers that take them.
  if (regType & (MEM_PERCPU | NON_OWN_REF)) return;
  if (regType & PTR_MAYBE_NULL && (!(argType & PTR_MAYBE_NULL) || argType & OBJ_RELEASE)) {
    reject(env, ARGS.POSSIBLY_NULL, regno);
  }
  if (meta.funcId === BPF_FUNC.BPF_FUNC_kptr_xchg) checkKptr(env, regno, meta);
  else checkArgBtfId(env, regno, argType, argBtf ?? DEFAULT_BTF[arg], meta);
}

/** The object that bpf_kptr_xchg stores fits the kptr that its first argument names. */
function checkKptr(env: VerifierEnv, regno: number, meta: CallMeta): void {
  invariant(meta.kptrField !== undefined, 'exchange without kptr');
  checkKptrMatch(env, regno, meta.kptrField);
}
