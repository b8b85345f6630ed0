/** Which registers may still be read, before each instruction (compute_live_registers), and the table of it in the log. */
import { disasmKernel } from '../../../isa/disasm.ts';
import type { Insns } from '../../../isa/insn.ts';
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_CMPXCHG,
  BPF_DW,
  BPF_END,
  BPF_EXIT,
  BPF_FETCH,
  BPF_IMM,
  BPF_JA,
  BPF_JCOND,
  BPF_LD,
  BPF_LDX,
  BPF_LOAD_ACQ,
  BPF_MOV,
  BPF_ST,
  BPF_STORE_REL,
  BPF_STX,
  BPF_X,
  bpfClass,
  bpfMode,
  bpfOp,
  bpfSrc,
} from '../../../isa/opcodes.ts';
import type { VerifierEnv } from '../env.ts';
import { callSummary } from './call-summary.ts';
import { fallthroughOf, jumpTargetOf } from './flow.ts';
import { isLdImm64 } from './subprogs.ts';

const CALLER_SAVED = 0b111111;
const ALL = 0xffff;

/** Sets of registers that an instruction reads and writes, in one number. */
const reads = (use: number, def = 0): number => use | (def << 16);
const usesOf = (both: number): number => both & 0xffff;
const defsOf = (both: number): number => both >>> 16;

/** {@link reads} of the instruction. What is not understood reads everything. */
function useAndDef(env: VerifierEnv, i: number): number {
  const { insns } = env;
  const code = insns.code[i];
  const dst = 1 << insns.dst[i];
  const src = 1 << insns.src[i];
  const bySrc = bpfSrc(code) === BPF_X ? src : 0;
  switch (bpfClass(code)) {
    case BPF_LD:
      return bpfMode(code) === BPF_IMM && (code & 0x18) === BPF_DW ? reads(0, dst) : reads(ALL);
    case BPF_LDX:
      return reads(src, dst);
    case BPF_ST:
      return reads(dst);
    case BPF_STX:
      return bpfMode(code) === BPF_ATOMIC ? atomicUse(insns.imm[i], dst, src) : reads(dst | src);
    case BPF_ALU:
    case BPF_ALU64:
      if (bpfOp(code) === BPF_END) return reads(dst, dst);
      return reads(bpfOp(code) === BPF_MOV ? bySrc : dst | bySrc, dst);
    default:
      return jumpUse(env, i, dst, bySrc);
  }
}

function atomicUse(imm: number, dst: number, src: number): number {
  if (imm === BPF_CMPXCHG) return reads(dst | src | 1, 1);
  if (imm === BPF_LOAD_ACQ) return reads(src, dst);
  const fetches = imm !== BPF_STORE_REL && (imm & BPF_FETCH) !== 0;
  return reads(dst | src, fetches ? src : 0);
}

function jumpUse(env: VerifierEnv, i: number, dst: number, bySrc: number): number {
  switch (bpfOp(env.insns.code[i])) {
    case BPF_JA:
    case BPF_JCOND:
      return reads(0);
    case BPF_EXIT:
      return reads(1);
    case BPF_CALL: {
      const summary = callSummary(env, i);
      const params = summary === undefined ? CALLER_SAVED : (1 << (summary.numParams + 1)) - 1;
      return reads(params & ~1, CALLER_SAVED);
    }
    default:
      return reads(dst | bySrc);
  }
}

/** Iterates to the fixed point over env.insnPostorder; result in env.aux.liveRegsBefore. */
export function computeLiveRegs(env: VerifierEnv): void {
  const { insns, insnPostorder } = env;
  const live = env.aux.liveRegsBefore;
  const n = insns.length;
  const uses = new Uint16Array(n);
  const defs = new Uint16Array(n);
  for (let i = 0; i < n; i++) {
    const both = useAndDef(env, i);
    uses[i] = usesOf(both);
    defs[i] = defsOf(both);
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (const i of insnPostorder) {
      const a = fallthroughOf(insns, i);
      const b = jumpTargetOf(insns, i);
      let after = 0;
      if (a >= 0 && a < n) after = live[a];
      if (b >= 0 && b < n) after |= live[b];
      const before = (after & ~defs[i]) | uses[i];
      if (before === live[i]) continue;
      live[i] = before;
      changed = true;
    }
  }
  if (env.log.verbose) printLiveRegs(env, insns);
}

/** `      5: 0.....67.. (57) r6 &= 255`, with the component of loops before it. */
function printLiveRegs(env: VerifierEnv, insns: Insns): void {
  const { aux, log } = env;
  log.line('Live regs before insn:');
  const opts = { callName: (i: number) => aux.extra.get(i)?.kfunc?.name };
  for (let i = 0; i < insns.length; i++) {
    const scc = aux.scc[i] === 0 ? '    ' : `${String(aux.scc[i]).padStart(3)} `;
    let regs = '';
    for (let r = 0; r < 10; r++) regs += (aux.liveRegsBefore[i] >> r) & 1 ? String(r) : '.';
    log.line(`${scc}${String(i).padStart(3)}: ${regs} ${disasmKernel(insns, i, opts)}`);
    if (isLdImm64(insns, i)) i++;
  }
}

/** Exported for the tests: reads and writes of one instruction. */
export function insnUseDef(env: VerifierEnv, i: number): { use: number; def: number } {
  const both = useAndDef(env, i);
  return { use: usesOf(both), def: defsOf(both) };
}
