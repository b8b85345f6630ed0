/** The plain, editable data that an object file parses to: functions, programs, maps, externs. */
import type { Insns } from '../isa/insn.ts';
import type { CoreRelo } from './core-relo/kinds.ts';

/** The reference of one instruction of a function. */
export type InsnRef =
  /** ld_imm64 of a map (BPF_PSEUDO_MAP_FD). */
  | { readonly kind: 'map'; readonly insn: number; map: string }
  /** ld_imm64 of an address in a global data map (BPF_PSEUDO_MAP_VALUE). */
  | { readonly kind: 'data'; readonly insn: number; map: string; offset: number }
  /** ld_imm64 of an extern variable or function. */
  | { readonly kind: 'extern'; readonly insn: number; name: string }
  /** call of an extern function (kfunc). */
  | { readonly kind: 'kfunc'; readonly insn: number; name: string }
  /** bpf-to-bpf call, `target` being a function key. */
  | { readonly kind: 'call'; readonly insn: number; target: string }
  /** ld_imm64 of a function (BPF_PSEUDO_FUNC). */
  | { readonly kind: 'func'; readonly insn: number; target: string }
  /** A relocation that no loader can satisfy; preparing a program that contains it fails with this text. */
  | { readonly kind: 'invalid'; readonly insn: number; detail: string };

/** One line_info record; `insn` counts from the function's start. */
export interface LineInfo {
  readonly insn: number;
  readonly fileOff: number;
  readonly lineOff: number;
  readonly lineCol: number;
}

/** One function of the object, its references symbolic. */
export interface FunctionSpec {
  /** Unique in the object: the name, or `section/name` and a number where names repeat. */
  readonly key: string;
  name: string;
  readonly section: string;
  /** Index of its first instruction in the section. */
  readonly sectionInsn: number;
  insns: Insns;
  refs: InsnRef[];
  /** FUNC type in the object's BTF, 0 without. */
  btfId: number;
  lines: LineInfo[];
  coreRelos: CoreRelo[];
  readonly linkage: 'static' | 'global' | 'weak';
  /** Global, but hidden in ELF: verified as a static function. */
  readonly hidden: boolean;
}

/** A function that is an entry point, with what its section name says. */
export interface ProgramSpec extends FunctionSpec {
  /** BPF_PROG_TYPE_*, 0 when the section name is not one that the loader knows. */
  type: number;
  expectedAttachType: number;
  /** The part after the `/` in the section name: function, tracepoint, hook; '' without. */
  attachTo: string;
  sleepable: boolean;
  xdpFrags: boolean;
  /** Further BPF_F_* of prog_flags. */
  flags: number;
  /** Whether `load` loads it when nothing else is said. */
  autoload: boolean;
  /** Needs a BTF id of its attach target (attach_btf_id). */
  attachBtf: boolean;
  /** Key of the function that handles bpf_throw (decl tag `exception_callback:`), '' for none. */
  exceptionCallback: string;
  /** Member that this program implements when a struct_ops map names it. */
  structOps?: { readonly typeName: string; readonly memberName: string };
}

/** A variable inside a global data map. */
export interface VariableSpec {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  /** VAR's type in the object's BTF. */
  readonly typeId: number;
  readonly linkage: number;
}

export type MapOrigin = 'btf' | 'legacy' | 'data' | 'rodata' | 'bss' | 'kconfig' | 'struct_ops' | 'arena';

/** A map as the object defines it. */
export interface MapSpec {
  /** Name in the object; global data is `.data`, `.rodata.str1.1`. */
  name: string;
  /** Name given to the kernel, cut to 15 bytes. */
  kernelName: string;
  readonly origin: MapOrigin;
  type: number;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  flags: number;
  numaNode: number;
  mapExtra: bigint;
  keyTypeId: number;
  valueTypeId: number;
  /** 1: by name under the bpffs (LIBBPF_PIN_BY_NAME). */
  pinning: number;
  /** Bytes of a legacy definition beyond map_flags, where they are not all zero: id and pinning of iproute2, for instance. */
  extra?: Uint8Array;
  /** Template of a map-in-map's elements. */
  inner?: MapSpec;
  /** Initial elements of a map-in-map or program array: names of maps or function keys by index. */
  values: { readonly index: number; target: string }[];
  /** Contents of global data, or of the struct_ops type. */
  contents?: Uint8Array;
  /** Read-only after loading (.rodata, .kconfig). */
  freeze: boolean;
  variables: VariableSpec[];
  /** struct_ops: type name and the program key in each function pointer member. */
  structOps?: {
    readonly typeName: string;
    readonly typeId: number;
    readonly members: { memberName: string; offset: number; program: string }[];
  };
  autocreate: boolean;
}

export type KconfigType = 'char' | 'bool' | 'tristate' | 'int' | 'char array' | 'unknown';

/** A symbol that the object expects from outside. */
export interface ExternSpec {
  readonly name: string;
  readonly kind: 'kconfig' | 'ksym' | 'unknown';
  readonly weak: boolean;
  readonly isFunction: boolean;
  /** Type of the variable, or FUNC_PROTO of the function, in the object's BTF. */
  readonly typeId: number;
  /** Typeless: `extern const void name __ksym`. */
  readonly typeless: boolean;
  /** kconfig only: place in the .kconfig map. */
  readonly kconfig?: {
    readonly type: KconfigType;
    readonly size: number;
    readonly signed: boolean;
    readonly offset: number;
  };
}
