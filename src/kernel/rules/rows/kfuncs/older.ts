/** Forms that kfuncs had in earlier kernels: another name, or fewer programs that may call them. */
import { KF_ACQUIRE, KF_RELEASE, KF_RET_NULL, KF_SLEEPABLE, type KfuncHook, type KfuncTable } from './row.ts';

const hooks: readonly KfuncHook[] = ['tracing'];
const GET = KF_ACQUIRE | KF_RET_NULL;

export const OLDER_KFUNCS: KfuncTable = {
  cgroup_rstat_updated: { since: '6.1', until: '6.16', flags: 0, hooks },
  cgroup_rstat_flush: { since: '6.1', until: '6.16', flags: KF_SLEEPABLE, hooks },
  bpf_lookup_user_key: { since: '6.1', until: '6.18', flags: GET | KF_SLEEPABLE, hooks },
  bpf_lookup_system_key: { since: '6.1', until: '6.18', flags: GET, hooks },
  bpf_key_put: { since: '6.1', until: '6.18', flags: KF_RELEASE, hooks },
  bpf_verify_pkcs7_signature: {
    since: '6.1',
    until: '6.18',
    flags: KF_SLEEPABLE,
    hooks,
    config: 'CONFIG_SYSTEM_DATA_VERIFICATION',
  },
};
