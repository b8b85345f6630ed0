/** Typed attributes of bpf(2): union bpf_attr with Uint8Array where the kernel takes a pointer. Outputs are written back into the object. */
import type { BPF_CMD } from '../cmd.ts';
import type { EmbeddedProgram, MappedPages, PerfRing } from '../embedded.ts';
import type { FileCalls } from '../files.ts';
import type { InfoKind } from '../info-layout.ts';
import type { PerfEventAttr } from '../perf-event.ts';

/** Attribute of BPF_MAP_CREATE; sizes in bytes. */
export interface MapCreateAttr {
  map_type: number;
  key_size: number;
  value_size: number;
  max_entries: number;
  map_flags?: number;
  inner_map_fd?: number;
  numa_node?: number;
  map_name?: string;
  map_ifindex?: number;
  btf_fd?: number;
  btf_key_type_id?: number;
  btf_value_type_id?: number;
  btf_vmlinux_value_type_id?: number;
  map_extra?: bigint;
  value_type_btf_obj_fd?: number;
  map_token_fd?: number;
  excl_prog_hash?: Uint8Array;
  /** Output of the embedded kernel: what it lacks to make a map that the real one makes (-EOPNOTSUPP). */
  unsupported?: string;
}
/** Attribute of commands on one element. */
export interface MapElemAttr {
  map_fd: number;
  key?: Uint8Array;
  /** Input of UPDATE, output of LOOKUP and LOOKUP_AND_DELETE. */
  value?: Uint8Array;
  /** Output of GET_NEXT_KEY. */
  next_key?: Uint8Array;
  flags?: bigint;
}
/** Attribute of the batch commands. */
export interface MapBatchAttr {
  batch: {
    in_batch?: Uint8Array;
    out_batch?: Uint8Array;
    keys?: Uint8Array;
    values?: Uint8Array;
    /** In: capacity in elements. Out: elements done. */
    count: number;
    map_fd: number;
    elem_flags?: bigint;
    flags?: bigint;
  };
}
/** Attribute of BPF_MAP_FREEZE. */
export interface MapFdAttr {
  map_fd: number;
}
/** Attribute of BPF_PROG_LOAD. */
export interface ProgLoadAttr {
  prog_type: number;
  /** Instructions in their 8-byte encoding. */
  insns: Uint8Array;
  license: string;
  log_level?: number;
  /** Filled with NUL-terminated text; its length is log_size. */
  log_buf?: Uint8Array;
  /** Output: bytes that the whole log needs. */
  log_true_size?: number;
  kern_version?: number;
  prog_flags?: number;
  prog_name?: string;
  prog_ifindex?: number;
  expected_attach_type?: number;
  prog_btf_fd?: number;
  /** Records of .BTF.ext, concatenated, offsets in instructions. */
  func_info_rec_size?: number;
  func_info?: Uint8Array;
  line_info_rec_size?: number;
  line_info?: Uint8Array;
  attach_btf_id?: number;
  attach_prog_fd?: number;
  attach_btf_obj_fd?: number;
  /** File descriptors, 32-bit little-endian each. */
  fd_array?: Uint8Array;
  fd_array_cnt?: number;
  core_relo_rec_size?: number;
  core_relos?: Uint8Array;
  prog_token_fd?: number;
  signature?: Uint8Array;
  keyring_id?: number;
  /** Output of the embedded kernel: what it lacks to load a program that the real one loads (-EOPNOTSUPP). */
  unsupported?: string;
}
/** Attribute of BPF_BTF_LOAD. */
export interface BtfLoadAttr {
  btf: Uint8Array;
  btf_log_buf?: Uint8Array;
  btf_log_level?: number;
  btf_log_true_size?: number;
  btf_flags?: number;
  btf_token_fd?: number;
}
/** Attribute of BPF_PROG_TEST_RUN. */
export interface TestRunAttr {
  test: {
    prog_fd: number;
    /** Output: r0, low 32 bits, unsigned. */
    retval?: number;
    data_in?: Uint8Array;
    data_out?: Uint8Array;
    /** Output: bytes that the program left, which may exceed data_out. */
    data_size_out?: number;
    repeat?: number;
    /** Output: mean of one run, nanoseconds. */
    duration?: number;
    ctx_in?: Uint8Array;
    ctx_out?: Uint8Array;
    ctx_size_out?: number;
    flags?: number;
    cpu?: number;
    batch_size?: number;
    /** Output of the embedded kernel: why a run was refused, or stopped where the real one would have gone on (-EINTR). */
    aborted?: string;
  };
}
/** Attribute of BPF_OBJ_GET_INFO_BY_FD. */
export interface InfoAttr {
  info: {
    bpf_fd: number;
    /** Buffer for struct bpf_prog_info, bpf_map_info, bpf_btf_info or bpf_link_info, filled in its binary layout. */
    info: Uint8Array;
    /** Output: bytes that the kernel knows of. */
    info_len?: number;
    /** Which struct it is; needed with `buffers`. */
    kind?: InfoKind;
    /** Buffers for the struct's pointer fields, by field name; their lengths become the count fields. Outputs. */
    buffers?: Record<string, Uint8Array>;
  };
}
/** Attribute of the commands on ids. */
export interface IdAttr {
  start_id?: number;
  prog_id?: number;
  map_id?: number;
  btf_id?: number;
  link_id?: number;
  /** Output of *_GET_NEXT_ID. */
  next_id?: number;
  open_flags?: number;
  fd_by_id_token_fd?: number;
}

