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

// The answer of useAndDef, read at once.
let use = 0;
let def = 0;

/** Registers that the instruction reads and writes. What is not understood reads everything. */
function useAndDef(env: VerifierEnv, i: number): void {
  const { insns } = env;
  const code = insns.code[i];
  const dst = 1 << insns.dst[i];
  const src = 1 << insns.src[i];
  const bySrc = bpfSrc(code) === BPF_X ? src : 0;
  use = ALL;
  def = 0;
  switch (bpfClass(code)) {
    case BPF_LD:
      if (bpfMode(code) === BPF_IMM && (code & 0x18) === BPF_DW) {
        use = 0;
        def = dst;
      }
      return;
    case BPF_LDX:
      use = src;
      def = dst;
      return;
    case BPF_ST:
      use = dst;
      return;
    case BPF_STX:
      if (bpfMode(code) === BPF_ATOMIC) atomicUse(insns.imm[i], dst, src);
      else use = dst | src;
      return;
    case BPF_ALU:
    case BPF_ALU64:
      def = dst;
      if (bpfOp(code) === BPF_END) use = dst;
      else use = bpfOp(code) === BPF_MOV ? bySrc : dst | bySrc;
      return;
    default:
      jumpUse(env, i, dst, bySrc);
  }
}

function atomicUse(imm: number, dst: number, src: number): void {
  use = dst | src;
  if (imm === BPF_CMPXCHG) {
    use |= 1;
    def = 1;
  } else if (imm === BPF_LOAD_ACQ) {
    use = src;
    def = dst;
  } else if (imm !== BPF_STORE_REL && (imm & BPF_FETCH) !== 0) {
    def = src;
  }
}

function jumpUse(env: VerifierEnv, i: number, dst: number, bySrc: number): void {
  switch (bpfOp(env.insns.code[i])) {
    case BPF_JA:
    case BPF_JCOND:
      use = 0;
      return;
    case BPF_EXIT:
      use = 1;
      return;
    case BPF_CALL: {
      def = CALLER_SAVED;
      const summary = callSummary(env, i);
      use = summary === undefined ? CALLER_SAVED & ~1 : ((1 << (summary.numParams + 1)) - 1) & ~1;
      return;
    }
    default:
      use = dst | bySrc;
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
    useAndDef(env, i);
    uses[i] = use;
    defs[i] = def;
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
  useAndDef(env, i);
  return { use, def };
}
