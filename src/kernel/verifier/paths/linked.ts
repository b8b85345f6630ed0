/** Scalars that share an id move together: what a compare learns about one holds for its copies (collect_linked_regs, sync_linked_regs). */
import { BPF_ADD } from '../../../isa/opcodes.ts';
import { SCALAR_VALUE } from '../../rules/reg-types.ts';
import { scalarAlu } from '../domain/alu.ts';
import { Scalar } from '../domain/scalar.ts';
import {
  BPF_ADD_CONST,
  BPF_ADD_CONST32,
  ID,
  OFF,
  SLOT_TYPES,
  STACK_SPILL,
  SUBREG_DEF,
  TYPE,
  copyRow,
  loadScalar,
  slotType,
  storeScalar,
} from '../state/row.ts';
import { type VerifierState, regRow, slotAt, slotRow } from '../state/state.ts';
import type { VerifierEnv } from '../env.ts';
import { frameInsnIdx } from './equal.ts';
import { linkedFrame, linkedIndex, linkedIsReg, packLinked } from './history.ts';

/** Most members of one group that are tracked; further ones lose the id (LINKED_REGS_MAX). */
const LINKED_REGS_MAX = 6;

/** Adds to `out` all live registers and spilled slots with the id; the group's surplus members are cut loose. */
export function collectLinkedRegs(env: VerifierEnv, state: VerifierState, rawId: number, out: number[]): void {
  const id = rawId & ~BPF_ADD_CONST;
  for (let fr = state.curframe; fr >= 0; fr--) {
    const { rows, allocatedStack } = state.frames[fr];
    const live = env.aux.liveRegsBefore[frameInsnIdx(state, fr)];
    for (let i = 0; i < 10; i++) {
      if (live & (1 << i)) collect(rows, regRow(i), id, packLinked(fr, true, i), out);
    }
    for (let i = 0; i < allocatedStack >> 3; i++) {
      const r = slotRow(i);
      if (rows[r + SLOT_TYPES] !== 0 && slotType(rows, r, 7) === STACK_SPILL) {
        collect(rows, r, id, packLinked(fr, false, i), out);
      }
    }
  }
}

function collect(rows: Int32Array, r: number, id: number, packed: number, out: number[]): void {
  if (rows[r + TYPE] !== SCALAR_VALUE || (rows[r + ID] & ~BPF_ADD_CONST) !== id) return;
  if (out.length < LINKED_REGS_MAX) out.push(packed);
  else rows[r + ID] = rows[r + OFF] = 0;
}

const known = new Scalar();
const delta = new Scalar();

/** Gives every member of the group what `knownRows[k]` is known to be, shifted by the members' constant distances. */
export function syncLinkedRegs(
  state: VerifierState,
  knownRows: Int32Array,
  k: number,
  linked: readonly number[],
): void {
  const knownId = knownRows[k + ID];
  for (const p of linked) {
    const { rows } = state.frames[linkedFrame(p)];
    const r = linkedIsReg(p) ? regRow(linkedIndex(p)) : slotAt(rows, linkedIndex(p));
    if (rows[r + TYPE] !== SCALAR_VALUE || (rows === knownRows && r === k)) continue;
    const id = rows[r + ID];
    if ((id & ~BPF_ADD_CONST) !== (knownId & ~BPF_ADD_CONST)) continue;
    // A distance in 32 bits says nothing about one in 64.
    if (((id ^ knownId) & BPF_ADD_CONST) === BPF_ADD_CONST) continue;
    const off = rows[r + OFF];
    const subreg = rows[r + SUBREG_DEF];
    const slots = rows[r + SLOT_TYPES];
    copyRow(rows, r, knownRows, k);
    rows[r + SUBREG_DEF] = subreg;
    rows[r + SLOT_TYPES] = slots;
    if (((id | knownId) & BPF_ADD_CONST) === 0 || off === knownRows[k + OFF]) continue;
    const distance = off - knownRows[k + OFF];
    loadScalar(known, rows, r);
    delta.setConst(distance, distance < 0 ? -1 : 0);
    scalarAlu(BPF_ADD, known, delta, ((id | knownId) & BPF_ADD_CONST32) === 0);
    storeScalar(known, rows, r);
    rows[r + OFF] = off;
    rows[r + ID] = id;
  }
}