/** Attribute of BPF_RAW_TRACEPOINT_OPEN. */
export interface RawTracepointAttr {
  raw_tracepoint: {
    /** The tracepoint; absent for programs whose target was named when they were loaded. */
    name?: string;
    prog_fd: number;
    /** The value of bpf_get_attach_cookie. */
    cookie?: bigint;
    /** Output of the embedded kernel: what it lacks to attach a program that the real one attaches (-EOPNOTSUPP). */
    unsupported?: string;
  };
}
/** Attribute of BPF_LINK_CREATE. Of the structs at its end a hook takes its own alone. */
export interface LinkCreateAttr {
  link_create: {
    /** The program; `map_fd`, a struct_ops map, stands in the same place. */
    prog_fd?: number;
    map_fd?: number;
    /** What it is attached to; `target_ifindex`, a device, stands in the same place. */
    target_fd?: number;
    target_ifindex?: number;
    attach_type: number;
    flags?: number;
    /** Iterators: union bpf_iter_link_info. */
    iter?: { iter_info?: Uint8Array };
    perf_event?: { bpf_cookie?: bigint };
    /** Functions by names or by addresses; addresses and cookies 64-bit little-endian each, as many as functions. */
    kprobe_multi?: { flags?: number; syms?: readonly string[]; addrs?: Uint8Array; cookies?: Uint8Array };
    tracing?: { target_btf_id?: number; cookie?: bigint };
    netfilter?: { pf?: number; hooknum?: number; priority?: number; flags?: number };
    tcx?: RelativeLink;
    /** Offsets in the file, in bytes; those, offsets of semaphores and cookies 64-bit little-endian each, as many as offsets. */
    uprobe_multi?: {
      path?: string;
      offsets?: Uint8Array;
      ref_ctr_offsets?: Uint8Array;
      cookies?: Uint8Array;
      flags?: number;
      pid?: number;
    };
    netkit?: RelativeLink;
    cgroup?: RelativeLink;
    /** Output of the embedded kernel: what it lacks to attach a program that the real one attaches (-EOPNOTSUPP). */
    unsupported?: string;
  };
}
/** Where a program stands among others of one hook. */
export interface RelativeLink {
  relative_fd?: number;
  expected_revision?: bigint;
}
/** Attribute of BPF_LINK_UPDATE. */
export interface LinkUpdateAttr {
  link_update: {
    link_fd: number;
    new_prog_fd: number;
    /** BPF_F_REPLACE: only when `old_prog_fd` is what is attached. */
    flags?: number;
    old_prog_fd?: number;
  };
}
/** Attribute of BPF_LINK_DETACH. */
export interface LinkDetachAttr {
  link_detach: { link_fd: number };
}
/** Attribute of BPF_OBJ_PIN. */
export interface ObjPinAttr {
  /** A path in a BPF file system. */
  pathname: string;
  bpf_fd: number;
  /** BPF_F_PATH_FD: `pathname` begins at the directory `path_fd`. */
  file_flags?: number;
  path_fd?: number;
  /** Output of the embedded kernel: what it lacks (-EOPNOTSUPP). */
  unsupported?: string;
}
/** Attribute of BPF_OBJ_GET. */
export interface ObjGetAttr {
  pathname: string;
  /** Must be 0. */
  bpf_fd?: number;
  /** BPF_F_RDONLY or BPF_F_WRONLY of maps; BPF_F_PATH_FD as in {@link ObjPinAttr}. */
  file_flags?: number;
  path_fd?: number;
  /** Output of the embedded kernel: what it lacks (-EOPNOTSUPP). */
  unsupported?: string;
}
/** Attribute of BPF_PROG_ATTACH and BPF_PROG_DETACH. */
export interface ProgAttachAttr {
  /** What the program is put on; `target_ifindex`, a device, stands in the same place. */
  target_fd?: number;
  target_ifindex?: number;
  attach_bpf_fd?: number;
  attach_type: number;
  attach_flags?: number;
  replace_bpf_fd?: number;
  /** Before or behind which program; `relative_id` stands in the same place. */
  relative_fd?: number;
  relative_id?: number;
  expected_revision?: bigint;
  /** Output of the embedded kernel: what it lacks to attach a program that the real one attaches (-EOPNOTSUPP). */
  unsupported?: string;
}
/** Attribute of BPF_PROG_QUERY. Buffers take 32-bit numbers, little-endian. */
export interface ProgQueryAttr {
  query: {
    target_fd?: number;
    target_ifindex?: number;
    attach_type: number;
    query_flags?: number;
    /** Output. */
    attach_flags?: number;
    prog_ids?: Uint8Array;
    /** In: room of the buffers, in numbers. Out: programs that there are. */
    count?: number;
    prog_attach_flags?: Uint8Array;
    link_ids?: Uint8Array;
    link_attach_flags?: Uint8Array;
    /** Output. */
    revision?: bigint;
    /** Output of the embedded kernel: what it lacks to tell (-EOPNOTSUPP). */
    unsupported?: string;
  };
}
/** Attribute of BPF_TASK_FD_QUERY. */
export interface TaskFdQueryAttr {
  task_fd_query: {
    pid: number;
    fd: number;
    flags?: number;
    /** Out: length of the name, without its NUL. */
    buf_len?: number;
    /** Gets the name of the tracepoint, function or file, and a NUL. */
    buf?: Uint8Array;
    /** Outputs. */
    prog_id?: number;
    fd_type?: number;
    probe_offset?: bigint;
    probe_addr?: bigint;
  };
}
/** Attribute of BPF_ENABLE_STATS. */
export interface EnableStatsAttr {
  enable_stats: { type: number };
}
/** Attribute of BPF_ITER_CREATE. */
export interface IterCreateAttr {
  iter_create: {
    link_fd: number;
    flags?: number;
    /** Output of the embedded kernel: what it lacks to read what the real one reads (-EOPNOTSUPP). */
    unsupported?: string;
  };
}
/** Attribute of BPF_PROG_BIND_MAP. */
export interface ProgBindMapAttr {
  prog_bind_map: { prog_fd: number; map_fd: number; flags?: number };
}
/** Attribute of BPF_TOKEN_CREATE. */
export interface TokenCreateAttr {
  token_create: { flags?: number; bpffs_fd: number };
}
/** Attribute of BPF_PROG_STREAM_READ_BY_FD, which gives the bytes that it read. */
export interface ProgStreamReadAttr {
  prog_stream_read: { stream_buf: Uint8Array; stream_id: number; prog_fd: number };
}

