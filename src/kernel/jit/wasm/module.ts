/** Translates an accepted program to the bytes of one WebAssembly module: a function a subprogram, and the run wrappers. */
import { memoryLimits } from '../../mem/memory.ts';
import type { Linkage } from '../../run/linkage.ts';
import type { VerifiedProgram } from '../../verifier/result.ts';
import { buildCfg, Cfg } from '../shape/cfg.ts';
import { frameNeeds, type FunctionBody, lowerFunction, type Subject } from '../lower/function.ts';
import { CHECK_PARAMS, checkBody, type GuardArea } from '../lower/guard.ts';
import { replaceIdioms } from '../rewrite/idioms.ts';
import type { Insns } from '../../../isa/insn.ts';
import { unjoinLatches } from '../shape/latches.ts';
import { findLoops } from '../shape/loops.ts';
import { recoverSwitches } from '../shape/switches.ts';
import { computeLiveness } from '../facts/liveness.ts';
import { mergeNarrowLoads } from '../rewrite/merge-loads.ts';
import {
  type ImportedFn,
  JitRefusal,
  ModulePlan,
  NEEDS_FRAME,
  NEEDS_NOTHING,
  type RuntimePorts,
  TYPE_PROGRAM,
} from '../plan.ts';
import { promotableSlots } from '../rewrite/promote.ts';
import { ByteSink } from './sink.ts';
import { inferWidths } from '../facts/widths.ts';
import * as w from './wasm-ops.ts';

const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** The result of a translation: nothing of the plan, which holds copies of the program. */
export interface Translation {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly imports: readonly ImportedFn[];
  /** Subprograms whose address is taken by their slot in the code table. */
  readonly slots: ReadonlyMap<number, number>;
}

/** Global with the address of the cell where the run wrappers leave r0 (8 bytes) and remember `sp` at entry (4 bytes). */
const CELL_GLOBAL = 1;
export const RESULT_SP = 8;
export const RESULT_SIZE = 16;

/** Translates a program; throws {@link JitRefusal} when it has to be interpreted. */
export function translate(
  program: VerifiedProgram,
  linkage: Linkage,
  ports: RuntimePorts,
  maxFunctionBytes: number,
  guard?: GuardArea,
): Translation {
  const plan = new ModulePlan(
    guard === undefined ? replaceIdioms(mergeNarrowLoads(program)) : program,
    linkage,
    guard,
    ports,
  );
  try {
    const subjects = analyse(plan);
    const bodies = subjects.map((s) => lowerFunction(plan, unjoined(plan.program.insns, s), maxFunctionBytes));
    return { bytes: assemble(plan, bodies), imports: plan.imports, slots: plan.subprogOfSlot };
  } catch (e) {
    releaseSlots(linkage, plan.subprogOfSlot);
    throw e;
  }
}

/** Gives the code-table slots of callbacks back. */
export function releaseSlots(linkage: Linkage, slots: Translation['slots']): void {
  for (const slot of slots.keys()) linkage.table.free(slot);
}

/** Graphs and liveness of all subprograms, callees first, so that calls pass only what is read. */
function analyse(plan: ModulePlan): Subject[] {
  const { program } = plan;
  const { insns, subprogs } = program;
  const subjects: Subject[] = [];
  for (const k of calleesFirst(plan)) {
    const { start, end, stackDepth } = subprogs[k];
    const graph = buildCfg(insns, start, end, plan.guard === undefined);
    if (!(graph instanceof Cfg)) throw new JitRefusal('malformed', graph.insn, graph.detail);
    const cfg = plan.guard === undefined ? structuredSwitches(insns, graph) : graph;
    const live = computeLiveness(insns, cfg, start, end, (i) => plan.argsOf(i));
    if (k > 0 && !plan.slotOfSubprog.has(k)) plan.argCount[k] = 31 - Math.clz32((live.blockIn[0] & 0x3e) | 1);
    const needs = frameNeeds(plan, cfg);
    if (needs < NEEDS_FRAME) plan.movesSp[k] = 0;
    if (needs === NEEDS_NOTHING && (live.mentioned & (1 << 10)) === 0 && k > 0) plan.usesSp[k] = 0;
    const widths = plan.guard === undefined ? inferWidths(plan, cfg, live, start, end) : undefined;
    const promotion = plan.guard === undefined ? promotableSlots(plan, cfg, live) : undefined;
    subjects[k] = { index: k, start, cfg, live, widths, promotion, stackDepth };
  }
  return withLeftovers(subjects);
}

/** Frames of called functions lie one over the other: where one of them reads what another left, all leave it in memory. */
function withLeftovers(subjects: readonly Subject[]): Subject[] {
  const read = subjects.some((s) => s.index > 0 && s.promotion?.leftovers === true);
  return subjects.map((s) => (read && s.index > 0 ? { ...s, promotion: undefined } : s));
}

