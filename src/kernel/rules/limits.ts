/** Limits of the eBPF system in Linux 6.18. */
export const LIMITS = {
  /** MAX_BPF_STACK: bytes of stack of a call chain. */
  maxBpfStack: 512,
  /** Bytes per frame when subprograms and tail calls mix. */
  maxBpfStackTailCall: 256,
  /** MAX_CALL_FRAMES. */
  maxCallFrames: 8,
  /** BPF_COMPLEXITY_LIMIT_INSNS: processed instructions. */
  complexityInsns: 1_000_000,
  /** BPF_COMPLEXITY_LIMIT_JMP_SEQ: pending branches. */
  complexityJmpSeq: 8192,
  /** BPF_COMPLEXITY_LIMIT_STATES: states kept per instruction. */
  complexityStates: 64,
  /** BPF_MAXINSNS: program length without CAP_BPF. */
  maxInsnsUnprivileged: 4096,
  /** Program length with CAP_BPF. */
  maxInsns: 1_000_000,
  /** MAX_TAIL_CALL_CNT. */
  maxTailCalls: 33,
  /** MAX_USED_MAPS. */
  maxUsedMaps: 64,
  /** MAX_USED_BTFS. */
  maxUsedBtfs: 64,
  /** BPF_MAX_SUBPROGS. */
  maxSubprogs: 256,
  /** MAX_KFUNC_DESCS. */
  maxKfuncDescs: 256,
  /** MAX_KFUNC_BTFS. */
  maxKfuncBtfs: 256,
  /** BPF_MAX_LOOPS of bpf_loop. */
  maxLoops: 8 * 1024 * 1024,
  /** BPF_MAX_TIMED_LOOPS of may_goto. */
  maxTimedLoops: 0xffff,
  /** BPF_MAX_VAR_OFF. */
  maxVarOff: 1 << 29,
  /** BPF_MAX_VAR_SIZ. */
  maxVarSize: 1 << 29,
  /** MAX_PACKET_OFF. */
  maxPacketOff: 0xffff,
  /** MAX_BPF_FUNC_ARGS of a traced kernel function. */
  maxBpfFuncArgs: 12,
  /** MAX_BPF_FUNC_REG_ARGS. */
  maxBpfFuncRegArgs: 5,
  /** BPF_OBJ_NAME_LEN, the terminating zero included. */
  objNameLen: 16,
  /** BPF_ID_MAP_SIZE: ids compared when two states are. */
  idMapSize: 600,
  /** BTF_MAX_TYPE, BTF_MAX_NAME_OFFSET. */
  btfMaxType: 0x000fffff,
  btfMaxNameOffset: 0x00ffffff,
  /** BPF_GLOBAL_PERCPU_MA_MAX_SIZE: largest per-CPU object of bpf_percpu_obj_new. */
  percpuObjMaxSize: 512,
  /** BTF_FIELDS_MAX: special fields of one type. */
  btfFieldsMax: 11,
} as const;
