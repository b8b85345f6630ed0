/** Context structs of tracing, perf, cgroup device, sysctl and sockopt hooks, infrared and syscall programs. */
import { PTR_TO_PACKET, PTR_TO_PACKET_END, PTR_TO_SOCKET, PTR_TO_TP_BUFFER } from '../../reg-types.ts';
import type { CtxStruct } from './row.ts';

/** sizeof(struct pt_regs) on x86_64. */
export const PT_REGS_SIZE = 168;
/** MAX_BPF_FUNC_ARGS. */
const MAX_BPF_FUNC_ARGS = 12;
/** PERF_MAX_TRACE_SIZE. */
const PERF_MAX_TRACE_SIZE = 8192;
const U16_MAX = 65535;

/** bpf_user_pt_regs_t of kprobes and uprobes. */
export const PT_REGS = {
  name: 'bpf_user_pt_regs_t',
  size: PT_REGS_SIZE,
  fields: { regs: { off: 0, size: PT_REGS_SIZE, read: 'any' } },
} as const satisfies CtxStruct;

/** A classic tracepoint's record; the first eight bytes (common fields) are not readable. */
export const TRACEPOINT_RECORD = {
  name: 'pt_regs',
  size: PERF_MAX_TRACE_SIZE,
  fields: { record: { off: 8, size: PERF_MAX_TRACE_SIZE - 8, read: 'any' } },
} as const satisfies CtxStruct;

/** Arguments of a raw tracepoint. */
export const RAW_TP_ARGS = {
  name: 'bpf_raw_tracepoint_args',
  size: MAX_BPF_FUNC_ARGS * 8,
  fields: { args: { off: 0, size: MAX_BPF_FUNC_ARGS * 8, read: 'any' } },
} as const satisfies CtxStruct;

/** As above, with a writable buffer as the first argument. */
export const RAW_TP_WRITABLE_ARGS = {
  name: 'bpf_raw_tracepoint_args',
  size: MAX_BPF_FUNC_ARGS * 8,
  fields: {
    /** Only the whole word at offset 0 is the pointer; the rest of it reads as numbers. */
    buffer: { off: 0, size: 1, unit: 8, read: 'exact', reg: PTR_TO_TP_BUFFER },
    args: { off: 1, size: MAX_BPF_FUNC_ARGS * 8 - 1, read: 'any' },
  },
} as const satisfies CtxStruct;

export const BPF_PERF_EVENT_DATA = {
  name: 'bpf_perf_event_data',
  size: PT_REGS_SIZE + 16,
  fields: {
    regs: { off: 0, size: PT_REGS_SIZE, unit: 8, read: 'exact' },
    sample_period: { off: PT_REGS_SIZE, size: 8 },
    addr: { off: PT_REGS_SIZE + 8, size: 8 },
  },
} as const satisfies CtxStruct;

export const BPF_CGROUP_DEV_CTX = {
  name: 'bpf_cgroup_dev_ctx',
  size: 12,
  fields: {
    access_type: { off: 0, size: 4 },
    major: { off: 4, size: 4, read: 'exact' },
    minor: { off: 8, size: 4, read: 'exact' },
  },
} as const satisfies CtxStruct;

export const BPF_SYSCTL = {
  name: 'bpf_sysctl',
  size: 8,
  fields: { write: { off: 0, size: 4 }, file_pos: { off: 4, size: 4 } },
} as const satisfies CtxStruct;

export const BPF_SOCKOPT = {
  name: 'bpf_sockopt',
  size: 40,
  fields: {
    sk: { off: 0, size: 8, read: 'exact', reg: PTR_TO_SOCKET },
    optval: { off: 8, size: 8, read: 'exact', reg: PTR_TO_PACKET },
    optval_end: { off: 16, size: 8, read: 'exact', reg: PTR_TO_PACKET_END },
    level: { off: 24, size: 4, read: 'exact' },
    optname: { off: 28, size: 4, read: 'exact' },
    optlen: { off: 32, size: 4, read: 'exact' },
    retval: { off: 36, size: 4, read: 'exact' },
  },
} as const satisfies CtxStruct;

/** The one word that infrared programs get. */
export const LIRC_CTX = {
  name: '__u32',
  size: 4,
  fields: { sample: { off: 0, size: 4, read: 'exact' } },
} as const satisfies CtxStruct;

/** The context that PROG_RUN passes to a syscall program, as the caller laid it out. */
export const SYSCALL_CTX = {
  name: 'void',
  size: U16_MAX,
  fields: { data: { off: 0, size: U16_MAX, read: 'any', write: 'any' } },
} as const satisfies CtxStruct;

/** Arguments of a BTF-typed hook (tracing, LSM, struct_ops); types come from the attach BTF. */
export const BTF_ARGS = {
  name: 'void',
  size: MAX_BPF_FUNC_ARGS * 8,
  fields: { args: { off: 0, size: MAX_BPF_FUNC_ARGS * 8, read: 'any' } },
} as const satisfies CtxStruct;
