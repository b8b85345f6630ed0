/** The shape of a helper prototype (struct bpf_func_proto). Rows live in spec/helpers/<family>. */

export interface FuncProto {
  /** BPF_FUNC_* id. */
  readonly id: number;
  /** UAPI name without the `bpf_` prefix: `map_lookup_elem`. */
  readonly name: string;
  /** RET_* with flags. */
  readonly ret: number;
  /** Kernel struct that RET_PTR_TO_BTF_ID points to. */
  readonly retBtf?: string;
  /** ARG_* with flags; trailing ARG_DONTCARE left out. */
  readonly args: readonly number[];
  /** Kernel struct that ARG_PTR_TO_BTF_ID of that position wants; sparse. */
  readonly argBtf?: readonly (string | undefined)[];
  /** Bytes that ARG_PTR_TO_MEM | MEM_FIXED_SIZE of that position covers; sparse. */
  readonly argSize?: readonly (number | undefined)[];
  readonly gplOnly?: boolean;
  /** Packet pointers may be passed as memory arguments. */
  readonly pktAccess?: boolean;
  readonly mightSleep?: boolean;
  /** A further condition on the attach point (helperAllowedIn); else `helper call is not allowed in probe`. */
  readonly allowedIn?: 'd_path' | 'ima' | 'sk_storage_tracing';
  readonly allowFastcall?: boolean;
  /** Packet pointers are stale afterwards (bpf_helper_changes_pkt_data). */
  readonly changesPktData?: boolean;
}
