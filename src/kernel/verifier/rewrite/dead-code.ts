/** Unreached code: removed, or made to trap (opt_hard_wire_dead_code_branches, opt_remove_dead_code, opt_remove_nops, sanitize_dead_code). */
import type { Insns } from '../../../isa/insn.ts';
import {
  BPF_CALL,
  BPF_EXIT,
  BPF_JA,
  BPF_JCOND,
  BPF_JMP,
  BPF_JMP32,
  BPF_MAY_GOTO,
  bpfClass,
  bpfOp,
} from '../../../isa/opcodes.ts';
import type { VerifierEnv } from '../env.ts';
import { applyEdits, type Edit } from './patch.ts';

function isCondJump(insns: Insns, i: number): boolean {
  const cls = bpfClass(insns.code[i]);
  const op = bpfOp(insns.code[i]);
  if (cls === BPF_JMP32) return op !== BPF_JA;
  return cls === BPF_JMP && op !== BPF_JA && op !== BPF_EXIT && op !== BPF_CALL;
}

function setJump(insns: Insns, i: number, off: number): void {
  insns.set(i, { code: BPF_JMP | BPF_JA, dst: 0, src: 0, off, imm: 0 });
}

/** A conditional jump of which one side was never reached becomes an unconditional one. */
export function hardWireDeadBranches(env: VerifierEnv): void {
  const { insns, aux } = env;
  for (let i = 0; i < insns.length; i++) {
    if (!isCondJump(insns, i)) continue;
    if (aux.seen[i + 1] === 0) setJump(insns, i, insns.off[i]);
    else if (aux.seen[i + 1 + insns.off[i]] === 0) setJump(insns, i, 0);
  }
}

/** Removes every instruction that no path reached, and functions that consist of such. */
export function removeDeadCode(env: VerifierEnv): void {
  const { insns, aux } = env;
  const edits: Edit[] = [];
  for (let i = 0; i < insns.length; i++) {
    let end = i;
    while (end < insns.length && aux.seen[end] === 0) end++;
    if (end === i) continue;
    edits.push({ at: i, remove: end - i, insert: [] });
    i = end;
  }
  applyEdits(env, edits);
}

const isNop = (insns: Insns, i: number): boolean =>
  insns.code[i] === (BPF_JMP | BPF_JA) && insns.dst[i] === 0 && insns.src[i] === 0 && insns.imm[i] === 0;
const isMayGoto = (insns: Insns, i: number): boolean =>
  insns.code[i] === (BPF_JMP | BPF_JCOND) && insns.dst[i] === 0 && insns.src[i] === BPF_MAY_GOTO && insns.imm[i] === 0;

/** Removes jumps and may_gotos to the next instruction; one that a removed may_goto stood behind is looked at again. */
export function removeNops(env: VerifierEnv): void {
  const { insns } = env;
  const n = insns.length;
  const gone = new Uint8Array(n);
  // The nearest instruction that is left, from each one on, and back from it; index i + 1, so that 0 stands for none.
  const after = Int32Array.from({ length: n + 2 }, (_, i) => i);
  const before = after.slice();
  for (let i = 0; i < n; i++) {
    const mayGoto = isMayGoto(insns, i);
    if (gone[i] !== 0 || (!mayGoto && !isNop(insns, i))) continue;
    if (insns.off[i] < 0 || nearest(after, i + 2) < i + insns.off[i] + 2) continue;
    gone[i] = 1;
    after[i + 1] = i + 2;
    before[i + 1] = i;
    const back = mayGoto ? nearest(before, i + 1) - 1 : -1;
    if (back >= 0) i = back - 1;
  }
  const edits: Edit[] = [];
  for (let i = 0; i < n; i++) if (gone[i] !== 0) edits.push({ at: i, remove: 1, insert: [] });
  applyEdits(env, edits);
}

/** Follows links to an entry that points to itself, shortening the way. */
function nearest(links: Int32Array, i: number): number {
  while (links[i] !== i) {
    links[i] = links[links[i]];
    i = links[i];
  }
  return i;
}

/** Without CAP_BPF nothing is removed: what no path reached becomes a jump to itself, should speculation get there. */
export function sanitizeDeadCode(env: VerifierEnv): void {
  const { insns, aux } = env;
  for (let i = 0; i < insns.length; i++) if (aux.seen[i] === 0) setJump(insns, i, -1);
}
