/** Attach points beyond their BTF: arguments that may be NULL, iterator arguments, LSM hooks, writable fields. */

/** Arguments of tracepoints that may be NULL, which their prototypes do not say (raw_tp_null_args). */
const NULLABLE: readonly (readonly [args: readonly number[], tracepoints: string])[] = [
  [
    [0],
    'mm_collapse_huge_page_isolate mm_page_alloc mm_page_alloc_zone_locked mm_page_pcpu_drain tmigr_update_events ' +
      'xfs_blockgc_flush_all xfs_blockgc_start xfs_blockgc_stop xfs_blockgc_worker xfs_defer_add_item ' +
      'xfs_defer_cancel_item xfs_defer_cancel_list xfs_defer_create_intent xfs_defer_finish_item ' +
      'xfs_defer_isolate_paused xfs_defer_item_pause xfs_defer_item_unpause xfs_defer_pending_abort ' +
      'xfs_defer_pending_finish xfs_defer_relog_intent xfs_fs_sync_fs xfs_inodegc_flush xfs_inodegc_push ' +
      'xfs_inodegc_queue xfs_inodegc_start xfs_inodegc_stop xfs_inodegc_throttle',
  ],
  [
    [1],
    'break_lease_block break_lease_noblock break_lease_unblock ext4_mballoc_discard ext4_mballoc_free fcntl_setlk ' +
      'flock_lock_inode folio_wait_writeback generic_delete_lease hugetlbfs_alloc_inode locks_remove_posix ' +
      'mm_khugepaged_collapse_file mm_khugepaged_scan_file mm_khugepaged_scan_pmd posix_lock_inode sched_pi_setprio ' +
      'time_out_leases writeback_dirty_folio xfs_blockgc_free_space xfs_ioc_free_eofblocks',
  ],
  [
    [2],
    'fib_table_lookup sched_stick_numa sched_swap_numa tcp_sendmsg_locked xfs_btree_overlapped_query_range ' +
      'xfs_btree_updkeys',
  ],
  [[3], 'kfree_skb qdisc_dequeue'],
  [[4], 'xfs_map_blocks_alloc xfs_map_blocks_found'],
  [[0, 1], 'tcp_send_reset'],
];

const NULLABLE_OF: ReadonlyMap<string, readonly number[]> = new Map(
  NULLABLE.flatMap(([args, names]) => names.split(' ').map((name) => [name, args] as const)),
);

/** Whether argument `arg` (from 0, without the data pointer) of a tracepoint may be NULL. */
export const tracepointArgMayBeNull = (tracepoint: string, arg: number): boolean =>
  NULLABLE_OF.get(tracepoint)?.includes(arg) === true;

/** An argument of an iterator: an object that may be NULL at the end, trusted or not, or a buffer. */
export type IterArg = 'trusted' | 'object' | 'rdonly-buf' | 'buf';

/** Arguments of each iterator target, by index; others have the types of their prototype (ctx_arg_info). */
const ITER_ARGS: Readonly<Record<string, Readonly<Record<number, IterArg>>>> = {
  bpf_link: { 1: 'object' },
  bpf_map: { 1: 'trusted' },
  bpf_map_elem: { 2: 'rdonly-buf', 3: 'buf' },
  bpf_prog: { 1: 'object' },
  bpf_sk_storage_map: { 2: 'object', 3: 'buf' },
  cgroup: { 1: 'trusted' },
  dmabuf: { 1: 'object' },
  ipv6_route: { 1: 'object' },
  kmem_cache: { 1: 'trusted' },
  ksym: { 1: 'object' },
  netlink: { 1: 'object' },
  sockmap: { 2: 'rdonly-buf', 3: 'object' },
  task: { 1: 'trusted' },
  task_file: { 1: 'object', 3: 'object' },
  task_vma: { 1: 'object', 2: 'object' },
  tcp: { 1: 'trusted' },
  udp: { 1: 'trusted' },
  unix: { 1: 'object' },
};

