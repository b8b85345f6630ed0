/** Findings of the check of a call's arguments, for the rest of the call (struct bpf_call_arg_meta). */
import type { BtfField } from '../../../btf/record.ts';
import type { MapDesc } from '../../rules/map-desc.ts';
import { REF_OBJ_ID } from './row.ts';

export class CallMeta {
  /** Helper id; 0 for other calls. */
  funcId = 0;
  map: MapDesc | undefined = undefined;
  /** Index of {@link map} in env.maps. */
  mapIndex = -1;
  mapUid = 0;
  /** The memory argument may be uninitialised, because the helper fills it. */
  rawMode = false;
  /** The helper takes packet pointers. */
  pktAccess = false;
  /** The argument that releases its object, 0 when none. */
  releaseRegno = 0;
  /** Stack memory that the helper fills: its register and size. */
  regno = 0;
  accessSize = 0;
  /** Size of memory that the helper gives. */
  memSize = 0;
  /** Upper bound of a size argument, as hi/lo words. */
  msizeMaxLo = 0;
  msizeMaxHi = 0;
  refObjId = 0;
  dynptrId = 0;
  dynptrPacketRef = 0;
  subprogno = -1;
  /** Index in env.btfs and type id of a per-CPU variable. */
  retBtf = -1;
  retBtfId = 0;
  kptrField: BtfField | undefined = undefined;
  /** Key of an array lookup when it is constant, -1 otherwise. */
  constMapKey = -1;

  /** Remembers the reference of an argument; false when another argument had one. */
  takeRefObjId(rows: Int32Array, r: number): boolean {
    if (this.refObjId !== 0) return false;
    this.refObjId = rows[r + REF_OBJ_ID];
    return true;
  }
}
