/** Conditions on the attach point that a few helpers have beyond their program type (bpf_func_proto.allowed). */
import type { ProgQuery } from './prog-type.ts';
import type { FuncProto } from './proto.ts';
import { BPF_PROG_TYPE } from '../../uapi/prog-types.ts';
import { BPF_ATTACH_TYPE } from '../../uapi/attach-types.ts';

const { BPF_PROG_TYPE_TRACING, BPF_PROG_TYPE_LSM } = BPF_PROG_TYPE;
const { BPF_TRACE_RAW_TP, BPF_TRACE_FENTRY, BPF_TRACE_FEXIT, BPF_TRACE_ITER } = BPF_ATTACH_TYPE;

/** Functions in which a struct path is safe to print (btf_allowlist_d_path). */
const D_PATH_FUNCTIONS = new Set([
  'security_file_permission',
  'security_inode_getattr',
  'security_file_open',
  'security_path_truncate',
  'vfs_truncate',
  'vfs_fallocate',
  'dentry_open',
  'vfs_getattr',
  'filp_close',
]);

/** Whether the helper may be called at this attach point. `sleepableHook`: the LSM hook is in bpf_lsm's list of sleepable ones. */
export function helperAllowedIn(proto: FuncProto, q: ProgQuery, sleepableHook: boolean): boolean {
  switch (proto.allowedIn) {
    case undefined:
      return true;
    case 'd_path':
      if (q.progType === BPF_PROG_TYPE_TRACING && q.expectedAttachType === BPF_TRACE_ITER) return true;
      if (q.progType === BPF_PROG_TYPE_LSM) return sleepableHook;
      return D_PATH_FUNCTIONS.has(q.attachBtfName);
    case 'sk_storage_tracing':
      // A program must not run inside the storage code that it calls.
      if (q.progType !== BPF_PROG_TYPE_TRACING) return false;
      if (q.expectedAttachType === BPF_TRACE_ITER || q.expectedAttachType === BPF_TRACE_RAW_TP) return true;
      if (q.expectedAttachType !== BPF_TRACE_FENTRY && q.expectedAttachType !== BPF_TRACE_FEXIT) return false;
      return !q.attachBtfName.startsWith('bpf_sk_storage');
    case 'ima':
      return sleepableHook;
  }
}
