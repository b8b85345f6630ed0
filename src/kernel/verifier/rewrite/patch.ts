/** Replaces and removes instructions of a whole program at once; jumps, calls, functions and aux columns follow (bpf_patch_insn_data, verifier_remove_insns). */
import { type Insn, Insns } from '../../../isa/insn.ts';
import { BPF_JA, BPF_JMP32 } from '../../../isa/opcodes.ts';
import { InsnAux } from '../insn-aux.ts';
import { REWRITE } from '../diag/catalogue/rewrite.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { jumpTargetOf } from '../pass/flow.ts';
import { isLdImm64, isPseudoCall, isPseudoFunc } from '../pass/subprogs.ts';

/**
 * Slots `at` to `at + remove` (exclusive, at least one) give way to `insert`. What is inserted is final: its jumps stay inside it.
 * A jump to a replaced slot goes to the beginning of the new code, one to a removed slot to what follows.
 */
export interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: readonly Insn[];
}

/** Applies edits, in order and disjoint, to env.insns, env.aux and env.subprogs, in linear time. Functions that vanish are dropped. */
export function applyEdits(env: VerifierEnv, edits: readonly Edit[]): void {
  if (edits.length === 0) return;
  const moved = moveMap(env.insns.length, edits);
  const made = { insns: new Insns(moved.length), aux: new InsnAux(moved.length) };
  const { insns, aux } = made;
  let i = 0;
  for (const edit of edits) {
    copyRun(env, made, i, edit.at, moved);
    for (const [k, insn] of edit.insert.entries()) {
      const at = moved.to[edit.at] + k;
      insns.set(at, insn);
      copyAux(env.aux, edit.at, aux, at, k === edit.insert.length - 1);
    }
    i = edit.at + edit.remove;
  }
  copyRun(env, made, i, env.insns.length, moved);
  env.insns = insns;
  env.aux = aux;
  moveSubprogs(env, moved);
}

/** Instructions and what is known of each. */
interface Code {
  readonly insns: Insns;
  readonly aux: InsnAux;
}

interface MoveMap {
  /** New slot of each old one; of a removed one, the slot of what follows it. */
  readonly to: Int32Array;
  readonly length: number;
  readonly edits: readonly Edit[];
}

function moveMap(n: number, edits: readonly Edit[]): MoveMap {
  const to = new Int32Array(n + 1);
  let grown = 0;
  let e = 0;
  for (let i = 0; i <= n; i++) {
    to[i] = i + grown;
    if (e === edits.length || edits[e].at !== i) continue;
    const { remove, insert } = edits[e++];
    const start = i + grown;
    for (let k = 1; k < remove; k++) to[i + k] = start + insert.length;
    grown += insert.length - remove;
    i += remove - 1;
  }
  return { to, length: n + grown, edits };
}

/** Copies the kept slots `from` to `end` (exclusive) and points their jumps and calls to where the targets went. */
function copyRun(env: VerifierEnv, made: Code, from: number, end: number, moved: MoveMap): void {
  const { insns, aux } = made;
  const { to } = moved;
  const old = env.insns;
  for (let i = from; i < end; i++) {
    const at = to[i];
    insns.code[at] = old.code[i];
    insns.dst[at] = old.dst[i];
    insns.src[at] = old.src[i];
    insns.off[at] = old.off[i];
    insns.imm[at] = old.imm[i];
    copyAux(env.aux, i, aux, at, true);
    // The slots of an ld_imm64 stay together.
    if (isPseudoCall(old, i) || isPseudoFunc(old, i)) {
      insns.imm[at] = movedFunction(moved, i + old.imm[i] + 1) - at - 1;
    } else {
      const target = jumpTargetOf(old, i);
      if (target >= 0 && !moveJump(insns, at, to[target] - at - 1)) rejectJump(env, moved, i, target);
    }
    if (isLdImm64(old, i) && i + 1 < end) {
      i++;
      insns.imm[at + 1] = old.imm[i];
      copyAux(env.aux, i, aux, at + 1, true);
    }
  }
}

/**
 * Where a function went. The address of one that was removed is left as it was (bpf_adj_branches): it points behind the
 * cut as far as it lay behind the cut's beginning, and most often to no function, which is found out later.
 */
function movedFunction({ to, length, edits }: MoveMap, target: number): number {
  const cut = edits.findIndex((e) => target >= e.at && target < e.at + e.remove && e.insert.length === 0);
  if (cut < 0) return to[target];
  let at = to[edits[cut].at] + target - edits[cut].at;
  for (const { at: from, remove, insert } of edits.slice(cut + 1)) {
    if (at >= to[from] + remove) at += insert.length - remove;
  }
  return Math.min(at, length);
}

/** False when the jump cannot reach that far. */
function moveJump(insns: Insns, at: number, distance: number): boolean {
  if (insns.code[at] === (BPF_JMP32 | BPF_JA)) {
    insns.imm[at] = distance;
    return true;
  }
  insns.off[at] = distance;
  return distance === (distance << 16) >> 16;
}

/** Names the edit, taken in order, that stretches the jump beyond its 16 bits. */
function rejectJump(env: VerifierEnv, { edits }: MoveMap, from: number, target: number): never {
  let distance = Math.abs(target - from - 1);
  const [low, high] = from < target ? [from, target] : [target, from];
  let at = from;
  for (const edit of edits) {
    if (edit.at < low || edit.at >= high) continue;
    distance += edit.insert.length - edit.remove;
    at = edit.at;
    if (distance > 0x7fff) break;
  }
  return reject(env, REWRITE.PATCH_RANGE, env.aux.origIdx[at]);
}

/** Facts of an old slot for a new one; `whole`: all of them, otherwise only where it came from and that it is reached. */
function copyAux(from: InsnAux, i: number, to: InsnAux, at: number, whole: boolean): void {
  to.seen[at] = from.seen[i];
  to.origIdx[at] = from.origIdx[i];
  if (!whole) return;
  to.flags[at] = from.flags[i];
  to.ptrType[at] = from.ptrType[i];
  to.mapIndex[at] = from.mapIndex[i];
  to.mapOff[at] = from.mapOff[i];
  to.ctxFieldSize[at] = from.ctxFieldSize[i];
  to.liveRegsBefore[at] = from.liveRegsBefore[i];
  to.scc[at] = from.scc[i];
  to.mapKey[at] = from.mapKey[i];
  const extra = from.extra.get(i);
  if (extra !== undefined) to.extra.set(at, extra);
}

function moveSubprogs(env: VerifierEnv, { to, length }: MoveMap): void {
  const exceptionCb = env.subprogs[env.exceptionCallbackSubprog];
  for (const s of env.subprogs) s.start = to[s.start];
  env.subprogs = env.subprogs.filter((s, i, all) => s.start < (all[i + 1]?.start ?? length));
  env.exceptionCallbackSubprog = exceptionCb === undefined ? -1 : env.subprogs.indexOf(exceptionCb);
}
