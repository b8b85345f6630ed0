/** One function as reached through one chain of calls: what each of its instructions does to the stack slots of every frame (struct func_instance). */

/**
 * Masks of 64 slots, one bit each, for one frame: per instruction four masks of two words.
 * READ and WRITE are what the instruction itself does; LIVE and WRITTEN hold before it, towards every end.
 */
export const READ = 0;
export const WRITE = 2;
export const LIVE = 4;
export const WRITTEN = 6;
export const MASKS = 8;

export class FuncInstance {
  /** Masks by frame of the chain; absent while nothing touches the frame. */
  readonly frames: (Int32Array | undefined)[];
  /** Instructions whose writes were noted once: later visits only take away. */
  readonly visited: Uint8Array;
  /** Frames, one bit each, for which an instruction has to be computed anew: its marks or a successor changed. */
  readonly dirty: Uint8Array;
  /** Waits to be brought up to date. */
  noted = false;
  /** Something changed since the last update. */
  updated = false;
  /** A write was taken away, so that WRITTEN has to be built anew. */
  dropped = false;

  constructor(
    /** Calls that lead here, outermost first. */
    readonly callsites: readonly number[],
    readonly start: number,
    readonly length: number,
    readonly subprogno: number,
    /** The function that contains the last callsite. */
    readonly outer: FuncInstance | undefined,
  ) {
    this.frames = new Array<Int32Array | undefined>(callsites.length + 1).fill(undefined);
    this.visited = new Uint8Array(length);
    this.dirty = new Uint8Array(length);
  }

  /** `(6,8)`: callsites, then where the function begins. */
  get name(): string {
    return `(${[...this.callsites, this.start].join(',')})`;
  }

  /** Masks of a frame, made on first use. */
  frame(frameno: number): Int32Array {
    return (this.frames[frameno] ??= new Int32Array(this.length * MASKS));
  }

  /** The instruction may read slots of a frame. */
  markRead(frameno: number, insnIdx: number, lo: number, hi: number): void {
    if ((lo | hi) === 0) return;
    const m = this.frame(frameno);
    const at = (insnIdx - this.start) * MASKS;
    if (((lo & ~m[at + READ]) | (hi & ~m[at + READ + 1])) === 0) return;
    m[at + READ] |= lo;
    m[at + READ + 1] |= hi;
    this.dirty[insnIdx - this.start] |= 1 << frameno;
    // What is live there already changes nothing.
    if (((lo & ~m[at + LIVE]) | (hi & ~m[at + LIVE + 1])) !== 0) this.updated = true;
  }

  /** One visit of the instruction wrote exactly these slots of a frame; over several visits only what all wrote counts. */
  commitWrites(frameno: number, insnIdx: number, lo: number, hi: number): void {
    if ((lo | hi) === 0 && this.frames[frameno] === undefined) return;
    const m = this.frame(frameno);
    const at = (insnIdx - this.start) * MASKS + WRITE;
    if (this.visited[insnIdx - this.start] !== 0) {
      lo &= m[at];
      hi &= m[at + 1];
    }
    if (lo === m[at] && hi === m[at + 1]) return;
    if (((m[at] & ~lo) | (m[at + 1] & ~hi)) !== 0) this.dropped = true;
    m[at] = lo;
    m[at + 1] = hi;
    this.dirty[insnIdx - this.start] |= 1 << frameno;
    this.updated = true;
  }

  /** Adds the slots of a frame that may be read from the instruction on. */
  addLive(alive: Int32Array, frameno: number, insnIdx: number): void {
    const m = this.frames[frameno];
    const i = insnIdx - this.start;
    if (m === undefined || i < 0 || i >= this.length) return;
    alive[0] |= m[i * MASKS + LIVE];
    alive[1] |= m[i * MASKS + LIVE + 1];
  }
}
