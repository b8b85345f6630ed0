/** Spills and fills around calls that keep r1 to r5, so that they can be removed (mark_fastcall_patterns). */
import { BPF_DW, BPF_LDX, BPF_MEM, BPF_REG_10, BPF_STX, MAX_BPF_STACK } from '../../../isa/opcodes.ts';
import { AUX_FASTCALL_PATTERN } from '../insn-aux.ts';
import type { Subprog, VerifierEnv } from '../env.ts';
import { subprogEnd } from '../subprog.ts';
import { callSummary } from './call-summary.ts';
import { isHelperCall, isKfuncCall } from './subprogs.ts';

const SPILL = BPF_STX | BPF_MEM | BPF_DW;
const FILL = BPF_LDX | BPF_MEM | BPF_DW;
const CALLER_SAVED = 0b111111;
const MAX_PAIRS = 6;
/** An offset below every possible one: the contract is broken (S16_MIN). */
const BROKEN = -32768;

/** Marks patterns in env.aux, and in env.subprogs the stack that only they use. */
export function markFastcallPatterns(env: VerifierEnv): void {
  const { insns } = env;
  for (const [s, subprog] of env.subprogs.entries()) {
    const end = subprogEnd(env, s);
    let lowest = 0;
    for (let i = subprog.start; i < end; i++)
      if (insns.code[i] === SPILL && insns.dst[i] === BPF_REG_10 && insns.off[i] < lowest) lowest = insns.off[i];
    // Everything below the largest pattern's top is only theirs. (Linux guards only the smallest pattern's stack, and so lets
    // a program read what it has removed the store of.)
    let top = -MAX_BPF_STACK;
    for (let i = subprog.start; i < end; i++)
      if (isHelperCall(insns, i) || isKfuncCall(insns, i)) top = Math.max(top, markPattern(env, subprog, i, lowest));
    subprog.fastcallStackOff = top;
  }
}

/** Matches `*(u64 *)(r10 - Y) = rX; ... call; ... rX = *(u64 *)(r10 - Y)` around one call, outwards, from the lowest stack offset up; returns the offset above it. */
function markPattern(env: VerifierEnv, subprog: Subprog, call: number, lowest: number): number {
  const { insns, aux } = env;
  const summary = callSummary(env, call);
  if (summary === undefined) return -MAX_BPF_STACK;
  const clobbered = ((1 << (summary.numParams + 1)) - 1) & (summary.isVoid ? ~1 : ~0);
  let expected = CALLER_SAVED & ~clobbered;
  let off = lowest;
  let pairs = 0;
  while (pairs < MAX_PAIRS) {
    const spill = call - pairs - 1;
    const fill = call + pairs + 1;
    if (spill < 0 || fill >= insns.length) break;
    if (insns.code[spill] !== SPILL || insns.code[fill] !== FILL) break;
    if (insns.dst[spill] !== BPF_REG_10 || insns.src[fill] !== BPF_REG_10) break;
    const reg = insns.src[spill];
    if (reg !== insns.dst[fill] || ((1 << reg) & expected) === 0) break;
    if (insns.off[spill] !== off || insns.off[fill] !== off) break;
    expected &= ~(1 << reg);
    aux.flags[spill] |= AUX_FASTCALL_PATTERN;
    aux.flags[fill] |= AUX_FASTCALL_PATTERN;
    pairs++;
    off += 8;
  }
  if (pairs === 0) return -MAX_BPF_STACK;
  if (summary.fastcall) aux.extraAt(call).fastcallSpills = pairs;
  else subprog.keepFastcallStack = true;
  return off;
}

/**
 * check_fastcall_stack_contract: an access at `off` by instruction `i`. When anything but a pattern touches the patterns' stack,
 * the function keeps all its spills.
 */
export function checkFastcallStackContract(env: VerifierEnv, subprogno: number, i: number, off: number): void {
  const subprog = env.subprogs[subprogno];
  const { aux } = env;
  if (subprog.fastcallStackOff <= off || (aux.flags[i] & AUX_FASTCALL_PATTERN) !== 0) return;
  if (subprog.fastcallStackOff === BROKEN) return;
  subprog.fastcallStackOff = BROKEN;
  for (let k = subprog.start; k < subprogEnd(env, subprogno); k++) {
    aux.flags[k] &= ~AUX_FASTCALL_PATTERN;
    const extra = aux.extra.get(k);
    if (extra !== undefined) delete extra.fastcallSpills;
  }
}
