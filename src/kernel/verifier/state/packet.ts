/** Registers that a call spoils beyond its arguments: packet pointers, when it may change the packet (clear_all_pkt_pointers). */
import {
  DYNPTR_TYPE_SKB,
  DYNPTR_TYPE_SKB_META,
  DYNPTR_TYPE_XDP,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  baseType,
} from '../../rules/reg-types.ts';
import type { VerifierEnv } from '../env.ts';
import { markRegInvalid } from './regs.ts';
import { forEachReg } from './each.ts';
import { TYPE } from './row.ts';

const PKT_SLICE = DYNPTR_TYPE_SKB | DYNPTR_TYPE_XDP | DYNPTR_TYPE_SKB_META;

/** reg_is_pkt_pointer_any or a slice of a packet dynptr. */
const isStale = (type: number): boolean => {
  const base = baseType(type);
  return (
    base === PTR_TO_PACKET ||
    base === PTR_TO_PACKET_META ||
    base === PTR_TO_PACKET_END ||
    (base === PTR_TO_MEM && (type & PKT_SLICE) !== 0)
  );
};

/** clear_all_pkt_pointers: the packet may have moved. */
export function clearAllPktPointers(env: VerifierEnv): void {
  forEachReg(env.state, (rows, r) => {
    if (isStale(rows[r + TYPE])) markRegInvalid(env, rows, r);
  });
}