/** The arguments of an iterator target (`task` of `bpf_iter_task`), or undefined when there is no such target. */
export const iterArgs = (target: string): Readonly<Record<number, IterArg>> | undefined =>
  Object.hasOwn(ITER_ARGS, target) ? ITER_ARGS[target] : undefined;

const lsm = (names: string): ReadonlySet<string> => new Set(names.split(' ').map((n) => `bpf_lsm_${n}`));

/** Hooks that no program may take (bpf_lsm_disabled_hooks). */
export const LSM_DISABLED = lsm(
  'vm_enough_memory inode_need_killpriv inode_getsecurity inode_listsecurity inode_copy_up_xattr getselfattr ' +
    'getprocattr setprocattr key_getsecurity audit_rule_match ismaclabel',
);

/** Hooks whose arguments may be on their way out of or into existence (untrusted_lsm_hooks). */
export const LSM_UNTRUSTED = lsm(
  'bpf_map_free bpf_prog_free file_alloc_security file_free_security sk_alloc_security sk_free_security task_free',
);

/** Hooks that are called where the kernel may sleep (sleepable_lsm_hooks). */
export const LSM_SLEEPABLE = lsm(
  'bpf bpf_map bpf_map_create bpf_map_free bpf_prog bpf_prog_load bpf_prog_free bpf_token_create bpf_token_free ' +
    'bpf_token_cmd bpf_token_capable bprm_check_security bprm_committed_creds bprm_committing_creds ' +
    'bprm_creds_for_exec bprm_creds_from_file capget capset cred_prepare file_ioctl file_lock file_open ' +
    'file_post_open file_receive inode_create inode_free_security inode_getattr inode_getxattr inode_mknod ' +
    'inode_need_killpriv inode_post_setxattr inode_post_removexattr inode_readlink inode_removexattr ' +
    'inode_remove_acl inode_rename inode_rmdir inode_set_acl inode_setattr inode_setxattr inode_symlink inode_unlink ' +
    'kernel_module_request kernel_read_file kernfs_init_security key_free mmap_file netlink_send path_notify ' +
    'path_unlink path_mkdir path_rmdir path_truncate path_symlink path_link path_rename path_chmod path_chown ' +
    'release_secctx sb_alloc_security sb_eat_lsm_opts sb_kern_mount sb_mount sb_remount sb_set_mnt_opts ' +
    'sb_show_options sb_statfs sb_umount settime socket_accept socket_bind socket_connect socket_create ' +
    'socket_getpeername socket_getpeersec_dgram socket_getsockname socket_getsockopt socket_listen ' +
    'socket_post_create socket_recvmsg socket_sendmsg socket_setsockopt socket_shutdown socket_socketpair syslog ' +
    'task_alloc task_getsecid_obj task_prctl task_setscheduler task_to_inode userns_create',
);

/** Functions that never return: nothing runs after them (noreturn_deny). */
export const NORETURN: ReadonlySet<string> = new Set([
  '__ia32_sys_exit',
  '__ia32_sys_exit_group',
  '__x64_sys_exit',
  '__x64_sys_exit_group',
  'do_exit',
  'do_group_exit',
  'kthread_complete_and_exit',
  'kthread_exit',
  'make_task_dead',
]);

/** Error injection points that are called where sleeping is not allowed (btf_non_sleepable_error_inject). */
const NEVER_SLEEP: ReadonlySet<string> = new Set(['__filemap_add_folio', 'should_fail_alloc_page', 'should_failslab']);
/** Functions that ask for fmod_ret programs, the kernel's own tests and multipath TCP's choice of protocol; the first may sleep. */
const MODIFIABLE: ReadonlySet<string> = new Set([
  'bpf_fentry_test1',
  'bpf_modify_return_test',
  'bpf_modify_return_test2',
  'bpf_modify_return_test_tp',
  'update_socket_protocol',
]);
const SYSCALL_ENTRY = /^__(x64|ia32|x32|arm64|arm|s390x?|riscv|se)_(compat_)?sys_/;