/** The attribute type of each command. */
export interface BpfAttrs {
  [BPF_CMD.BPF_MAP_CREATE]: MapCreateAttr;
  [BPF_CMD.BPF_MAP_LOOKUP_ELEM]: MapElemAttr;
  [BPF_CMD.BPF_MAP_UPDATE_ELEM]: MapElemAttr;
  [BPF_CMD.BPF_MAP_DELETE_ELEM]: MapElemAttr;
  [BPF_CMD.BPF_MAP_GET_NEXT_KEY]: MapElemAttr;
  [BPF_CMD.BPF_MAP_LOOKUP_AND_DELETE_ELEM]: MapElemAttr;
  [BPF_CMD.BPF_MAP_LOOKUP_BATCH]: MapBatchAttr;
  [BPF_CMD.BPF_MAP_LOOKUP_AND_DELETE_BATCH]: MapBatchAttr;
  [BPF_CMD.BPF_MAP_UPDATE_BATCH]: MapBatchAttr;
  [BPF_CMD.BPF_MAP_DELETE_BATCH]: MapBatchAttr;
  [BPF_CMD.BPF_MAP_FREEZE]: MapFdAttr;
  [BPF_CMD.BPF_PROG_LOAD]: ProgLoadAttr;
  [BPF_CMD.BPF_BTF_LOAD]: BtfLoadAttr;
  [BPF_CMD.BPF_PROG_TEST_RUN]: TestRunAttr;
  [BPF_CMD.BPF_OBJ_PIN]: ObjPinAttr;
  [BPF_CMD.BPF_OBJ_GET]: ObjGetAttr;
  [BPF_CMD.BPF_PROG_ATTACH]: ProgAttachAttr;
  [BPF_CMD.BPF_PROG_DETACH]: ProgAttachAttr;
  [BPF_CMD.BPF_PROG_QUERY]: ProgQueryAttr;
  [BPF_CMD.BPF_TASK_FD_QUERY]: TaskFdQueryAttr;
  [BPF_CMD.BPF_ENABLE_STATS]: EnableStatsAttr;
  [BPF_CMD.BPF_ITER_CREATE]: IterCreateAttr;
  [BPF_CMD.BPF_PROG_BIND_MAP]: ProgBindMapAttr;
  [BPF_CMD.BPF_TOKEN_CREATE]: TokenCreateAttr;
  [BPF_CMD.BPF_PROG_STREAM_READ_BY_FD]: ProgStreamReadAttr;
  [BPF_CMD.BPF_RAW_TRACEPOINT_OPEN]: RawTracepointAttr;
  [BPF_CMD.BPF_LINK_CREATE]: LinkCreateAttr;
  [BPF_CMD.BPF_LINK_UPDATE]: LinkUpdateAttr;
  [BPF_CMD.BPF_LINK_DETACH]: LinkDetachAttr;
  [BPF_CMD.BPF_OBJ_GET_INFO_BY_FD]: InfoAttr;
  [BPF_CMD.BPF_PROG_GET_NEXT_ID]: IdAttr;
  [BPF_CMD.BPF_MAP_GET_NEXT_ID]: IdAttr;
  [BPF_CMD.BPF_BTF_GET_NEXT_ID]: IdAttr;
  [BPF_CMD.BPF_LINK_GET_NEXT_ID]: IdAttr;
  [BPF_CMD.BPF_LINK_GET_FD_BY_ID]: IdAttr;
  [BPF_CMD.BPF_PROG_GET_FD_BY_ID]: IdAttr;
  [BPF_CMD.BPF_MAP_GET_FD_BY_ID]: IdAttr;
  [BPF_CMD.BPF_BTF_GET_FD_BY_ID]: IdAttr;
}