/** The subject with the ends of its loops copied, which is the last thing that happens to its graph. */
function unjoined(insns: Insns, s: Subject): Subject {
  const copied = s.widths === undefined ? undefined : unjoinLatches(insns, s.cfg);
  if (copied === undefined || s.widths === undefined) return s;
  const { cfg, origin } = copied;
  const column = (of: Uint16Array): Uint16Array => Uint16Array.from(origin, (b) => of[b]);
  const { live, widths } = s;
  return {
    ...s,
    cfg,
    live: { ...live, blockIn: column(live.blockIn), blockOut: column(live.blockOut) },
    widths: { ...widths, narrowIn: column(widths.narrowIn), zextIn: column(widths.zextIn) },
  };
}

/** The graph with its switches, where it can be structured: the loop around irreducible graphs has a table of its own. */
function structuredSwitches(insns: Insns, graph: Cfg): Cfg {
  const recovered = recoverSwitches(insns, graph);
  return recovered !== graph && findLoops(recovered).irreducible ? graph : recovered;
}

/** Subprograms in postorder of the call graph. */
function calleesFirst(plan: ModulePlan): number[] {
  const { insns, subprogs } = plan.program;
  const order: number[] = [];
  const seen = new Uint8Array(subprogs.length);
  for (let root = 0; root < subprogs.length; root++) {
    if (seen[root]) continue;
    const stack = [{ k: root, at: subprogs[root].start }];
    seen[root] = 1;
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      let callee = -1;
      for (; top.at < subprogs[top.k].end && callee < 0; top.at++) {
        const i = top.at;
        if (insns.code[i] === 0x18) top.at++;
        else if (insns.code[i] === 0x85 && insns.src[i] === 1) {
          const to = plan.subprogAt.get(i + 1 + insns.imm[i]);
          if (to !== undefined && !seen[to]) callee = to;
        }
      }
      if (callee >= 0) {
        seen[callee] = 1;
        stack.push({ k: callee, at: subprogs[callee].start });
      } else {
        order.push(top.k);
        stack.pop();
      }
    }
  }
  return order;
}

function assemble(plan: ModulePlan, bodies: readonly FunctionBody[]): Uint8Array<ArrayBuffer> {
  const { program } = plan;
  // Types of defined functions come first, so that the type section is complete when it is written.
  const types = bodies.map((_, k) =>
    k === 0
      ? TYPE_PROGRAM
      : plan.type(
          [...Array.from({ length: plan.argCount[k] }, () => w.T_I64), ...(plan.takesSp(k) ? [w.T_I32] : [])],
          [w.T_I64],
        ),
  );
  if (plan.guard !== undefined) types.push(plan.type(CHECK_PARAMS, [w.T_I32]));
  const run = plan.imports.length + types.length;
  types.push(plan.type([w.T_I32], [w.T_I32]), plan.type([w.T_I32, w.T_I32, w.T_I32, w.T_I32], []));

  let size = 1024;
  for (const b of bodies) size += b.code.pos + 64;
  const out = new ByteSink(size);
  for (const b of MAGIC) out.byte(b);
  section(out, 1, () => {
    out.u32(plan.types.length);
    for (const t of plan.types) {
      out.byte(w.T_FUNC);
      out.u32(t.params.length);
      for (const p of t.params) out.byte(p);
      out.u32(t.results.length);
      for (const r of t.results) out.byte(r);
    }
  });
  section(out, 2, () => writeImports(out, plan));
  section(out, 3, () => {
    out.u32(types.length);
    for (const t of types) out.u32(t);
  });
  section(out, 7, () => {
    const callbacks = [...plan.slotOfSubprog.keys()];
    out.u32(3 + callbacks.length);
    writeExport(out, 'main', plan.functionIndex(0));
    writeExport(out, 'run', run);
    writeExport(out, 'batch', run + 1);
    for (const k of callbacks) writeExport(out, `f${k}`, plan.functionIndex(k));
  });
  section(out, 10, () => {
    out.u32(types.length);
    for (const b of bodies) {
      const mark = out.begin();
      writeLocals(out, b.localTypes);
      out.append(b.code);
      out.end(mark);
    }
    const extra = [runBody(plan, needsFrame(plan)), batchBody(plan)];
    if (plan.guard !== undefined) extra.unshift(checkBody(plan.guard, plan.imported('abort').index));
    for (const b of extra) {
      out.u32(b.pos);
      out.append(b);
    }
  });
  if (program.subprogs.length !== bodies.length) throw new JitRefusal('malformed', -1, 'subprogram without a body');
  return out.bytes();
}

function section(out: ByteSink, id: number, write: () => void): void {
  out.byte(id);
  const mark = out.begin();
  write();
  out.end(mark);
}