/** The result may be replaced for tests (ALLOW_ERROR_INJECTION): every system call, and the allocators' test points. */
const errorInjectable = (name: string): boolean =>
  SYSCALL_ENTRY.test(name) || name === 'should_fail_bio' || NEVER_SLEEP.has(name);

/** fentry, fexit and fmod_ret may sleep here. */
export const traceMaySleep = (name: string): boolean =>
  name === 'bpf_fentry_test1' || (errorInjectable(name) && !NEVER_SLEEP.has(name));

/** fmod_ret may replace the function's result. */
export const traceMayModify = (name: string): boolean =>
  name.startsWith('security_') || MODIFIABLE.has(name) || errorInjectable(name);

/** Members of kernel tables that programs cannot implement. */
const STRUCT_OPS_UNSUPPORTED: Readonly<Record<string, readonly string[]>> = {
  tcp_congestion_ops: ['get_info'],
  Qdisc_ops: [
    ...['peek', 'change', 'attach', 'change_tx_queue_len', 'change_real_num_tx', 'dump', 'dump_stats'],
    ...['ingress_block_set', 'egress_block_set', 'ingress_block_get', 'egress_block_get'],
  ],
};
/** Members that sleepable programs may implement, in tables that tell them apart. */
const STRUCT_OPS_SLEEPABLE: Readonly<Record<string, readonly string[]>> = { bpf_dummy_ops: ['test_sleepable'] };

export function structOpsMemberSupported(struct: string, member: string, sleepable: boolean): boolean {
  if (Object.hasOwn(STRUCT_OPS_UNSUPPORTED, struct) && STRUCT_OPS_UNSUPPORTED[struct].includes(member)) return false;
  return !sleepable || !Object.hasOwn(STRUCT_OPS_SLEEPABLE, struct) || STRUCT_OPS_SLEEPABLE[struct].includes(member);
}

/** Structs of connection tracking that XDP and tc programs hold, and the fields that they write (nf_conntrack_btf_struct_access). */
export const NF_CONN_STRUCTS: readonly string[] = ['nf_conn', 'nf_conn___init'];
export const NF_CONN_WRITABLE: readonly string[] = ['mark'];

/** Fields of struct tcp_sock that congestion control writes, as member paths (bpf_tcp_ca_btf_struct_access). */
export const TCP_CA_WRITABLE: readonly (readonly [struct: string, path: string])[] = [
  ['sock', 'sk_pacing_rate'],
  ['sock', 'sk_pacing_status'],
  ['inet_connection_sock', 'icsk_ca_priv'],
  ['inet_connection_sock', 'icsk_ack.pending'],
  ['tcp_sock', 'snd_cwnd'],
  ['tcp_sock', 'snd_cwnd_cnt'],
  ['tcp_sock', 'snd_cwnd_stamp'],
  ['tcp_sock', 'snd_ssthresh'],
  ['tcp_sock', 'ecn_flags'],
  ['tcp_sock', 'app_limited'],
];

/** Members of packets and queueing disciplines that struct Qdisc_ops programs write (bpf_qdisc_btf_struct_access). */
export const QDISC_WRITABLE: Readonly<Record<string, readonly string[]>> = {
  sk_buff: ['tstamp', 'cb'],
  Qdisc: ['limit', 'q.qlen', 'qstats'],
};
/** The part of a packet's `cb` that is theirs, and members that may be written from anywhere within. */
export const QDISC_CB = { struct: 'qdisc_skb_cb', member: 'data' } as const;
export const QDISC_WHOLE: ReadonlySet<string> = new Set(['cb', 'qstats']);

/** Fields of struct task_struct that a scheduler writes, as member paths (bpf_scx_btf_struct_access). */
export const SCHED_EXT_WRITABLE: readonly string[] = ['scx.slice', 'scx.dsq_vtime', 'scx.disallow'];
