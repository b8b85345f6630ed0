/** The shape of a helper table row, and the combined argument types that many rows share. */
import type { FuncProto } from '../../proto.ts';
import type { Versioned } from '../../version.ts';
import {
  ARG_KPTR_XCHG_DEST,
  ARG_PTR_TO_BTF_ID,
  ARG_PTR_TO_BTF_ID_SOCK_COMMON,
  ARG_PTR_TO_CTX,
  ARG_PTR_TO_DYNPTR,
  ARG_PTR_TO_MAP_VALUE,
  ARG_PTR_TO_MEM,
  ARG_PTR_TO_SOCKET,
  ARG_PTR_TO_STACK,
  MEM_ALIGNED,
  MEM_FIXED_SIZE,
  MEM_RDONLY,
  MEM_UNINIT,
  MEM_WRITE,
  PTR_MAYBE_NULL,
  RET_PTR_TO_BTF_ID,
  RET_PTR_TO_MAP_VALUE,
  RET_PTR_TO_SOCKET,
} from '../../reg-types.ts';

/** A prototype without its name and id: the row's key is the UAPI name, or `name:variant`. */
export type HelperRow = Omit<FuncProto, 'name' | 'id'> & Versioned;
export type HelperTable = Readonly<Record<string, HelperRow>>;

// enum bpf_arg_type's extended types, under the kernel's names.
export const ARG_PTR_TO_MAP_VALUE_OR_NULL = ARG_PTR_TO_MAP_VALUE | PTR_MAYBE_NULL;
export const ARG_PTR_TO_MEM_OR_NULL = ARG_PTR_TO_MEM | PTR_MAYBE_NULL;
export const ARG_PTR_TO_CTX_OR_NULL = ARG_PTR_TO_CTX | PTR_MAYBE_NULL;
export const ARG_PTR_TO_SOCKET_OR_NULL = ARG_PTR_TO_SOCKET | PTR_MAYBE_NULL;
export const ARG_PTR_TO_STACK_OR_NULL = ARG_PTR_TO_STACK | PTR_MAYBE_NULL;
export const ARG_PTR_TO_BTF_ID_OR_NULL = ARG_PTR_TO_BTF_ID | PTR_MAYBE_NULL;
export const ARG_PTR_TO_UNINIT_MEM = ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE;
export const ARG_PTR_TO_FIXED_SIZE_MEM = ARG_PTR_TO_MEM | MEM_FIXED_SIZE;

/** Memory that the helper only reads. */
export const RO_MEM = ARG_PTR_TO_MEM | MEM_RDONLY;
export const RO_MEM_OR_NULL = ARG_PTR_TO_MEM | PTR_MAYBE_NULL | MEM_RDONLY;
/** A naturally aligned integer that the helper fills; argSize says how wide. */
export const OUT_INT = ARG_PTR_TO_FIXED_SIZE_MEM | MEM_UNINIT | MEM_WRITE | MEM_ALIGNED;
export const RO_DYNPTR = ARG_PTR_TO_DYNPTR | MEM_RDONLY;
export const BTF_SOCK_OR_NULL = ARG_PTR_TO_BTF_ID_SOCK_COMMON | PTR_MAYBE_NULL;

export const RET_PTR_TO_MAP_VALUE_OR_NULL = RET_PTR_TO_MAP_VALUE | PTR_MAYBE_NULL;
export const RET_PTR_TO_SOCKET_OR_NULL = RET_PTR_TO_SOCKET | PTR_MAYBE_NULL;
export const RET_PTR_TO_BTF_ID_OR_NULL = RET_PTR_TO_BTF_ID | PTR_MAYBE_NULL;
export { ARG_KPTR_XCHG_DEST };
