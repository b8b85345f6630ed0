/** Flags and small enumerations of include/uapi/linux/bpf.h (Linux 6.18): commands first, then what helpers take. */

// BPF_MAP_UPDATE_ELEM and friends.
/** MAP_UPDATE_ELEM and bpf_map_update_elem: an element is made or replaced. */
export const BPF_ANY = 0;
/** Updates: only when there is no such element; -EEXIST otherwise. */
export const BPF_NOEXIST = 1;
/** Updates: only when there is such an element; -ENOENT otherwise. Pushing to a full queue: the oldest value gives way. */
export const BPF_EXIST = 2;
/** Lookups and updates of elements: the value is copied under the bpf_spin_lock that it holds. */
export const BPF_F_LOCK = 4;

// BPF_MAP_CREATE map_flags.
/** MAP_CREATE: memory of elements is taken when they are made, not with the map. LPM tries and local storage need it. */
export const BPF_F_NO_PREALLOC = 1 << 0;
/** MAP_CREATE, LRU hash maps: each CPU has a list of its own instead of one that all share. */
export const BPF_F_NO_COMMON_LRU = 1 << 1;
/** MAP_CREATE: `numa_node` says where the memory is to lie. */
export const BPF_F_NUMA_NODE = 1 << 2;
/** MAP_CREATE, MAP_GET_FD_BY_ID, OBJ_GET: the descriptor only reads; commands that write give -EPERM. */
export const BPF_F_RDONLY = 1 << 3;
/** MAP_CREATE, MAP_GET_FD_BY_ID, OBJ_GET: the descriptor only writes; commands that read give -EPERM. */
export const BPF_F_WRONLY = 1 << 4;
/** MAP_CREATE, stack trace maps: frames are build ids with offsets, 32 bytes each, instead of addresses. */
export const BPF_F_STACK_BUILD_ID = 1 << 5;
/** MAP_CREATE, hash maps and bloom filters: hashes do not depend on a random seed. */
export const BPF_F_ZERO_SEED = 1 << 6;
/** MAP_CREATE: programs may only read values. With BPF_MAP_FREEZE the verifier takes an array for constants. */
export const BPF_F_RDONLY_PROG = 1 << 7;
/** MAP_CREATE: programs may only write values. */
export const BPF_F_WRONLY_PROG = 1 << 8;
/** MAP_CREATE, socket storage: a cloned socket gets a copy. */
export const BPF_F_CLONE = 1 << 9;
/** MAP_CREATE, arrays and arenas: user space may map the values (mmap). */
export const BPF_F_MMAPABLE = 1 << 10;
/** MAP_CREATE, perf event arrays: events stay when the descriptor that put them there is closed. */
export const BPF_F_PRESERVE_ELEMS = 1 << 11;
/** MAP_CREATE, arrays: as an inner map it may have another number of elements than the template. */
export const BPF_F_INNER_MAP = 1 << 12;
/** MAP_CREATE, struct_ops maps: the operations are registered by a link, not by an update. */
export const BPF_F_LINK = 1 << 13;
/** OBJ_PIN and OBJ_GET: `pathname` is relative to the directory `path_fd`. */
export const BPF_F_PATH_FD = 1 << 14;
/** MAP_CREATE, struct_ops maps: `value_type_btf_obj_fd` names the module that has the type. */
export const BPF_F_VTYPE_BTF_OBJ_FD = 1 << 15;
/** MAP_CREATE, PROG_LOAD, BTF_LOAD: a BPF token is passed, which stands for capabilities. */
export const BPF_F_TOKEN_FD = 1 << 16;
/** MAP_CREATE, arenas: a page that user space touches first is not made, the process gets SIGSEGV. */
export const BPF_F_SEGV_ON_FAULT = 1 << 17;
/** MAP_CREATE, arenas: pointers keep the addresses that programs see when they are stored. */
export const BPF_F_NO_USER_CONV = 1 << 18;

// BPF_PROG_LOAD prog_flags.
/** PROG_LOAD: every access must be aligned to its size, whatever the machine can do. */
export const BPF_F_STRICT_ALIGNMENT = 1 << 0;
/** PROG_LOAD: alignment is not checked. Programs without CAP_BPF on machines that need it cannot have it. */
export const BPF_F_ANY_ALIGNMENT = 1 << 1;
/** PROG_LOAD, for tests: upper halves of 32-bit results are filled with random bits where nobody reads them. */
export const BPF_F_TEST_RND_HI32 = 1 << 2;
/** PROG_LOAD, for tests: the verifier keeps a state at every place where it may. */
export const BPF_F_TEST_STATE_FREQ = 1 << 3;
/** PROG_LOAD: the program may sleep, so it may call helpers that do. */
export const BPF_F_SLEEPABLE = 1 << 4;
/** PROG_LOAD, XDP: the program takes packets in fragments. */
export const BPF_F_XDP_HAS_FRAGS = 1 << 5;
/** PROG_LOAD, XDP: bound to the device `prog_ifindex` for its metadata, but run by the CPU. */
export const BPF_F_XDP_DEV_BOUND_ONLY = 1 << 6;
/** PROG_LOAD, for tests: bounds of registers that contradict each other refuse the program. */
export const BPF_F_TEST_REG_INVARIANTS = 1 << 7;

