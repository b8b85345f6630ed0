/** Where functions begin, and that jumps stay inside them (add_subprog_and_kfunc, check_subprogs). */
import {
  BPF_ABS,
  BPF_CALL,
  BPF_DW,
  BPF_EXIT,
  BPF_IMM,
  BPF_IND,
  BPF_JA,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_KFUNC_CALL,
  bpfClass,
  bpfMode,
  bpfOp,
} from '../../../isa/opcodes.ts';
import { BPF_FUNC } from '../../../uapi/helper-ids.ts';
import type { Insns } from '../../../isa/insn.ts';
import { STRUCTURE } from '../diag/catalogue/structure.ts';
import { reject } from '../diag/reject.ts';
import type { Subprog, VerifierEnv } from '../env.ts';
import { exceptionCallbackStart } from './exception-callback.ts';
import type { CalledKfunc } from '../insn-aux.ts';
import { addKfunc } from './kfuncs.ts';
import { BPF_MAX_SUBPROGS } from '../../rules/limits.ts';

const TAIL_CALL = BPF_FUNC.BPF_FUNC_tail_call;
const CALL = BPF_JMP | BPF_CALL;
const LD_IMM64 = BPF_LD | BPF_IMM | BPF_DW;

/** A call of another function of the program (bpf_pseudo_call). */
export const isPseudoCall = (insns: Insns, i: number): boolean =>
  insns.code[i] === CALL && insns.src[i] === BPF_PSEUDO_CALL;
/** A call of a kernel function (bpf_pseudo_kfunc_call). */
export const isKfuncCall = (insns: Insns, i: number): boolean =>
  insns.code[i] === CALL && insns.src[i] === BPF_PSEUDO_KFUNC_CALL;
/** A call of a helper (bpf_helper_call). */
export const isHelperCall = (insns: Insns, i: number): boolean => insns.code[i] === CALL && insns.src[i] === 0;
/** ld_imm64 of a function's address (bpf_pseudo_func). */
export const isPseudoFunc = (insns: Insns, i: number): boolean =>
  insns.code[i] === LD_IMM64 && insns.src[i] === BPF_PSEUDO_FUNC;
export const isLdImm64 = (insns: Insns, i: number): boolean => insns.code[i] === LD_IMM64;

function newSubprog(start: number): Subprog {
  return {
    start,
    typeId: 0,
    name: '',
    stackDepth: 0,
    stackExtra: 0,
    isGlobal: false,
    isCb: false,
    isAsyncCb: false,
    isExceptionCb: false,
    hasTailCall: false,
    hasLdAbs: false,
    tailCallReachable: false,
    changesPktData: false,
    mightSleep: false,
    mightThrow: false,
    verified: false,
    called: false,
    privateStack: false,
    fastcallStackOff: 0,
    keepFastcallStack: false,
    args: undefined,
    postorderStart: 0,
  };
}

/** Finds every function of the program and every kernel function that it calls; fills env.subprogs in order of start. */
export function addSubprogsAndKfuncs(env: VerifierEnv): void {
  const { insns } = env;
  const starts = new Set<number>();
  const add = (start: number): void => {
    if (start < 0 || start >= insns.length) reject(env, STRUCTURE.CALL_DESTINATION);
    if (starts.has(start)) return;
    if (starts.size >= BPF_MAX_SUBPROGS) reject(env, STRUCTURE.TOO_MANY_SUBPROGS);
    starts.add(start);
  };
  const kfuncs = new Map<number, CalledKfunc>();
  add(0);
  for (let i = 0; i < insns.length; i++) {
    const kfunc = isKfuncCall(insns, i);
    if (!kfunc && !isPseudoFunc(insns, i) && !isPseudoCall(insns, i)) continue;
    if (!env.bpfCapable) reject(env, STRUCTURE.CALLS_NOT_PERMITTED);
    if (kfunc) addKfunc(env, i, kfuncs);
    else add(i + insns.imm[i] + 1);
  }
  const exceptionCb = exceptionCallbackStart(env);
  if (exceptionCb > 0) add(exceptionCb);
  env.subprogs = [...starts].sort((a, b) => a - b).map(newSubprog);
  if (exceptionCb > 0) {
    env.exceptionCallbackSubprog = env.subprogs.findIndex((s) => s.start === exceptionCb);
    const subprog = env.subprogs[env.exceptionCallbackSubprog];
    subprog.isCb = subprog.isAsyncCb = subprog.isExceptionCb = true;
  }
  if (env.log.verbose) for (const [i, s] of env.subprogs.entries()) env.log.line(`func#${i} @${s.start}`);
}

/** Target of a jump, without its own slot: gotol keeps it in imm (bpf_jmp_offset). */
export const jumpOffset = (insns: Insns, i: number): number =>
  insns.code[i] === (BPF_JMP32 | BPF_JA) ? insns.imm[i] : insns.off[i];

/** Checks that every jump stays in its function and that no function runs into the next; notes tail calls and LD_ABS. */
export function checkSubprogs(env: VerifierEnv): void {
  const { insns, subprogs } = env;
  let cur = 0;
  let end = subprogs.length > 1 ? subprogs[1].start : insns.length;
  for (let i = 0; i < insns.length; i++) {
    const code = insns.code[i];
    const cls = bpfClass(code);
    const subprog = subprogs[cur];
    if (code === CALL && insns.src[i] === 0 && insns.imm[i] === TAIL_CALL)
      subprog.hasTailCall = subprog.tailCallReachable = true;
    if (cls === BPF_LD && (bpfMode(code) === BPF_ABS || bpfMode(code) === BPF_IND)) subprog.hasLdAbs = true;
    if ((cls === BPF_JMP || cls === BPF_JMP32) && bpfOp(code) !== BPF_CALL && bpfOp(code) !== BPF_EXIT) {
      const to = i + jumpOffset(insns, i) + 1;
      if (to < subprog.start || to >= end) reject(env, STRUCTURE.JUMP_OUT_OF_RANGE, i, to);
    }
    if (i === end - 1) {
      if (code !== (BPF_JMP | BPF_EXIT) && code !== (BPF_JMP32 | BPF_JA) && code !== (BPF_JMP | BPF_JA))
        reject(env, STRUCTURE.LAST_INSN);
      cur++;
      end = cur + 1 < subprogs.length ? subprogs[cur + 1].start : insns.length;
    }
  }
}
