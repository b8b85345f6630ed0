/** Which stack slots may still be read: marks gathered during exploration, per chain of calls, spread backwards on demand. */
import { AUX_CALLS_CALLBACK, AUX_PRUNE_POINT } from '../insn-aux.ts';
import type { StackLiveness, VerifierEnv } from '../env.ts';
import type { VerifierState } from '../state/state.ts';
import { subprogEnd } from '../subprog.ts';
import { FlowGraph } from './flow-graph.ts';
import { FuncInstance, LIVE, MASKS, READ, WRITE, WRITTEN } from './func-instance.ts';
import { MAX_CALL_FRAMES } from '../../rules/limits.ts';

export class CallChainLiveness implements StackLiveness {
  readonly #instances = new Map<string, FuncInstance>();
  /** Instances that may have been marked since they were last brought up to date. */
  #pending: FuncInstance[] = [];
  // The instruction in progress: its instance, and the slots that it wrote so far, by frame; whether it changed the chain.
  #current: FuncInstance | undefined;
  #moved = false;
  #insnIdx = 0;
  readonly #written = new Int32Array(MAX_CALL_FRAMES * 2);
  #wrote = false;
  // The instance found last, and the state's chain then.
  #last: FuncInstance | undefined;
  #graph: FlowGraph | undefined;
  /** The answer of the last query: one bit a slot. */
  readonly alive = new Int32Array(2);

  /** The chain of calls is another one: a path begins or is taken up, a function is entered or left. */
  enter(env: VerifierEnv): void {
    this.#moved = true;
    this.#current = this.#instanceOf(env, env.state, env.state.curframe);
    this.#note(this.#current);
  }

  /** bpf_mark_stack_read. */
  markRead(frame: number, insnIdx: number, spi: number): void {
    this.#current?.markRead(frame, insnIdx, spi < 32 ? 1 << spi : 0, spi < 32 ? 0 : 1 << (spi - 32));
  }

  /** bpf_mark_stack_write. */
  markWrite(frame: number, spi: number): void {
    this.#written[frame * 2 + (spi >> 5)] |= 1 << (spi & 31);
    this.#wrote = true;
  }

