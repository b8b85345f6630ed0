/** Alignment of memory accesses (check_ptr_alignment). */
import {
  PTR_TO_ARENA,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_SOCKET,
  PTR_TO_SOCK_COMMON,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
} from '../../rules/reg-types.ts';
import { ACCESS } from '../diag/catalogue/access.ts';
import { reject } from '../diag/reject.ts';
import { Scalar } from '../domain/scalar.ts';
import { tnumAdd, tnumIsAligned } from '../domain/tnum.ts';
import type { VerifierEnv } from '../env.ts';
import { formatTnum } from '../state/format.ts';
import { OFF, TYPE, loadScalar } from '../state/row.ts';
import { regRow } from '../state/state.ts';

const NAMES: ReadonlyMap<number, string> = new Map([
  [PTR_TO_FLOW_KEYS, 'flow keys '],
  [PTR_TO_MAP_KEY, 'key '],
  [PTR_TO_MAP_VALUE, 'value '],
  [PTR_TO_CTX, 'context '],
  [PTR_TO_STACK, 'stack '],
  [PTR_TO_SOCKET, 'sock '],
  [PTR_TO_SOCK_COMMON, 'sock_common '],
  [PTR_TO_TCP_SOCK, 'tcp_sock '],
  [PTR_TO_XDP_SOCK, 'xdp_sock '],
]);

const at = new Scalar();
const fixed = new Scalar();

/** NET_IP_ALIGN: packets begin two bytes off, so that IP headers are aligned. */
const IP_ALIGN = 2;

/** `off`: of the instruction, without the pointer's own. The stack is always strict: spills depend on it. */
export function checkPtrAlignment(
  env: VerifierEnv,
  regno: number,
  off: number,
  size: number,
  strictOnce: boolean,
): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const type = rows[r + TYPE];
  if (type === PTR_TO_ARENA || size === 1) return;
  if (!env.strictAlignment && !strictOnce && type !== PTR_TO_STACK) return;
  const packet = type === PTR_TO_PACKET || type === PTR_TO_PACKET_META;
  const k = (packet ? IP_ALIGN : 0) + rows[r + OFF] + off;
  loadScalar(at, rows, r);
  fixed.setConst(k, k >> 31);
  tnumAdd(at, fixed);
  if (tnumIsAligned(at, size)) return;
  const tnum = formatTnum(rows, r);
  if (packet) reject(env, ACCESS.MISALIGNED_PACKET, tnum, rows[r + OFF], off, size);
  reject(env, ACCESS.MISALIGNED, NAMES.get(type) ?? '', tnum, rows[r + OFF], off, size);
}