function writeImports(out: ByteSink, plan: ModulePlan): void {
  out.u32(plan.imports.length + 3 + (plan.needsTable ? 1 : 0) + (plan.tailCalls ? 2 : 0));
  out.name('env');
  out.name('memory');
  out.byte(2);
  for (const b of memoryLimits(plan.linkage.env.mem)) out.byte(b);
  out.name('env');
  out.name('sp');
  out.byte(3);
  out.byte2(w.T_I32, 1);
  out.name('env');
  out.name('cell');
  out.byte(3);
  out.byte2(w.T_I32, 0);
  if (plan.tailCalls) {
    out.name('env');
    out.name('slot');
    out.byte(3);
    out.byte2(w.T_I32, 0);
    out.name('env');
    out.name('tailCalls');
    out.byte(3);
    out.byte2(w.T_I32, 1);
  }
  if (plan.needsTable) {
    out.name('env');
    out.name('table');
    out.byte(1);
    out.byte2(w.T_FUNCREF, 0);
    out.u32(0);
  }
  for (const fn of plan.imports) {
    out.name('env');
    out.name(fn.name);
    out.byte(0);
    out.u32(fn.type);
  }
}

function writeExport(out: ByteSink, name: string, index: number): void {
  out.name(name);
  out.byte(0);
  out.u32(index);
}

/** Local declarations: runs of one type. */
function writeLocals(out: ByteSink, types: readonly number[]): void {
  let runs = 0;
  for (let i = 0; i < types.length; i++) if (i === 0 || types[i] !== types[i - 1]) runs++;
  out.u32(runs);
  for (let i = 0; i < types.length; ) {
    let j = i;
    while (j < types.length && types[j] === types[i]) j++;
    out.u32(j - i);
    out.byte(types[i]);
    i = j;
  }
}

/** Whether anything in the module, or what it jumps to, moves the stack pointer. */
function needsFrame(plan: ModulePlan): boolean {
  if (plan.tailCalls) return true;
  const { insns } = plan.program;
  for (let i = 0; i < insns.length; i++) {
    if (insns.code[i] === 0x18) i++;
    else if ((insns.code[i] & 0xf7) === 0x85 && plan.callNeeds(i) >= NEEDS_FRAME) return true;
  }
  return false;
}

/** (ctx) -> low half of r0; all of r0 goes to the cell. Remembers `sp` for the driver, and counts tail calls anew. */
function runBody(plan: ModulePlan, framed: boolean): ByteSink {
  const out = new ByteSink(128);
  const tail = plan.tailCalls;
  const [r0, saved] = [1, 2];
  out.byte2(2, 1);
  out.byte2(w.T_I64, 1);
  out.byte(w.T_I32);
  if (framed) {
    out.op(w.GLOBAL_GET, CELL_GLOBAL);
    out.op(w.GLOBAL_GET, plan.spGlobal);
    out.mem(w.I32_STORE, 2, RESULT_SP);
  }
  if (tail) beginTailCalls(out, plan, saved);
  out.get(0);
  out.op(w.CALL, plan.functionIndex(0));
  out.set(r0);
  if (tail) endTailCalls(out, plan, saved);
  out.op(w.GLOBAL_GET, CELL_GLOBAL);
  out.get(r0);
  out.mem(w.I64_STORE, 3, 0);
  out.get(r0);
  out.byte2(w.I32_WRAP_I64, w.END);
  return out;
}

function beginTailCalls(out: ByteSink, plan: ModulePlan, saved: number): void {
  out.op(w.GLOBAL_GET, plan.tailCallsGlobal);
  out.set(saved);
  out.i32(0);
  out.op(w.GLOBAL_SET, plan.tailCallsGlobal);
}

function endTailCalls(out: ByteSink, plan: ModulePlan, saved: number): void {
  out.get(saved);
  out.op(w.GLOBAL_SET, plan.tailCallsGlobal);
}

/** (ctxs, stride, count, out): runs on `count` contexts `stride` bytes apart and stores the low half of each r0 at `out`. */
function batchBody(plan: ModulePlan): ByteSink {
  const out = new ByteSink(192);
  const tail = plan.tailCalls;
  const [ctx, stride, count, to, saved] = [0, 1, 2, 3, 4];
  out.byte2(1, 1);
  out.byte(w.T_I32);
  out.op(w.GLOBAL_GET, CELL_GLOBAL);
  out.op(w.GLOBAL_GET, plan.spGlobal);
  out.mem(w.I32_STORE, 2, RESULT_SP);
  out.byte2(w.BLOCK, w.T_EMPTY);
  out.byte2(w.LOOP, w.T_EMPTY);
  out.get(count);
  out.byte(w.I32_EQZ);
  out.op(w.BR_IF, 1);
  if (tail) beginTailCalls(out, plan, saved);
  out.get(to);
  out.get(ctx);
  out.op(w.CALL, plan.functionIndex(0));
  out.mem(w.I64_STORE32, 2, 0);
  if (tail) endTailCalls(out, plan, saved);
  for (const [local, step] of [
    [ctx, stride],
    [to, -1],
  ]) {
    out.get(local);
    if (step >= 0) out.get(step);
    else out.i32(4);
    out.byte(w.I32_ADD);
    out.set(local);
  }
  out.get(count);
  out.i32(1);
  out.byte(w.I32_SUB);
  out.set(count);
  out.op(w.BR, 0);
  out.byte2(w.END, w.END);
  out.byte(w.END);
  return out;
}
