/** Readable bytes proved by comparing packet pointers (find_good_pkt_pointers, is_pkt_ptr_branch_taken). */
import { BPF_JGE, BPF_JGT, BPF_JLE, BPF_JLT } from '../../../isa/opcodes.ts';
import { PTR_TO_PACKET, PTR_TO_PACKET_END, PTR_TO_PACKET_META } from '../../rules/reg-types.ts';
import { flipOpcode } from '../domain/branch.ts';
import { A, AT_PKT_END, BEYOND_PKT_END, ID, OFF, TYPE, UMAX_HI, UMAX_LO, varOffZero } from '../state/row.ts';
import { forEachReg } from '../state/each.ts';
import { type VerifierState, regRow } from '../state/state.ts';
import { MAX_PACKET_OFF } from '../../rules/limits.ts';

/** Largest packet offset that ranges speak of. */

/** reg_is_pkt_pointer_any(). */
export const isPktPointerAny = (type: number): boolean =>
  type === PTR_TO_PACKET || type === PTR_TO_PACKET_META || type === PTR_TO_PACKET_END;

/** 1 or 0 when an earlier compare with the packet's end decides this one, else -1. */
export function pktBranchTaken(rows: Int32Array, dst: number, src: number, op: number): 1 | 0 | -1 {
  let pkt: number;
  if (rows[src + TYPE] === PTR_TO_PACKET_END) pkt = dst;
  else if (rows[dst + TYPE] === PTR_TO_PACKET_END) {
    pkt = src;
    op = flipOpcode(op);
  } else return -1;
  const range = rows[pkt + A];
  if (range >= 0) return -1;
  if (op === BPF_JLE || op === BPF_JGT) {
    if (range === BEYOND_PKT_END) return op === BPF_JGT ? 1 : 0;
  } else if (op === BPF_JLT || op === BPF_JGE) {
    if (range === BEYOND_PKT_END || range === AT_PKT_END) return op === BPF_JGE ? 1 : 0;
  }
  return -1;
}

/** find_good_pkt_pointers: pointers with the same id may read up to the compared offset. */
function findGoodPktPointers(
  state: VerifierState,
  src: { readonly type: number; readonly off: number; readonly id: number; readonly umax: number },
  rightOpen: boolean,
): void {
  if (src.off < 0 || (src.off === 0 && rightOpen)) return;
  if (src.umax > MAX_PACKET_OFF || src.umax + src.off > MAX_PACKET_OFF) return;
  const range = rightOpen ? src.off + 1 : src.off;
  forEachReg(state, (rows, r) => {
    if (rows[r + TYPE] === src.type && rows[r + ID] === src.id && rows[r + A] < range) rows[r + A] = range;
  });
}

/** mark_pkt_end: the pointer is at the end of the packet, or beyond it. */
function markPktEnd(state: VerifierState, regno: number, beyond: boolean): void {
  const { rows } = state.frame;
  const r = regRow(regno);
  if (rows[r + TYPE] === PTR_TO_PACKET) rows[r + A] = beyond ? BEYOND_PKT_END : AT_PKT_END;
}

/** reg_is_init_pkt_pointer(): ctx->data itself, unmoved. */
const isInitPkt = (rows: Int32Array, r: number): boolean =>
  rows[r + TYPE] === PTR_TO_PACKET && rows[r + OFF] === 0 && rows[r + ID] === 0 && varOffZero(rows, r);

/** try_match_pkt_pointers: false when this is no compare of packet pointers. `cur` is the fall-through, `other` the jump. */
export function matchPktPointers(
  op: number,
  dstReg: number,
  srcReg: number,
  cur: VerifierState,
  other: VerifierState,
): boolean {
  const { rows } = cur.frame;
  const d = regRow(dstReg);
  const s = regRow(srcReg);
  const forward =
    (rows[d + TYPE] === PTR_TO_PACKET && rows[s + TYPE] === PTR_TO_PACKET_END) ||
    (rows[d + TYPE] === PTR_TO_PACKET_META && isInitPkt(rows, s));
  const backward =
    (rows[d + TYPE] === PTR_TO_PACKET_END && rows[s + TYPE] === PTR_TO_PACKET) ||
    (isInitPkt(rows, d) && rows[s + TYPE] === PTR_TO_PACKET_META);
  if (!forward && !backward) return false;
  if (op !== BPF_JGT && op !== BPF_JGE && op !== BPF_JLT && op !== BPF_JLE) return false;
  // Seen with the moving pointer on the left.
  const norm = forward ? op : flipOpcode(op);
  const regno = forward ? dstReg : srcReg;
  const p = forward ? d : s;
  const pkt = {
    type: rows[p + TYPE],
    off: rows[p + OFF],
    id: rows[p + ID],
    umax: (rows[p + UMAX_HI] >>> 0) * 4294967296 + (rows[p + UMAX_LO] >>> 0),
  };
  const holds = norm === BPF_JGT || norm === BPF_JGE;
  // p > end: not taken means p <= end. p >= end: not taken means p < end, one byte more.
  const inside = holds ? cur : other;
  const outside = holds ? other : cur;
  const strict = norm === BPF_JGE || norm === BPF_JLT;
  findGoodPktPointers(inside, pkt, strict);
  markPktEnd(outside, regno, !strict);
  return true;
}
