/** The shape of a helper prototype (struct bpf_func_proto). Rows live in rows/helpers/<family>. */
import type { Callback, LockEffect } from './effects.ts';

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
  /** The function of the program that is passed, and when it runs. */
  readonly callback?: Callback;
  readonly effect?: LockEffect<'spin'>;
  /** The result must be released: always, or when it is a socket that a map holds (is_acquire_function). */
  readonly acquires?: 'always' | 'from-sockmap';
  readonly returns?: HelperResult;
  /** It makes storage that does not exist yet; how depends on whether it may sleep (is_storage_get_function). */
  readonly allocates?: true;
  /** Linux on x86_64 inlines it without touching r1 to r5. */
  readonly inlined?: true;
  /** The call is specialised by its map; writers are refused on maps that are read-only for programs (record_func_map). */
  readonly byMap?: 'reads' | 'writes';
}

/** Facts about r0 beyond its type. */
export type HelperResult =
  /** Another view of the object that was passed, which lives as long as it does (is_ptr_cast_function). */
  | 'cast'
  /** The number of bytes, never more than the size argument, or an error (do_refine_retval_range). */
  | 'size'
  /** The number of a CPU. */
  | 'cpu';
