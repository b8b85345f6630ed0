/**
 * What a verification believed at each instruction: all its states there, for the search of one that holds a machine's. Rows,
 * frames and states that are alike are kept once; of each row only what can be compared is kept.
 */
import { NOT_INIT, SCALAR_VALUE } from '../../../src/kernel/rules/reg-types.ts';
import {
  A,
  B,
  C,
  FRAMENO,
  ID,
  MASK_HI,
  MASK_LO,
  OFF,
  PRECISE,
  REF_OBJ_ID,
  S32_MAX,
  S32_MIN,
  SLOT_TYPES,
  slotType,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  STACK_SPILL,
  STACK_ZERO,
  SUBREG_DEF,
  TYPE,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
} from '../../../src/kernel/verifier/state/row.ts';
import type { FrameView, StateView } from '../../../src/kernel/verifier/observe.ts';
import { regRow, slotAt } from '../../../src/kernel/verifier/state/state.ts';
import { holdsRegister, holdsSlot, showRow, type World } from './contains.ts';
import { Interner } from './interner.ts';

/** `precise`: scalars that nobody relied on may be anything. */
export type Mode = 'exact' | 'precise';

/** Words of a row that are kept: all up to the slot types. */
const ROW_WORDS = SLOT_TYPES + 1;
const REGS = 10;
/** Where the stack begins among the words of a frame. */
const SLOTS = REGS + 1;

/** States at one instruction that were reached by the same calls. */
interface Group {
  /** Instructions of the calls, and whether they began in the main program. */
  readonly callsites: readonly number[];
  readonly main: boolean;
  readonly known: Set<number>;
  /** Tuples of frames. */
  readonly states: number[];
  /** The one that held last: machines go through states in the order in which the verifier did. */
  last: number;
}

export class Beliefs {
  readonly #rows = new Interner();
  readonly #frames = new Interner();
  readonly #tuples = new Interner();
  readonly #groups: Group[][] = [];
  readonly #row = new Int32Array(ROW_WORDS);
  readonly #frame = new Int32Array(SLOTS + 64);
  readonly #tuple = new Int32Array(16);
  /** By frame: the look in which it was compared last, doubled, plus 1 when it held. */
  #compared = new Int32Array(256);
  #look = 0;
  /** States that were told, and different ones. */
  told = 0;
  distinct = 0;
  /** Of the state that held last: its innermost frame, and which frame of the machine its first one is. */
  #innermost = 0;
  shift = 0;

  constructor(readonly mode: Mode) {}

  /** Words that all of it takes. */
  get words(): number {
    return this.#rows.used + this.#frames.used + this.#tuples.used + 2 * this.distinct;
  }

  /** A state in front of instruction `idx`; `live`: the registers by instruction that somebody still reads. */
  add(idx: number, state: StateView, live: Uint16Array): void {
    this.told++;
    const { curframe, frames } = state;
    for (let i = 0; i <= curframe; i++) {
      const at = i === curframe ? idx : frames[i + 1].callsite;
      // Of callers, r6 to r9 are kept.
      this.#tuple[i] = this.#frameOf(i, frames[i], i === curframe ? live[at] : live[at] & 0x3c0);
    }
    const id = this.#tuples.of(this.#tuple, curframe + 1);
    const group = this.#groupOf(idx, state);
    if (group.known.has(id)) return;
    group.known.add(id);
    group.states.push(id);
    this.distinct++;
  }

  #groupOf(idx: number, { curframe, frames }: StateView): Group {
    const groups = (this.#groups[idx] ??= []);
    const main = frames[0].subprogno === 0;
    const found = groups.find(
      (g) =>
        g.main === main && g.callsites.length === curframe && g.callsites.every((c, i) => frames[i + 1].callsite === c),
    );
    if (found !== undefined) return found;
    const callsites = frames.slice(1, curframe + 1).map((f) => f.callsite);
    const group: Group = { callsites, main, known: new Set(), states: [], last: 0 };
    groups.push(group);
    return group;
  }

