/** Everything that one verification works on (struct bpf_verifier_env). Checks take it first; nothing outlives it. */
import type { Btf } from '../../btf/btf.ts';
import type { Insns } from '../../isa/insn.ts';
import type { HoleId } from '../rules/rows/holes.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import type { ProgQuery, ProgTypeOps } from '../rules/prog-type.ts';
import { InsnAux } from './insn-aux.ts';
import type { Rejection } from './diag/reject.ts';
import type { VerifierLog } from './log.ts';
import type { VerifierTesting, WalkView } from './observe.ts';
import type { BufferKind, LineInfo, VerifierInput } from './result.ts';
import { BPF_ATTACH_TYPE } from '../../uapi/attach-types.ts';
import type { VerifierStats } from '../../uapi/embedded.ts';
import { BPF_F_SLEEPABLE } from '../../uapi/flags.ts';
import { BPF_PROG_TYPE } from '../../uapi/prog-types.ts';
import type { AttachPoint } from './attach-point.ts';
import { BacktrackState } from './paths/backtrack-state.ts';
import { History } from './paths/history.ts';
import { IdMap } from './paths/idmap.ts';
import type { Pending } from './paths/worklist.ts';
import type { SccVisit } from './paths/scc-visit.ts';
import { StateStore } from './state/store.ts';
import type { VerifierState } from './state/state.ts';

/** A subprogram as the passes see it (struct bpf_subprog_info). */
export interface Subprog {
  start: number;
  /** BTF FUNC type id, 0 without func_info. */
  typeId: number;
  name: string;
  /** A call did not fit the prototype of this static function, so that nobody looks at it again; or the main one takes no context (func_info_aux.unreliable). */
  unreliable?: boolean;
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

/** Liveness of stack slots, gathered while exploring (bpf_live_stack_query_init, bpf_stack_slot_alive). */
export interface StackLiveness {
  /** Sets `alive` to the slots of a state's frame that may still be read, one bit each. */
  query(env: VerifierEnv, st: VerifierState, frame: number): void;
  readonly alive: Int32Array;
  /** The chain of calls of the current state is another one than before. */
  enter(env: VerifierEnv): void;
  /** Instruction `insnIdx` may read a slot of frame `frame` (bpf_mark_stack_read). */
  markRead(frame: number, insnIdx: number, spi: number): void;
  /** The current instruction writes all of a slot (bpf_mark_stack_write). */
  markWrite(frame: number, spi: number): void;
  /** Around each instruction: its writes count once all of it was checked (bpf_reset_stack_write_marks, bpf_commit_stack_write_marks). */
  beginInsn(insnIdx: number): void;
  endInsn(): void;
  /** A path ended (bpf_update_live_stack). */
  pathEnds(env: VerifierEnv): void;
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

  /** The index of a BTF object in `btfs`; maps bring those of their values. */
  btfIndex(btf: Btf | undefined): number {
    const known = btf === undefined || btf === this.input.btf ? 1 : this.btfs.indexOf(btf);
    if (known >= 0) return known;
    this.btfs[Math.max(2, this.btfs.length)] = btf;
    return this.btfs.length - 1;
  }

  /** cur_state. */
  state!: VerifierState;
  insnIdx = 0;
  prevInsnIdx = -1;
  idGen = 0;
  /** Number of the verification walk in progress, for aux.seen. */
  passCnt = 1;
  insnProcessed = 0;
  /** End of the last byte of the context that the program may touch (prog->aux->max_ctx_offset). */
  maxCtxOffset = 0;
  /** Bytes that were accessed of each kind of buffer whose size is known when the program is attached. */
  readonly bufferAccess: Record<BufferKind, number> = { tracepoint: 0, rdonly: 0, rdwr: 0 };
  jmpsProcessed = 0;
  prevInsnProcessed = 0;
  prevJmpsProcessed = 0;
  readonly store = new StateStore();
  /** Paths put aside, youngest last. */
  pending: Pending[] = [];
  readonly history = new History();
  /** History record of the instruction being processed, 0 without. */
  curRecord = 0;
  /** The youngest of the explored states by (instruction ^ callsite) modulo program length (explored_states). */
  readonly explored: (VerifierState | undefined)[];
  exploredSize = 0;
  freeListSize = 0;
  numBackedges = 0;
  /** Forgotten states that may lie behind one that closed a loop: they are freed when no such loop is left. */
  readonly freedLater: VerifierState[] = [];
  /** Precision being traced back, and by instruction what a trace looks for there (tracedRegs). */
  traced: Int32Array = new Int32Array(0);
  readonly bt = new BacktrackState();
  /** Ids matched while two states are compared: pairs old, current. */
  readonly idmap = new IdMap();
  /** How strictly the comparison of states that is under way compares (paths/equal.ts). */
  exact = 0;
  sccVisits: Map<string, SccVisit> = new Map();
  /** Registers and stack slots that the log prints after the instruction. */
  scratchedRegs = 0;
  scratchedSlotsLo = 0;
  scratchedSlotsHi = 0;
  // Where the log stands: before and after the instruction that was printed last, and the source line printed last.
  prevLogPos = 0;
  prevInsnPrintPos = 0;
  prevLineInfo: LineInfo | undefined = undefined;
  /** Whether ALU limits are being explored (sanitation of pointer arithmetic), which makes pruning strict. */
  exploreAluLimits = false;
  /** Which stack slots may still be read, when the analysis is on. */
  stackLiveness: StackLiveness | undefined = undefined;
  /** The attach point, once it was looked for; null when there is none (attach-point.ts). */
  attachPoint: AttachPoint | null | undefined = undefined;
  /** References that arguments come with, by the argument's index (ctx-btf.ts). */
  readonly argRefs = new Map<number, number>();
  /** References of packets that a dynptr was made of; its slots and slices have them in C. */
  readonly packetRefs = new Set<number>();
  /** Dynptrs of packets that something else was written over. */
  readonly overwrittenDynptrs = new Set<number>();
  /** A map that a program uses as its arena. */
  hasArena = false;

