/** Kfuncs of schedulers (struct sched_ext_ops) that are written in BPF. */
import type { VersionName } from '../../version.ts';
import {
  KF_ACQUIRE,
  KF_ITER_DESTROY,
  KF_ITER_NEW,
  KF_ITER_NEXT,
  KF_RCU,
  KF_RCU_PROTECTED,
  KF_RELEASE,
  KF_RET_NULL,
  KF_SLEEPABLE,
  KF_TRUSTED_ARGS,
  type KfuncHook,
  type KfuncTable,
} from './row.ts';

const OPS: readonly KfuncHook[] = ['struct_ops'];
/** What is asked from outside of the scheduler's own calls as well. */
const OPS_AND_SYSCALL: readonly KfuncHook[] = ['struct_ops', 'syscall'];
const ANYWHERE: readonly KfuncHook[] = ['struct_ops', 'tracing', 'syscall'];

const scheduler = (since: VersionName, flags: number, hooks: readonly KfuncHook[], names: string): KfuncTable =>
  Object.fromEntries(
    names.split(' ').map((name) => [name, { since, flags, hooks, config: 'CONFIG_SCHED_CLASS_EXT' as const }]),
  );

export const SCHED_KFUNCS: KfuncTable = {
  ...scheduler('6.12', KF_RCU, OPS_AND_SYSCALL, 'scx_bpf_select_cpu_dfl'),
  ...scheduler('6.16', KF_RCU, OPS_AND_SYSCALL, 'scx_bpf_select_cpu_and'),
  ...scheduler('6.13', KF_RCU, OPS, 'scx_bpf_dsq_insert scx_bpf_dsq_insert_vtime'),
  ...scheduler('6.12', 0, OPS, 'scx_bpf_dispatch_nr_slots scx_bpf_dispatch_cancel scx_bpf_reenqueue_local'),
  ...scheduler('6.13', 0, OPS, 'scx_bpf_dsq_move_to_local'),
  ...scheduler('6.13', KF_RCU, OPS_AND_SYSCALL, 'scx_bpf_dsq_move scx_bpf_dsq_move_vtime'),
  ...scheduler('6.13', KF_RCU, OPS_AND_SYSCALL, 'scx_bpf_dsq_move_set_slice scx_bpf_dsq_move_set_vtime'),
  ...scheduler('6.12', KF_SLEEPABLE, OPS_AND_SYSCALL, 'scx_bpf_create_dsq'),

  ...scheduler('6.12', 0, ANYWHERE, 'scx_bpf_kick_cpu scx_bpf_dsq_nr_queued scx_bpf_destroy_dsq'),
  ...scheduler('6.12', KF_ITER_NEW | KF_RCU_PROTECTED, ANYWHERE, 'bpf_iter_scx_dsq_new'),
  ...scheduler('6.12', KF_ITER_NEXT | KF_RET_NULL, ANYWHERE, 'bpf_iter_scx_dsq_next'),
  ...scheduler('6.12', KF_ITER_DESTROY, ANYWHERE, 'bpf_iter_scx_dsq_destroy'),
  ...scheduler('6.12', KF_TRUSTED_ARGS, ANYWHERE, 'scx_bpf_exit_bstr scx_bpf_error_bstr scx_bpf_dump_bstr'),
  ...scheduler('6.12', 0, ANYWHERE, 'scx_bpf_cpuperf_cap scx_bpf_cpuperf_cur scx_bpf_cpuperf_set scx_bpf_nr_cpu_ids'),
  ...scheduler('6.15', 0, ANYWHERE, 'scx_bpf_nr_node_ids scx_bpf_cpu_node'),
  ...scheduler('6.12', KF_ACQUIRE, ANYWHERE, 'scx_bpf_get_possible_cpumask scx_bpf_get_online_cpumask'),
  ...scheduler('6.12', KF_ACQUIRE, ANYWHERE, 'scx_bpf_get_idle_cpumask scx_bpf_get_idle_smtmask'),
  ...scheduler('6.15', KF_ACQUIRE, ANYWHERE, 'scx_bpf_get_idle_cpumask_node scx_bpf_get_idle_smtmask_node'),
  ...scheduler('6.12', KF_RELEASE, ANYWHERE, 'scx_bpf_put_cpumask scx_bpf_put_idle_cpumask'),
  ...scheduler('6.12', KF_RCU, ANYWHERE, 'scx_bpf_task_running scx_bpf_task_cpu'),
  ...scheduler('6.12', 0, ANYWHERE, 'scx_bpf_cpu_rq scx_bpf_test_and_clear_cpu_idle'),
  ...scheduler('6.18', KF_RET_NULL, ANYWHERE, 'scx_bpf_locked_rq'),
  ...scheduler('6.18', KF_RET_NULL | KF_RCU_PROTECTED, ANYWHERE, 'scx_bpf_cpu_curr'),
  ...scheduler('6.12', KF_RCU | KF_ACQUIRE, ANYWHERE, 'scx_bpf_task_cgroup'),
  ...scheduler('6.14', 0, ANYWHERE, 'scx_bpf_now'),
  ...scheduler('6.15', KF_TRUSTED_ARGS, ANYWHERE, 'scx_bpf_events'),
  ...scheduler('6.12', KF_RCU, ANYWHERE, 'scx_bpf_pick_idle_cpu scx_bpf_pick_any_cpu'),
  ...scheduler('6.15', KF_RCU, ANYWHERE, 'scx_bpf_pick_idle_cpu_node scx_bpf_pick_any_cpu_node'),
};