  /** bpf_reset_stack_write_marks. */
  beginInsn(insnIdx: number): void {
    this.#insnIdx = insnIdx;
    this.#moved = false;
    if (!this.#wrote) return;
    this.#written.fill(0);
    this.#wrote = false;
  }

  /** bpf_commit_stack_write_marks; calls and returns change the chain and commit nothing, a call's writes come from its callee. */
  endInsn(): void {
    const instance = this.#current;
    if (instance === undefined || this.#moved) return;
    const i = this.#insnIdx;
    for (let f = 0; f < instance.frames.length; f++)
      instance.commitWrites(f, i, this.#written[f * 2], this.#written[f * 2 + 1]);
    instance.visited[i - instance.start] = 1;
  }

  /** bpf_update_live_stack: a function or a path ends. */
  pathEnds(env: VerifierEnv): void {
    this.#current = undefined;
    // Not when somebody asks: what the path in progress read so far does not count yet.
    this.#flush(env);
  }

  /** bpf_live_stack_query_init, and bpf_stack_slot_alive of all slots of a frame at once: `alive` has a bit for each. */
  query(env: VerifierEnv, st: VerifierState, frame: number): void {
    const { alive } = this;
    alive[0] = alive[1] = 0;
    this.#instanceOf(env, st, st.curframe).addLive(alive, frame, st.insnIdx);
    for (let f = frame; f < st.curframe; f++) {
      const { callsite } = st.frames[f + 1];
      // A callback may run again: then the call itself is still to come.
      const at = (env.aux.flags[callsite] & AUX_CALLS_CALLBACK) !== 0 ? callsite : callsite + 1;
      this.#instanceOf(env, st, f).addLive(alive, frame, at);
    }
  }

  /** Has the instance brought up to date when the path or function ends. */
  #note(instance: FuncInstance): void {
    if (instance.noted) return;
    instance.noted = true;
    this.#pending.push(instance);
  }

  /** The instance of frame `frameno` of a state (lookup_instance). */
  #instanceOf(env: VerifierEnv, st: VerifierState, frameno: number): FuncInstance {
    const last = this.#last;
    if (last !== undefined && sameChain(last, st, frameno)) return last;
    const { subprogno } = st.frames[frameno];
    const callsites: number[] = [];
    for (let f = 1; f <= frameno; f++) callsites.push(st.frames[f].callsite);
    const key = `${callsites.join(',')}:${st.frames[0].subprogno}:${subprogno}`;
    let found = this.#instances.get(key);
    if (found === undefined) {
      const { start } = env.subprogs[subprogno];
      const outer = frameno > 0 ? this.#instanceOf(env, st, frameno - 1) : undefined;
      found = new FuncInstance(callsites, start, subprogEnd(env, subprogno) - start, subprogno, outer);
      this.#instances.set(key, found);
    }
    this.#last = found;
    return found;
  }

  /** Brings every marked instance up to date, callees before callers. */
  #flush(env: VerifierEnv): void {
    while (this.#pending.length > 0) {
      let deepest = 0;
      for (let i = 1; i < this.#pending.length; i++)
        if (this.#pending[i].callsites.length > this.#pending[deepest].callsites.length) deepest = i;
      const [instance] = this.#pending.splice(deepest, 1);
      instance.noted = false;
      if (!instance.updated) continue;
      updateInstance(env, (this.#graph ??= new FlowGraph(env)), instance);
      if (instance.outer !== undefined) {
        propagate(instance, instance.outer);
        if (instance.outer.updated) this.#note(instance.outer);
      }
    }
  }
}

/** Whether the instance is the one of frame `frameno` of the state. */
function sameChain(instance: FuncInstance, st: VerifierState, frameno: number): boolean {
  if (instance.callsites.length !== frameno || instance.subprogno !== st.frames[frameno].subprogno) return false;
  for (let f = 1; f <= frameno; f++) if (instance.callsites[f - 1] !== st.frames[f].callsite) return false;
  let root = instance;
  while (root.outer !== undefined) root = root.outer;
  return root.subprogno === st.frames[0].subprogno;
}

/** A callee's reads and sure writes in its callers' frames are those of its call (propagate_to_outer_instance). */
function propagate(instance: FuncInstance, outer: FuncInstance): void {
  const callsite = instance.callsites[instance.callsites.length - 1];
  for (let f = 0; f < instance.callsites.length; f++) {
    const m = instance.frames[f];
    if (m === undefined) continue;
    outer.markRead(f, callsite, m[LIVE], m[LIVE + 1]);
    outer.commitWrites(f, callsite, m[WRITTEN], m[WRITTEN + 1]);
  }
  outer.visited[callsite - outer.start] = 1;
}

/**
 * Spreads the marks of one instance to a fixed point (update_instance): rounds over the function in postorder, which
 * leave out the instructions whose marks and successors are what they were when they were computed last.
 */
function updateInstance(env: VerifierEnv, graph: FlowGraph, instance: FuncInstance): void {
  const { log } = env;
  if (instance.dropped) {
    for (const m of instance.frames)
      if (m !== undefined) for (let i = 0; i < m.length; i += MASKS) m[i + WRITTEN] = m[i + WRITTEN + 1] = 0;
    instance.dirty.fill(0xff);
  }
  let rounds = 0;
  for (let changed = true; changed; ) {
    changed = false;
    for (let f = 0; f < instance.frames.length; f++) {
      const marks = instance.frames[f];
      if (marks !== undefined && updateFrame(env, graph, { instance, frame: f, marks })) changed = true;
    }
    rounds++;
  }
  if (log.verbose) log.line(`${instance.name} live stack update done in ${rounds} iterations`);
  instance.updated = instance.dropped = false;
}

/** The marks that one instance has on one of its frames. */
interface FrameMarks {
  readonly instance: FuncInstance;
  readonly frame: number;
  readonly marks: Int32Array;
}

/** One round for one frame over the function in postorder; true when something changed. */
function updateFrame(env: VerifierEnv, graph: FlowGraph, of: FrameMarks): boolean {
  const { start, dirty, subprogno } = of.instance;
  const { order, predStart, preds } = graph;
  const first = env.subprogs[subprogno].postorderStart;
  const end = env.subprogs[subprogno + 1]?.postorderStart ?? order.length;
  const bit = 1 << of.frame;
  let changed = false;
  for (let k = first; k < end; k++) {
    const i = order[k];
    if ((dirty[i - start] & bit) === 0) continue;
    dirty[i - start] &= ~bit;
    if (!updateInsn(env, graph, of, i)) continue;
    changed = true;
    for (let p = predStart[i]; p < predStart[i + 1]; p++) dirty[preds[p] - start] |= bit;
  }
  return changed;
}

/** LIVE and WRITTEN of one instruction from its successors'; true when they changed. Instructions without successors keep theirs. */
function updateInsn(env: VerifierEnv, graph: FlowGraph, of: FrameMarks, i: number): boolean {
  const { start } = of.instance;
  const m = of.marks;
  if (graph.one[i] < 0) return false;
  const at = (i - start) * MASKS;
  const one = (graph.one[i] - start) * MASKS;
  const two = (graph.two[i] - start) * MASKS;
  const liveLo = ((m[one + LIVE] | m[two + LIVE]) & ~m[at + WRITE]) | m[at + READ];
  const liveHi = ((m[one + LIVE + 1] | m[two + LIVE + 1]) & ~m[at + WRITE + 1]) | m[at + READ + 1];
  const doneLo = (m[one + WRITTEN] & m[two + WRITTEN]) | m[at + WRITE];
  const doneHi = (m[one + WRITTEN + 1] & m[two + WRITTEN + 1]) | m[at + WRITE + 1];
  const live = liveLo !== m[at + LIVE] || liveHi !== m[at + LIVE + 1];
  const done = doneLo !== m[at + WRITTEN] || doneHi !== m[at + WRITTEN + 1];
  if (!live && !done) return false;
  // The log leaves out instructions that only pass on what follows them.
  const own = m[at + READ] | m[at + READ + 1] | m[at + WRITE] | m[at + WRITE + 1];
  if (env.log.verbose && (own !== 0 || i === start || (env.aux.flags[i] & AUX_PRUNE_POINT) !== 0)) {
    const head = `${of.instance.name} frame ${of.frame} insn ${i} `;
    if (live) env.log.line(head + maskChange('live', m[at + LIVE], m[at + LIVE + 1], liveLo, liveHi));
    if (done) env.log.line(head + maskChange('written', m[at + WRITTEN], m[at + WRITTEN + 1], doneLo, doneHi));
  }
  m[at + LIVE] = liveLo;
  m[at + LIVE + 1] = liveHi;
  m[at + WRITTEN] = doneLo;
  m[at + WRITTEN + 1] = doneHi;
  return true;
}

/** `+live -8,-16 -live -24`: bits that came and went. */
function maskChange(what: string, oldLo: number, oldHi: number, lo: number, hi: number): string {
  let text = '';
  if (((lo & ~oldLo) | (hi & ~oldHi)) !== 0) text += `+${what} ${slots(lo & ~oldLo, hi & ~oldHi)} `;
  if (((oldLo & ~lo) | (oldHi & ~hi)) !== 0) text += `-${what} ${slots(oldLo & ~lo, oldHi & ~hi)}`;
  return text;
}

function slots(lo: number, hi: number): string {
  const out: number[] = [];
  for (let i = 0; i < 64; i++) if (((i < 32 ? lo : hi) >>> (i & 31)) & 1) out.push(-(i + 1) * 8);
  return out.join(',');
}
