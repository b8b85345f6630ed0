/** BPF_BTF_LOAD: a program's BTF becomes an object (btf_new_fd). */
import { BTF_MAX_SIZE, validateBtf } from '../../btf/validate.ts';
import type { BtfLoadAttr } from '../../uapi/attr/attr.ts';
import { BPF_CMD } from '../../uapi/cmd.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_TOKEN_FD } from '../../uapi/flags.ts';
import { claimedLength, faults } from '../../uapi/attr/user-buffer.ts';
import { newBtfObject } from '../object/btf.ts';
import { refusedField } from './attr-rules.ts';
import type { SyscallEnv } from './env.ts';
import { checkLogAttr, logRoom, writeLog } from './log-buffer.ts';

/** bpf_btf_load */
export function btfLoad(env: SyscallEnv, attr: BtfLoadAttr): number {
  const flags = attr.btf_flags ?? 0;
  if (flags & ~BPF_F_TOKEN_FD) return -ERRNO.EINVAL;
  const noToken = refusedField(env, BPF_CMD.BPF_BTF_LOAD, 'btf_token_fd', attr).errno;
  if (noToken < 0) return noToken;
  if (!env.caps.bpf && !env.caps.sysAdmin) return -ERRNO.EPERM;
  const bytes = attr.btf ?? new Uint8Array(0);
  if (claimedLength(bytes) > BTF_MAX_SIZE) return -ERRNO.E2BIG;
  const level = attr.btf_log_level ?? 0;
  const badLog = checkLogAttr(level, attr.btf_log_buf);
  if (badLog < 0) return badLog;
  if (faults(bytes)) return -ERRNO.EFAULT;
  // A copy: the caller's buffer is the caller's.
  const checked = validateBtf(bytes.slice(), {
    withLog: level !== 0,
    logRoom: logRoom(level, attr.btf_log_buf),
    kernelBtf: () => env.vmlinux(),
  });
  const log = writeLog(level, attr.btf_log_buf, checked.log, checked.logBytes);
  attr.btf_log_true_size = log.trueSize;
  if (log.errno < 0) return log.errno;
  if (checked.btf === undefined) return -checked.errno;
  const object = newBtfObject(env.objects.newId('btf'), checked.btf);
  env.objects.register(object);
  return env.fds.install(object);
}
