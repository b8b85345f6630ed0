/** A program type as the verifier asks it (struct bpf_verifier_ops). Rows stand in rows/progs/. */
import type { FuncProto } from './proto.ts';
import type { ProgTypeRow } from './rows/progs/row.ts';

/** Capabilities of the loading process (SCOPE 208). */
export interface Caps {
  readonly bpf: boolean;
  readonly perfmon: boolean;
  readonly netAdmin: boolean;
  readonly sysAdmin: boolean;
}
/** Capabilities of a privileged process: all that loading programs asks for. */
export const ALL_CAPS: Caps = { bpf: true, perfmon: true, netAdmin: true, sysAdmin: true };

/** The program under verification, as far as tables depend on it. */
export interface ProgQuery {
  readonly progType: number;
  readonly expectedAttachType: number;
  readonly caps: Caps;
  readonly sleepable: boolean;
  readonly gplCompatible: boolean;
  /** Name of the attach BTF type (`bpf_lsm_*`, tp name, `table.member` of struct_ops), '' when there is none. */
  readonly attachBtfName: string;
  /** Whether an LSM program's hook is the cgroup flavour. */
  readonly lsmCgroup?: boolean;
  /** Whether the attach function (LSM hook, struct_ops member) returns nothing. */
  readonly attachReturnsVoid?: boolean;
}

/** The bytes of a context that an instruction touches. */
export interface CtxBytes {
  readonly off: number;
  readonly size: number;
  readonly write: boolean;
  /** The load extends the sign (BPF_MEMSX). */
  readonly signExtend: boolean;
}

/** Answer to an allowed context access (struct bpf_insn_access_aux). */
export interface CtxAccess {
  /** Register type of a load: SCALAR_VALUE, PTR_TO_PACKET, PTR_TO_BTF_ID with flags. */
  regType: number;
  /** Size of the field when a narrower load is rewritten to it; 0 when the access is not converted. */
  ctxFieldSize: number;
  /** Kernel struct for PTR_TO_BTF_ID. */
  btfName?: string;
}

export interface ProgTypeOps {
  /** BPF_PROG_TYPE_*. */
  readonly type: number;
  /** `BPF_PROG_TYPE_XDP`. */
  readonly name: string;
  /** libbpf's short name: `xdp`. */
  readonly short: string;
  /** UAPI struct that PTR_TO_CTX stands for: `xdp_md`, `__sk_buff`, `bpf_user_pt_regs_t`. */
  readonly ctxStruct: string;
  /** Whether the type may touch skb/packet data directly (and write it). */
  readonly packetAccess: ProgTypeRow['packetAccess'];
  /** Attach types for which BPF_F_SLEEPABLE is allowed; `may` for all, never when left out. */
  readonly sleepable: ProgTypeRow['sleepable'];
  /** Loads from the context take their types from the attach BTF (btf_ctx_access); isValidAccess then only checks bounds. */
  readonly btfCtx?: boolean;
  /** Fields of connection tracking entries may be written (nf_conntrack_btf_struct_access). */
  readonly writesNfConn?: boolean;
  /** Loads from the context are rewritten to the kernel's structs (convert_ctx_access); else the context is memory as it stands. */
  readonly convertsCtx: boolean;
  /** is_valid_access: fills `out` and returns true, or returns false. */
  isValidAccess(access: CtxBytes, q: ProgQuery, out: CtxAccess): boolean;
  /** get_func_proto: the prototype that this program may call under this id, or undefined. */
  funcProto(helperId: number, q: ProgQuery): FuncProto | undefined;
  /** Values that r0 may hold at exit, or undefined for any. */
  retRange(q: ProgQuery): { readonly min: number; readonly max: number } | undefined;
}
