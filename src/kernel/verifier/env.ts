/** Everything that one verification works on (struct bpf_verifier_env). Checks take it first; nothing outlives it. */
import type { Btf } from '../../btf/btf.ts';
import type { Insns } from '../../isa/insn.ts';
import type { MapDesc } from '../spec/map-desc.ts';
import type { ProgQuery, ProgTypeOps } from '../spec/prog-type.ts';
import type { InsnAux } from './aux.ts';
import type { VerifierLog } from './log.ts';
import type { VerifierInput, VerifierStats } from './result.ts';
import type { VerifierState } from './state/state.ts';

/** A subprogram as the passes see it (struct bpf_subprog_info). */
export interface Subprog {
  start: number;
  /** BTF FUNC type id, 0 without func_info. */
  typeId: number;
  name: string;
  /** Bytes of stack seen so far. */
  stackDepth: number;
  /** Additional stack of may_goto and inlined loops. */
  stackExtra: number;
  isGlobal: boolean;
  isCb: boolean;
  isAsyncCb: boolean;
  isExceptionCb: boolean;
  hasTailCall: boolean;
  hasLdAbs: boolean;
  tailCallReachable: boolean;
  changesPktData: boolean;
  mightSleep: boolean;
  mightThrow: boolean;
  /** A global function that was verified on its own already (func_info_aux.verified). */
  verified: boolean;
  /** A global function that some explored path calls (func_info_aux.called). */
  called: boolean;
  privateStack: boolean;
  /** Lowest fp offset at which the fastcall contract holds. */
  fastcallStackOff: number;
  keepFastcallStack: boolean;
  /** Arguments by BTF, filled when the function is global and first prepared (btf_prepare_func_args). */
  args: SubprogArg[] | undefined;
  /** Postorder bounds of the function's instructions in env.insnPostorder. */
  postorderStart: number;
}

/** One argument of a global function (struct bpf_subprog_arg_info). */
export interface SubprogArg {
  /** ARG_* with flags. */
  argType: number;
  memSize: number;
  /** Type id in the vmlinux or program BTF for ARG_PTR_TO_BTF_ID. */
  btfId: number;
}

export class VerifierEnv {
  /** The program, patched in place by resolution; rewriting makes a new one. */
  insns: Insns;
  aux: InsnAux;
  subprogs: Subprog[] = [];
  /** Maps that the program names, in order of first use; rows refer to them by index. */
  maps: MapDesc[] = [];
  /** BTF objects that rows refer to by index: 0 is the kernel's (may be undefined until needed), 1 the program's. */
  btfs: (Btf | undefined)[] = [];

  /** cur_state. */
  state!: VerifierState;
  insnIdx = 0;
  prevInsnIdx = -1;
  idGen = 0;
  /** Number of the verification walk in progress, for aux.seen. */
  passCnt = 1;
  insnProcessed = 0;

  // Privileges (SCOPE 135), from caps.
  readonly bpfCapable: boolean;
  readonly allowPtrLeaks: boolean;
  readonly allowUninitStack: boolean;
  readonly bypassSpecV1: boolean;
  readonly bypassSpecV4: boolean;

  strictAlignment = false;
  testStateFreq = false;
  testRegInvariants = false;
  seenDirectWrite = false;
  seenException = false;
  /** The program's r0 goes to the kernel under this type's rules. */
  readonly query: ProgQuery;
  /** Subprogram of the exception callback, -1 without. */
  exceptionCallbackSubprog = -1;
  /** Instructions in postorder, for liveness and SCC. */
  insnPostorder: Int32Array = new Int32Array(0);
  sccCount = 0;
  readonly stats: VerifierStats;

  constructor(
    readonly input: VerifierInput,
    readonly ops: ProgTypeOps,
    readonly log: VerifierLog,
    aux: InsnAux,
  ) {
    this.insns = input.insns.slice();
    this.aux = aux;
    const { caps } = input;
    this.bpfCapable = caps.bpf || caps.sysAdmin;
    const perfmon = caps.perfmon || caps.sysAdmin;
    this.allowPtrLeaks = perfmon;
    this.allowUninitStack = perfmon;
    this.bypassSpecV1 = perfmon;
    this.bypassSpecV4 = perfmon;
    this.query = {
      progType: input.progType,
      expectedAttachType: input.expectedAttachType,
      caps,
      sleepable: (input.progFlags & 16) !== 0,
      gplCompatible: GPL_LICENSES.has(input.license),
      attachBtfName: '',
    };
    this.stats = {
      insnsProcessed: 0,
      maxStatesPerInsn: 0,
      totalStates: 0,
      peakStates: 0,
      timeUs: 0,
      stackDepths: [],
    };
  }

  newId(): number {
    return ++this.idGen;
  }
}

/** license_is_gpl_compatible(). */
const GPL_LICENSES = new Set(['GPL', 'GPL v2', 'GPL and additional rights', 'Dual BSD/GPL', 'Dual MIT/GPL', 'Dual MPL/GPL']);