  // Privileges (SCOPE 135), from caps.
  readonly bpfCapable: boolean;
  readonly allowPtrLeaks: boolean;
  readonly allowUninitStack: boolean;
  readonly bypassSpecV1: boolean;
  readonly bypassSpecV4: boolean;

  // From input.testing.
  readonly testing: VerifierTesting | undefined;
  /** The observers' view of the walk; made with the first root. */
  walkView: WalkView | undefined = undefined;
  readonly everyInsn: boolean;
  readonly allPrecise: boolean;

  strictAlignment = false;
  testStateFreq = false;
  testRegInvariants = false;
  seenDirectWrite = false;
  seenException = false;
  /** Remarks on functions and types that did not decide: they explain the rejection that follows. */
  readonly notes = new Set<Rejection<never>>();
  /** The program's r0 goes to the kernel under this type's rules. */
  query: ProgQuery;
  /** Holes that made a difference: without any, the fixed rules would have decided the same all along. */
  readonly holesMet = new Set<HoleId>();
  /** Subprogram of the exception callback, -1 without. */
  exceptionCallbackSubprog = -1;
  /** Instructions in postorder, for liveness and SCC. */
  insnPostorder: Int32Array = new Int32Array(0);
  sccCount = 0;
  readonly stats: VerifierStats;

  constructor(
    readonly input: VerifierInput,
    /** What programs of the type that it is checked as may do. */
    readonly ops: ProgTypeOps,
    readonly log: VerifierLog,
    /** Holes of the kernel version that are left open in this walk. */
    readonly openHoles: ReadonlySet<HoleId>,
  ) {
    this.insns = input.insns.slice();
    this.explored = new Array<VerifierState | undefined>(input.insns.length).fill(undefined);
    this.aux = new InsnAux(input.insns.length);
    const { caps } = input;
    this.bpfCapable = caps.bpf || caps.sysAdmin;
    const perfmon = caps.perfmon || caps.sysAdmin;
    this.allowPtrLeaks = perfmon;
    this.allowUninitStack = perfmon;
    this.bypassSpecV1 = perfmon || input.mitigationsOff === true;
    this.bypassSpecV4 = perfmon || input.mitigationsOff === true;
    const { testing } = input;
    this.testing = testing;
    this.everyInsn = testing?.everyInsn ?? false;
    this.allPrecise = testing?.allPrecise ?? false;
    this.store.keep = testing?.onCheckpoint !== undefined;
    this.query = {
      ...checkedAs(input),
      caps,
      sleepable: (input.progFlags & BPF_F_SLEEPABLE) !== 0,
      gplCompatible: GPL_LICENSES.has(input.license),
      attachBtfName: input.attachBtfId === 0 ? '' : (input.vmlinux()?.name(input.attachBtfId) ?? ''),
      lsmCgroup:
        input.progType === BPF_PROG_TYPE.BPF_PROG_TYPE_LSM &&
        input.expectedAttachType === BPF_ATTACH_TYPE.BPF_LSM_CGROUP,
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

  /** Whether the rule that closed a hole holds in this walk. Asked only where it decides otherwise than the kernel's. */
  fixed(hole: HoleId): boolean {
    if (!this.openHoles.has(hole)) return true;
    this.holesMet.add(hole);
    return false;
  }
}

/** A program that replaces a function is checked as the program that it is a part of (resolve_prog_type). */
export function checkedAs({
  progType,
  expectedAttachType,
  target,
}: VerifierInput): Pick<ProgQuery, 'progType' | 'expectedAttachType'> {
  return progType === BPF_PROG_TYPE.BPF_PROG_TYPE_EXT && target !== undefined
    ? { progType: target.progType, expectedAttachType: target.expectedAttachType }
    : { progType, expectedAttachType };
}

/** license_is_gpl_compatible(). */
const GPL_LICENSES = new Set([
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
]);