// BPF_PROG_ATTACH, links.
/** PROG_ATTACH to a cgroup: a program of a descendant takes the place of this one. */
export const BPF_F_ALLOW_OVERRIDE = 1 << 0;
/** PROG_ATTACH to a cgroup: programs of descendants run beside this one. */
export const BPF_F_ALLOW_MULTI = 1 << 1;
/** PROG_ATTACH and LINK_UPDATE: the program that is named takes the place of the old one, which must be as it is said. */
export const BPF_F_REPLACE = 1 << 2;
/** Attaching to a list of programs: before the one that `relative_fd` or the id names; first without one. */
export const BPF_F_BEFORE = 1 << 3;
/** Attaching to a list of programs: behind the one that is named; last without one. */
export const BPF_F_AFTER = 1 << 4;
/** Attaching to a list of programs: the other program is named by its id, not by a descriptor. */
export const BPF_F_ID = 1 << 5;
/** PROG_ATTACH to a cgroup: the program runs before those of descendants. */
export const BPF_F_PREORDER = 1 << 6;
/** LINK_CREATE of kprobe_multi: the program runs when the functions return. */
export const BPF_F_KPROBE_MULTI_RETURN = 1 << 0;
/** LINK_CREATE of uprobe_multi: the program runs when the functions return. */
export const BPF_F_UPROBE_MULTI_RETURN = 1 << 0;
/** PROG_QUERY of a cgroup: all programs that run, those of ancestors included. */
export const BPF_F_QUERY_EFFECTIVE = 1 << 0;

// BPF_PROG_TEST_RUN flags.
/** PROG_TEST_RUN of raw tracepoints: on the CPU that `cpu` names. */
export const BPF_F_TEST_RUN_ON_CPU = 1 << 0;
/** PROG_TEST_RUN of XDP: verdicts are carried out, so packets are sent or reach the stack. */
export const BPF_F_TEST_XDP_LIVE_FRAMES = 1 << 1;
/** PROG_TEST_RUN of programs with sk_buff: the packet comes with the checksum of all of it. */
export const BPF_F_TEST_SKB_CHECKSUM_COMPLETE = 1 << 2;

