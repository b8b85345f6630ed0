/** Input and outcome of verification: plain data, no map, helper or JIT implementation. */
import type { VerifierStats } from '../../uapi/embedded.ts';
import type { Btf } from '../../btf/btf.ts';
import type { Insns } from '../../isa/insn.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import type { Rules } from '../rules/compile.ts';
import type { Caps } from '../rules/prog-type.ts';
import type { HoleId } from '../rules/rows/holes.ts';
import type { VerifierTesting } from './observe.ts';

/** One record of func_info: where a function begins and its FUNC type in the program's BTF. */
export interface FuncInfo {
  readonly insnOff: number;
  readonly typeId: number;
}
/** One record of line_info (struct bpf_line_info). */
export interface LineInfo {
  readonly insnOff: number;
  readonly fileNameOff: number;
  readonly lineOff: number;
  readonly lineCol: number;
}

/** A function of a loaded program, as far as programs that replace or trace it depend on it. */
export interface TargetFunction {
  /** Its FUNC in the program's BTF. */
  readonly typeId: number;
  /** Its prototype is not to be trusted: a caller passes something else. */
  readonly unreliable: boolean;
  readonly changesPktData: boolean;
  readonly mightSleep: boolean;
  readonly isExceptionCallback: boolean;
}

/** A loaded program one of whose functions is replaced or traced. */
export interface TargetProgram {
  readonly progType: number;
  readonly expectedAttachType: number;
  /** For programs that replace functions themselves: of the program that they do it in. */
  readonly resolvedType: number;
  readonly btf: Btf | undefined;
  readonly functions: readonly TargetFunction[];
  /** It traces a program that traces. */
  readonly tracesTracing: boolean;
}

export interface VerifierInput {
  readonly insns: Insns;
  /** BPF_PROG_TYPE_*. */
  readonly progType: number;
  readonly expectedAttachType: number;
  /** BPF_F_* of PROG_LOAD: strict alignment, any alignment, test_rnd_hi32, test_state_freq, sleepable, xdp_has_frags, test_reg_invariants. */
  readonly progFlags: number;
  readonly name: string;
  readonly license: string;
  readonly caps: Caps;
  /** The rules of the kernel version. */
  readonly rules: Rules;
  /** 0, or a combination of 1 (log), 2 (every state), 4 (statistics). */
  readonly logLevel: number;
  /** The program's own BTF. */
  readonly btf?: Btf;
  readonly funcInfo?: readonly FuncInfo[];
  readonly lineInfo?: readonly LineInfo[];
  readonly attachBtfId: number;
  /** The program whose function attachBtfId names; left out, it is one of the kernel. */
  readonly target?: TargetProgram;
  /** BTF of the kernel that attachBtfId, kfuncs and BTF pointers refer to; parsed on first use. */
  readonly vmlinux: () => Btf | undefined;
  /** Resolves ld_imm64 with BPF_PSEUDO_MAP_FD: a descriptor, or -errno. */
  readonly mapByFd: (fd: number) => MapDesc | number;
  /** Maps that are bound to the program whether or not it names them (fd_array_cnt). */
  readonly boundMaps?: readonly MapDesc[];
  /** Resolves BPF_PSEUDO_MAP_IDX: the fd at that index, or undefined without fd_array. */
  readonly fdArray?: (index: number) => number | undefined;
  /** Possible CPUs (nr_cpu_ids): the bound of bpf_get_smp_processor_id(). Default: 2. */
  readonly nrCpuIds?: number;
  /** The kernel was started with mitigations=off: nothing is masked against speculation. */
  readonly mitigationsOff?: boolean;
  /** Milliseconds, for {@link VerifierStats.timeUs}, which is 0 without. */
  readonly stopwatch?: () => number;
  /** Stops an over-long verification with -EINTR. */
  readonly signal?: AbortSignal;
  /** One walk, with the holes of the kernel version open or closed. Default: the kernel's verdict, and beside it that of the fixed rules. */
  readonly holes?: 'open' | 'closed';
  /** For proofs of the verifier itself; no command of bpf(2) sets it. */
  readonly testing?: VerifierTesting;
}

