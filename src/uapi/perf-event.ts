/** perf_event_open(2), as far as programs are attached through it. */

/** enum perf_type_id; types of other units are numbers that sysfs shows. */
export const PERF_TYPE = {
  PERF_TYPE_HARDWARE: 0,
  PERF_TYPE_SOFTWARE: 1,
  PERF_TYPE_TRACEPOINT: 2,
  PERF_TYPE_HW_CACHE: 3,
  PERF_TYPE_RAW: 4,
  PERF_TYPE_BREAKPOINT: 5,
} as const;

/** enum perf_sw_ids */
export const PERF_COUNT_SW = {
  PERF_COUNT_SW_CPU_CLOCK: 0,
  PERF_COUNT_SW_TASK_CLOCK: 1,
  PERF_COUNT_SW_PAGE_FAULTS: 2,
  PERF_COUNT_SW_CONTEXT_SWITCHES: 3,
  PERF_COUNT_SW_CPU_MIGRATIONS: 4,
  PERF_COUNT_SW_PAGE_FAULTS_MIN: 5,
  PERF_COUNT_SW_PAGE_FAULTS_MAJ: 6,
  PERF_COUNT_SW_ALIGNMENT_FAULTS: 7,
  PERF_COUNT_SW_EMULATION_FAULTS: 8,
  PERF_COUNT_SW_DUMMY: 9,
  PERF_COUNT_SW_BPF_OUTPUT: 10,
  PERF_COUNT_SW_CGROUP_SWITCHES: 11,
} as const;

/** Offsets of fields in struct perf_event_attr, bytes. */
export const PERF_ATTR_OFFSETS = {
  type: 0,
  size: 4,
  config: 8,
  sample_period: 16,
  flags: 40,
  config1: 56,
  config2: 64,
} as const;
/** PERF_ATTR_SIZE_VER5: bytes of the struct up to what is used of it. */
export const PERF_ATTR_SIZE = 112;

/** An event: struct perf_event_attr by its names, and the arguments beside it. What is left out is 0. */
export interface PerfEventAttr {
  /** {@link PERF_TYPE}, or the number in `type` of a unit's folder in sysfs. */
  type: number;
  /** Which event of the type: a tracepoint's number in tracefs, a counter, bits of the unit. */
  config?: bigint;
  /** Events between two samples; nanoseconds of clocks. */
  sample_period?: bigint;
  /** Samples a second, in place of a period. */
  sample_freq?: bigint;
  /** The function of a kprobe, or the file of a uprobe. */
  probe_name?: string;
  /** Bytes from the function's beginning, or from the file's. */
  probe_offset?: bigint;
  /** The address of a kprobe without a name. */
  probe_addr?: bigint;
  /** The process to watch, -1 for all. Default: -1. */
  pid?: number;
  /** The CPU to watch, -1 for all. Default: 0. */
  cpu?: number;
}

/** What a link to a perf event stands on: enum bpf_perf_event_type. */
export const BPF_PERF_EVENT_TYPE = {
  BPF_PERF_EVENT_UNSPEC: 0,
  BPF_PERF_EVENT_UPROBE: 1,
  BPF_PERF_EVENT_URETPROBE: 2,
  BPF_PERF_EVENT_KPROBE: 3,
  BPF_PERF_EVENT_KRETPROBE: 4,
  BPF_PERF_EVENT_TRACEPOINT: 5,
  BPF_PERF_EVENT_EVENT: 6,
} as const;