  /** Words: r0 to r9, which frame it is, the stack. */
  #frameOf(index: number, frame: FrameView, live: number): number {
    const { rows } = frame;
    const ids = this.#frame;
    for (let n = 0; n < REGS; n++) ids[n] = (live & (1 << n)) === 0 ? 0 : this.#registerOf(rows, regRow(n));
    ids[REGS] = index;
    let length = SLOTS;
    for (let spi = 0; spi < frame.allocatedStack >> 3; spi++) {
      const id = this.#slotOf(rows, slotAt(rows, spi));
      ids[SLOTS + spi] = id;
      if (id !== 0) length = SLOTS + spi + 1;
    }
    return this.#frames.of(ids, length);
  }

  /** Number of the row of a register, 0 when it may hold anything. */
  #registerOf(rows: Int32Array, r: number): number {
    if (this.#holdsAll(rows, r)) return 0;
    this.#copy(rows, r);
    return this.#rows.of(this.#row, ROW_WORDS);
  }

  #slotOf(rows: Int32Array, r: number): number {
    let zeros = false;
    for (let i = 0; i < 8; i++) zeros ||= slotType(rows, r, i) === STACK_ZERO;
    const spilled = slotType(rows, r, 7) === STACK_SPILL && !this.#holdsAll(rows, r);
    if (!zeros && !spilled) return 0;
    if (spilled) this.#copy(rows, r);
    else this.#row.fill(0);
    this.#row[SLOT_TYPES] = rows[r + SLOT_TYPES];
    return this.#rows.of(this.#row, ROW_WORDS);
  }

  #holdsAll(rows: Int32Array, r: number): boolean {
    const type = rows[r + TYPE];
    if (type !== SCALAR_VALUE) return type === NOT_INIT;
    if (this.mode === 'precise' && rows[r + PRECISE] === 0) return true;
    return (
      (rows[r + MASK_LO] & rows[r + MASK_HI] & rows[r + UMAX_LO] & rows[r + UMAX_HI] & rows[r + U32_MAX]) === -1 &&
      (rows[r + UMIN_LO] | rows[r + UMIN_HI] | rows[r + U32_MIN] | rows[r + SMIN_LO] | (rows[r + SMAX_LO] + 1)) === 0 &&
      rows[r + SMIN_HI] === -0x80000000 &&
      rows[r + SMAX_HI] === 0x7fffffff &&
      rows[r + S32_MIN] === -0x80000000 &&
      rows[r + S32_MAX] === 0x7fffffff
    );
  }

  /** What of the row can be compared with a number. */
  #copy(rows: Int32Array, r: number): void {
    const out = this.#row;
    for (let i = 0; i < ROW_WORDS; i++) out[i] = rows[r + i];
    out[ID] = out[REF_OBJ_ID] = out[B] = out[C] = out[SUBREG_DEF] = out[PRECISE] = out[SLOT_TYPES] = 0;
    if (out[TYPE] === SCALAR_VALUE) out[OFF] = out[A] = out[FRAMENO] = 0;
  }

  /** '' when some state at the instruction holds the machine's, else why the best one does not. */
  fault(idx: number, w: World): string {
    const groups = this.#groups[idx];
    if (groups === undefined) return 'never reached by the verifier';
    let why = 'no state with these calls';
    let states = 0;
    for (const group of groups) {
      const depth = group.callsites.length;
      const shift = w.frames.length - depth - 1;
      // Global functions are verified alone.
      if (shift < 0 || (shift > 0 && group.main)) continue;
      if (!group.callsites.every((c, i) => w.frames[shift + i + 1].callsite === c)) continue;
      this.#look++;
      const n = group.states.length;
      for (let i = 0; i < n; i++) {
        const k = (group.last + i) % n;
        if (!this.#holds(group.states[k], w, shift)) continue;
        group.last = k;
        this.shift = shift;
        this.#innermost = this.#tuples.words[this.#tuples.start(group.states[k]) + depth];
        return '';
      }
      states += n;
      why = this.#why(group, w, shift);
    }
    return states === 0 ? why : `${why}, in none of ${states} states`;
  }

  /** All rows, and where among them that of a register begins in the state that held last; -1 when it may hold anything. */
  get rows(): Int32Array {
    return this.#rows.words;
  }
  rowOf(regno: number): number {
    const row = this.#frames.words[this.#frames.start(this.#innermost) + regno];
    return row === 0 ? -1 : this.#rows.start(row);
  }

  #holds(state: number, w: World, shift: number): boolean {
    const { words } = this.#tuples;
    const from = this.#tuples.start(state);
    for (let i = this.#tuples.length(state) - 1; i >= 0; i--) {
      const id = words[from + i];
      if (id >= this.#compared.length) this.#grow(id);
      // Frames of callers are the same in many states.
      if (this.#compared[id] >> 1 !== this.#look) {
        const held = this.#lost(id, w, i + shift, shift) < 0;
        this.#compared[id] = (this.#look << 1) | (held ? 1 : 0);
      }
      if ((this.#compared[id] & 1) === 0) return false;
    }
    return true;
  }

  #grow(id: number): void {
    const out = new Int32Array(Math.max(id + 1, this.#compared.length * 2));
    out.set(this.#compared);
    this.#compared = out;
  }

  /** The first register, or slot behind the registers, that does not hold; -1 when all do. */
  #lost(id: number, w: World, index: number, shift: number): number {
    const { words } = this.#frames;
    const from = this.#frames.start(id);
    const length = this.#frames.length(id);
    const frame = w.frames[index];
    const rows = this.#rows;
    for (let n = frame.from; n < REGS; n++) {
      const row = words[from + n];
      if (row !== 0 && !holdsRegister(w, rows.words, rows.start(row), frame.regs[2 * n], frame.regs[2 * n + 1], shift))
        return n;
    }
    for (let n = SLOTS; n < length; n++) {
      const row = words[from + n];
      if (row !== 0 && !holdsSlot(w, rows.words, rows.start(row), n - SLOTS, frame.fp, shift)) return n;
    }
    return -1;
  }

  /** What is wrong with the state of the group that holds the furthest. */
  #why(group: Group, w: World, shift: number): string {
    const { words } = this.#tuples;
    let furthest = -1;
    let why = '';
    for (const state of group.states) {
      const from = this.#tuples.start(state);
      for (let i = this.#tuples.length(state) - 1, held = 0; i >= 0; i--, held += 100) {
        const id = words[from + i];
        const n = this.#lost(id, w, i + shift, shift);
        if (n < 0) continue;
        if (held + n > furthest) {
          furthest = held + n;
          const row = this.#frames.words[this.#frames.start(id) + n];
          const name = n < REGS ? `r${n}` : `fp-${8 * (n - SLOTS) + 8}`;
          why = `frame ${i} ${name} ${showRow(this.#rows.words, this.#rows.start(row))}`;
        }
        break;
      }
    }
    return why;
  }
}
