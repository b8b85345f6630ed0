/** Limits of the eBPF system, under the kernel's names. None has changed between Linux 5.10 and 7.3. */

/** Call frames of a program, the main function included. */
export const MAX_CALL_FRAMES = 8;
/** Bytes of stack that call chains with tail calls may use, per caller. */
export const MAX_TAIL_CALLER_STACK = 256;
/** Tail calls of one invocation. */
export const MAX_TAIL_CALL_CNT = 33;
/** Instructions that one verification walks. */
export const BPF_COMPLEXITY_LIMIT_INSNS = 1_000_000;
/** Paths that wait to be walked. */
export const BPF_COMPLEXITY_LIMIT_JMP_SEQ = 8192;
/** States kept at one instruction, for loaders without CAP_BPF. */
export const BPF_COMPLEXITY_LIMIT_STATES = 64;
/** Instructions of a program, for loaders without CAP_BPF. */
export const BPF_MAXINSNS = 4096;
/** Maps that a program may name. */
export const MAX_USED_MAPS = 64;
export const BPF_MAX_SUBPROGS = 256;
/** Kfuncs that a program may call. */
export const MAX_KFUNC_DESCS = 256;
/** How far a pointer may be from its object, in bytes. */
export const BPF_MAX_VAR_OFF = 1 << 29;
/** Upper end of a size argument that is not constant. */
export const BPF_MAX_VAR_SIZ = 1 << 29;
/** Bytes of a packet that a comparison with its end proves. */
export const MAX_PACKET_OFF = 0xffff;
/** Iterations of bpf_loop. */
export const BPF_MAX_LOOPS = 8 * 1024 * 1024;
/** Bytes of stack below which a function stays on the common stack. */
export const BPF_PRIV_STACK_MIN_SIZE = 64;
/** Largest -errno that a pointer may hold. */
export const MAX_ERRNO = 4095;
/** Bytes of an object of bpf_percpu_obj_new. */
export const BPF_GLOBAL_PERCPU_MA_MAX_SIZE = 512;