// bpf_skb_store_bytes.
/** bpf_skb_store_bytes: the checksum of the packet follows the bytes. */
export const BPF_F_RECOMPUTE_CSUM = 1 << 0;
/** bpf_skb_store_bytes: the hash of the packet is computed anew when it is next asked for. */
export const BPF_F_INVALIDATE_HASH = 1 << 1;
// bpf_l3_csum_replace, bpf_l4_csum_replace.
/** bpf_l3_csum_replace and bpf_l4_csum_replace: bytes of the field, 0, 2 or 4, in the lowest four bits. */
export const BPF_F_HDR_FIELD_MASK = 0xf;
/** bpf_l4_csum_replace: the field is part of the pseudo header as well. */
export const BPF_F_PSEUDO_HDR = 1 << 4;
/** bpf_l4_csum_replace: a checksum of 0, which stands for none in UDP, is left alone, and a result of 0 becomes 0xffff. */
export const BPF_F_MARK_MANGLED_0 = 1 << 5;
/** bpf_l4_csum_replace: with BPF_F_MARK_MANGLED_0, a checksum of 0 is computed all the same. */
export const BPF_F_MARK_ENFORCE = 1 << 6;
/** bpf_l4_csum_replace: the pseudo header is that of IPv6. */
export const BPF_F_IPV6 = 1 << 7;
// Tunnel keys.
/** bpf_skb_set_tunnel_key and bpf_skb_get_tunnel_key: addresses are those of IPv6. */
export const BPF_F_TUNINFO_IPV6 = 1 << 0;
/** bpf_skb_set_tunnel_key: the outer UDP header has no checksum. */
export const BPF_F_ZERO_CSUM_TX = 1 << 1;
/** bpf_skb_set_tunnel_key: the outer packet must not be fragmented. */
export const BPF_F_DONT_FRAGMENT = 1 << 2;
/** bpf_skb_set_tunnel_key: packets of the tunnel are numbered. */
export const BPF_F_SEQ_NUMBER = 1 << 3;
/** bpf_skb_set_tunnel_key: the tunnel header has no key. */
export const BPF_F_NO_TUNNEL_KEY = 1 << 4;
/** bpf_skb_get_tunnel_key: `tunnel_flags` is filled in. */
export const BPF_F_TUNINFO_FLAGS = 1 << 4;
// bpf_get_stackid, bpf_get_stack.
/** bpf_get_stackid and bpf_get_stack: frames that are left out, in the lowest eight bits. */
export const BPF_F_SKIP_FIELD_MASK = 0xff;
/** bpf_get_stackid and bpf_get_stack: the stack of user space instead of the kernel. */
export const BPF_F_USER_STACK = 1 << 8;
/** bpf_get_stackid: stacks are the same when their hashes are. */
export const BPF_F_FAST_STACK_CMP = 1 << 9;
/** bpf_get_stackid: of two stacks with one hash the new one stays. */
export const BPF_F_REUSE_STACKID = 1 << 10;
/** bpf_get_stack: frames of user space are build ids with offsets. */
export const BPF_F_USER_BUILD_ID = 1 << 11;
// Perf event arrays: low and high word of the 64-bit flags.
/** bpf_perf_event_output and relatives: the index of the event, in the lower half of the flags. */
export const BPF_F_INDEX_MASK = 0xffff_ffff;
/** bpf_perf_event_output and relatives: the event of the CPU that runs the program. */
export const BPF_F_CURRENT_CPU = 0xffff_ffff;
/** In the upper 32 bits of the flags. */
export const BPF_F_CTXLEN_MASK_HI = 0xfffff;
/** bpf_sk_lookup_tcp and relatives: the network namespace of the context. */
export const BPF_F_CURRENT_NETNS = -1;
// bpf_csum_level.
/** bpf_csum_level: gives the number of checksums that are known to be good. */
export const BPF_CSUM_LEVEL_QUERY = 0;
/** bpf_csum_level: one more checksum is known to be good. */
export const BPF_CSUM_LEVEL_INC = 1;
/** bpf_csum_level: one fewer. */
export const BPF_CSUM_LEVEL_DEC = 2;
/** bpf_csum_level: nothing is known of the checksums any more. */
export const BPF_CSUM_LEVEL_RESET = 3;
// bpf_skb_adjust_room.
/** bpf_skb_adjust_room: room is made behind the network header. */
export const BPF_ADJ_ROOM_NET = 0;
/** bpf_skb_adjust_room: room is made behind the link layer header. */
export const BPF_ADJ_ROOM_MAC = 1;
/** bpf_skb_adjust_room: the size of segments stays. */
export const BPF_F_ADJ_ROOM_FIXED_GSO = 1 << 0;
/** bpf_skb_adjust_room: the new room is for an outer IPv4 header. */
export const BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 = 1 << 1;
/** bpf_skb_adjust_room: the new room is for an outer IPv6 header. */
export const BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 = 1 << 2;
/** bpf_skb_adjust_room: with an outer IP header, the tunnel is GRE. */
export const BPF_F_ADJ_ROOM_ENCAP_L4_GRE = 1 << 3;
/** bpf_skb_adjust_room: with an outer IP header, the tunnel is one over UDP. */
export const BPF_F_ADJ_ROOM_ENCAP_L4_UDP = 1 << 4;
/** bpf_skb_adjust_room: what is known of checksums stays. */
export const BPF_F_ADJ_ROOM_NO_CSUM_RESET = 1 << 5;
/** bpf_skb_adjust_room: the inner link layer header is that of Ethernet. */
export const BPF_F_ADJ_ROOM_ENCAP_L2_ETH = 1 << 6;
/** bpf_skb_adjust_room: shrinking leaves an IPv4 packet. */
export const BPF_F_ADJ_ROOM_DECAP_L3_IPV4 = 1 << 7;
/** bpf_skb_adjust_room: shrinking leaves an IPv6 packet. */
export const BPF_F_ADJ_ROOM_DECAP_L3_IPV6 = 1 << 8;
// Ring buffer.
/** bpf_ringbuf_output, _submit and _discard: the reader is not woken. */
export const BPF_RB_NO_WAKEUP = 1 << 0;
/** bpf_ringbuf_output, _submit and _discard: the reader is woken even when it has more to read. */
export const BPF_RB_FORCE_WAKEUP = 1 << 1;
/** bpf_ringbuf_query: bytes that have not been read. */
export const BPF_RB_AVAIL_DATA = 0;
/** bpf_ringbuf_query: bytes of the ring. */
export const BPF_RB_RING_SIZE = 1;
/** bpf_ringbuf_query: position of the reader, in bytes since the ring was made. */
export const BPF_RB_CONS_POS = 2;
/** bpf_ringbuf_query: position of the writers, in bytes since the ring was made. */
export const BPF_RB_PROD_POS = 3;
/** Length word of a record in a ring buffer: it is still being written. */
export const BPF_RINGBUF_BUSY_BIT = 0x8000_0000;
/** Length word of a record in a ring buffer: readers are to skip it. */
export const BPF_RINGBUF_DISCARD_BIT = 0x4000_0000;
/** Bytes of the header before each record in a ring buffer. */
export const BPF_RINGBUF_HDR_SZ = 8;
// Redirects.
/** bpf_redirect, bpf_clone_redirect and redirects of sockets: the packet is received there, not sent. */
export const BPF_F_INGRESS = 1 << 0;
/** bpf_redirect_map: to every device of the map. */
export const BPF_F_BROADCAST = 1 << 3;
/** bpf_redirect_map: with BPF_F_BROADCAST, not to the device that the packet came from. */
export const BPF_F_EXCLUDE_INGRESS = 1 << 4;
/** Kept for itself by the kernel: redirects that resolve the neighbour (bpf_redirect_neigh). */
export const BPF_F_NEIGH = 1 << 16;
/** Kept for itself by the kernel: redirects to the peer of a device (bpf_redirect_peer). */
export const BPF_F_PEER = 1 << 17;
/** Kept for itself by the kernel: the next hop was given by the program. */
export const BPF_F_NEXTHOP = 1 << 18;
// Others.
/** bpf_sysctl_get_name: the last part of the name alone. */
export const BPF_F_SYSCTL_BASE_NAME = 1 << 0;
/** bpf_sk_storage_get and relatives: storage that does not exist is made. */
export const BPF_LOCAL_STORAGE_GET_F_CREATE = 1 << 0;
/** bpf_read_branch_records: gives the bytes that all records need, and copies none. */
export const BPF_F_GET_BRANCH_RECORDS_SIZE = 1 << 0;
/** bpf_sk_assign of sk_lookup programs: takes the place of a socket that was chosen before. */
export const BPF_SK_LOOKUP_F_REPLACE = 1 << 0;
/** bpf_sk_assign of sk_lookup programs: no other socket of the group is chosen afterwards. */
export const BPF_SK_LOOKUP_F_NO_REUSEPORT = 1 << 1;
/** bpf_bprm_opts_set: the new program runs in secure mode (AT_SECURE). */
export const BPF_F_BPRM_SECUREEXEC = 1 << 0;
/** bpf_timer_start: the time is one of the clock, not one from now. */
export const BPF_F_TIMER_ABS = 1 << 0;
/** bpf_timer_start: the callback runs on the CPU that started the timer. */
export const BPF_F_TIMER_CPU_PIN = 1 << 1;
/** bpf_copy_from_user_str and relatives: the rest of the buffer is filled with zeros. */
export const BPF_F_PAD_ZEROS = 1 << 0;
/** bpf_load_hdr_opt: options are looked for in the SYN that began the connection. */
export const BPF_LOAD_HDR_OPT_TCP_SYN = 1 << 0;
/** Netfilter links: packets are put together again before the program sees them. */
export const BPF_F_NETFILTER_IP_DEFRAG = 1 << 0;
/** ENABLE_STATS: number and time of the runs of all programs. */
export const BPF_STATS_RUN_TIME = 0;

/** Values that an XDP program returns (enum xdp_action). */
export const XDP_ACTION = { XDP_ABORTED: 0, XDP_DROP: 1, XDP_PASS: 2, XDP_TX: 3, XDP_REDIRECT: 4 } as const;

/** Values that a sched_cls program returns with direct action. */
export const TC_ACT = {
  TC_ACT_UNSPEC: -1,
  TC_ACT_OK: 0,
  TC_ACT_RECLASSIFY: 1,
  TC_ACT_SHOT: 2,
  TC_ACT_PIPE: 3,
  TC_ACT_STOLEN: 4,
  TC_ACT_QUEUED: 5,
  TC_ACT_REPEAT: 6,
  TC_ACT_REDIRECT: 7,
  TC_ACT_TRAP: 8,
} as const;

/** Bytes of an object's name with its terminator. */
export const BPF_OBJ_NAME_LEN = 16;
/** Bytes of a program's tag. */
export const BPF_TAG_SIZE = 8;
