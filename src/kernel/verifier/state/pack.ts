/**
 * Stored copies of frames. Most slots of a stack hold plain bytes, of which nothing is known but their kind: in a copy all
 * slots of a kind share one row, and the map of slots tells which. So a copy is registers, map, an empty row, and rows.
 */
import { ROW, SLOT_TYPES, STACK_MISC, STACK_ZERO, TYPE, USED, copyRow } from './row.ts';
import { type FuncState, MAX_REGS, slotAt, slotRow } from './state.ts';

const REG_WORDS = MAX_REGS * ROW;
/** Most kinds of plain slots that share rows; further slots have rows of their own. */
const MAX_SHARED = 8;

/** Words of the map of so many slots, in whole rows. */
const mapWords = (slots: number): number => (slots + ROW - 1) & -ROW;
/** Base word of the row of slots that hold nothing. */
const emptyRow = (slots: number): number => REG_WORDS + mapWords(slots);
/** Words of a copy without slots. */
export const BARE_WORDS = REG_WORDS + ROW;

/** Whether the bytes of a slot are plain: its type word then says everything. The lowest byte decides, where all else begins. */
function isPlain(types: number): boolean {
  const lowest = types >>> 28;
  return lowest === 0 || lowest === STACK_MISC || lowest === STACK_ZERO;
}

/** Finds out where the slots of a frame go in a copy. */
export class Packer {
  readonly #map = new Int32Array(64);
  readonly #shared = new Int32Array(MAX_SHARED);
  readonly #sharedAt = new Int32Array(MAX_SHARED);

  /** Words that a copy of a working frame takes. */
  plan(frame: FuncState): number {
    const { rows } = frame;
    const slots = frame.allocatedStack >> 3;
    const empty = emptyRow(slots);
    let end = empty + ROW;
    let shared = 0;
    let last = 0;
    let lastAt = empty;
    for (let spi = 0; spi < slots; spi++) {
      const types = rows[slotRow(spi) + SLOT_TYPES];
      if (types !== last || !isPlain(types)) {
        last = types;
        lastAt = -1;
        if (isPlain(types)) {
          if (types === 0) lastAt = empty;
          else for (let k = 0; k < shared && lastAt < 0; k++) if (this.#shared[k] === types) lastAt = this.#sharedAt[k];
        }
        if (lastAt < 0) {
          lastAt = end;
          end += ROW;
          if (isPlain(types) && shared < MAX_SHARED) {
            this.#shared[shared] = types;
            this.#sharedAt[shared++] = lastAt;
          }
        }
      }
      this.#map[spi] = lastAt;
    }
    return end;
  }

  /** Copies the frame of the last plan into `to`. */
  pack(frame: FuncState, to: Int32Array): void {
    const { rows } = frame;
    const slots = frame.allocatedStack >> 3;
    to.set(rows.subarray(0, REG_WORDS));
    const empty = emptyRow(slots);
    clear(to, empty);
    let end = empty + ROW;
    for (let spi = 0; spi < slots; spi++) {
      const at = this.#map[spi];
      to[REG_WORDS + spi] = at;
      if (at !== end) continue;
      end += ROW;
      const from = slotRow(spi);
      if (isPlain(rows[from + SLOT_TYPES])) {
        clear(to, at);
        to[at + SLOT_TYPES] = rows[from + SLOT_TYPES];
      } else copyRow(to, at, rows, from);
    }
  }
}

/** Makes a working frame's rows those of a stored copy; `before`: how many slots it had until now. */
export function unpack(to: Int32Array, from: FuncState, before: number): void {
  const { rows } = from;
  const slots = from.allocatedStack >> 3;
  to.set(rows.subarray(0, REG_WORDS));
  for (let spi = 0; spi < slots; spi++) {
    const at = slotAt(rows, spi);
    const r = slotRow(spi);
    const types = rows[at + SLOT_TYPES];
    if (isPlain(types)) {
      to[r + TYPE] = 0;
      to[r + SLOT_TYPES] = types;
    } else copyRow(to, r, rows, at);
  }
  for (let spi = slots; spi < before; spi++) to[slotRow(spi) + TYPE] = to[slotRow(spi) + SLOT_TYPES] = 0;
}

/** A slot of a stored frame holds nothing that anybody will read. */
export function forgetSlot(frame: FuncState, spi: number): void {
  frame.rows[REG_WORDS + spi] = emptyRow(frame.allocatedStack >> 3);
}

function clear(rows: Int32Array, r: number): void {
  for (let i = 0; i < USED; i++) rows[r + i] = 0;
}