/** One function of an accepted program. */
export interface SubprogInfo {
  /** First instruction slot, and the slot after the last. */
  start: number;
  end: number;
  /** Name from func_info, '' without BTF. */
  name: string;
  /** Bytes of stack that it uses, multiple of 8. */
  stackDepth: number;
  /** Reached by bpf_loop, for_each, timers and the like. */
  isCallback: boolean;
  isExceptionCallback: boolean;
  hasTailCall: boolean;
  hasLdAbs: boolean;
  /** May be called on a stack of its own, outside the 512 bytes. */
  privateStack: boolean;
  /** What programs on it depend on: see {@link TargetFunction}. */
  unreliable: boolean;
  changesPktData: boolean;
  mightSleep: boolean;
}

/** What tells a program's instructions from others. */
export interface ProgTag {
  /** The first 8 bytes of their SHA-256 digest. */
  readonly hex: string;
}

/** Buffers of tracepoints, and those of iterators that are only read or written as well. */
export type BufferKind = 'tracepoint' | 'rdonly' | 'rdwr';

/** An accepted, rewritten program: the input of both engines. */
export interface VerifiedProgram {
  readonly name: string;
  readonly progType: number;
  readonly expectedAttachType: number;
  /** Of programs that replace functions, the type of the program that they were loaded for; otherwise their own. */
  readonly resolvedType: number;
  /** Rewritten instructions. Helper calls keep the helper id in imm; map addresses and values stand in ld_imm64 with src 0; PSEUDO_FUNC and PSEUDO_CALL stay pc-relative. */
  readonly insns: Insns;
  readonly subprogs: readonly SubprogInfo[];
  readonly usedMaps: readonly MapDesc[];
  /** Per slot: index in usedMaps of the one map that a helper call or map ld_imm64 uses, or -1. */
  readonly mapIndex: Int16Array;
  /** Per slot: original instruction it came from. */
  readonly origin: Int32Array;
  readonly sleepable: boolean;
  readonly gplCompatible: boolean;
  readonly tag: ProgTag;
  /** Bytes of the context that the program may touch (prog->aux->max_ctx_offset). */
  readonly maxCtxOffset: number;
  /** Bytes that it accesses of buffers whose size is known when it is attached (max_tp_access, max_rdonly_access, max_rdwr_access). */
  readonly bufferAccess: Readonly<Record<BufferKind, number>>;
  readonly usesTailCall: boolean;
}

/** An accepted program. */
export interface Accepted {
  readonly ok: true;
  readonly program: VerifiedProgram;
  readonly log: string;
  readonly stats: VerifierStats;
  /** Catalogue ids of what was said without deciding. */
  readonly notes: readonly string[];
  /** The kernel version accepts it through a hole of its own: later ones refuse it. */
  readonly unsound?: { readonly hole: HoleId; readonly fixed: Refused };
}

/** A verification that can be done once more, whatever became of the caller's descriptors. */
export interface Again {
  readonly input: VerifierInput;
  /** Holes of the kernel version that are left open. */
  readonly openHoles: ReadonlySet<HoleId>;
}

/** Why a program was refused: errno, log and the row of the catalogue. */
export interface Refused {
  readonly ok: false;
  /** Positive errno. */
  readonly errno: number;
  /** Catalogue id of the rejection, '' when the input never reached a check with one. */
  readonly id: string;
  /** The fault and its remedy, from the catalogue. */
  readonly why: string;
  /** Catalogue ids of what was said before, which explain it further. */
  readonly notes: readonly string[];
  /** The kernel's last log line. */
  readonly message: string;
  readonly log: string;
  readonly stats: VerifierStats;
  /** Instruction at fault, -1 when none. */
  readonly insnIdx: number;
  /** The kernel version accepts it through this hole of its own. */
  readonly hole?: HoleId;
  /** What was verified, to be looked into once more (kernel/diagnose). */
  readonly again: Again;
  /** Its source line, `prog.c:12: x = *p;`, when the program has line information. */
  readonly source?: string;
}

/** The outcome of verifying one program. */
export type VerifierOutcome = Accepted | Refused;