/** Traits of a kernel by which its user side sizes buffers and resolves types. */
export interface KernelTraits {
  /** CPUs that there can be: per-CPU values hold one for each. */
  readonly possibleCpus: number;
  readonly pageSize: number;
  /** Its own types (BTF), undefined where it shows none; read when first asked for. */
  readonly types: { readonly bytes: Uint8Array } | undefined;
}

/** The one door to a kernel, embedded or real: returns a file descriptor or 0, or `-errno`. Never throws for a fault of the caller. */
export interface BpfSyscall {
  /** The kernel behind this door. */
  readonly kernel: KernelTraits;
  bpf<C extends keyof BpfAttrs>(cmd: C, attr: BpfAttrs[C]): number;
  /** Closes a file descriptor: 0 or -EBADF. */
  close(fd: number): number;
  /** The program behind a descriptor, where the kernel is in this process; undefined when the descriptor is no program's. */
  program?(fd: number): EmbeddedProgram | undefined;
  /**
   * Shares pages of a map: `offset` and `length` in bytes, multiples of the page size. -errno when the map has none to share.
   * Pages that are not `writable` must not be written to.
   */
  mmap?(fd: number, offset: number, length: number, writable: boolean): MappedPages | number;
  /** Files of the kernel: directories of BPF file systems, and pins. Absent where there are none. */
  readonly files?: FileCalls;
  /** perf_event_open(2): a descriptor or -errno. */
  perfEventOpen?(attr: PerfEventAttr): number;
  /** The text of a file that the kernel shows (procfs, sysfs, tracefs), or -errno. */
  readText?(path: string): string | number;
  /** read(2): the next bytes, at most `size`; none at the end. Or -errno. */
  read?(fd: number, size: number): Uint8Array | number;
  /** Symbols of a binary by name, with their offsets in the file; or -errno. */
  symbolsOf?(path: string): Readonly<Record<string, number>> | number;
  /** Opens a ring of `bytes` for one CPU's samples and puts it into a perf event array, at the CPU's index; -errno when it cannot be. */
  perfRing?(mapFd: number, cpu: number, bytes: number): PerfRing | number;
}
