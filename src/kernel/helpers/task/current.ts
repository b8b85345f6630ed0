/** The current task: ids, name, cgroup, and what tracing programs ask about their attachment. */
import { ERRNO } from '../../../uapi/errno.ts';
import { ancestorRecord, idOfRecord, isUnder } from '../../world/cgroup/cgroup-record.ts';
import { COMM_LENGTH } from '../../world/task/current.ts';
import { NSFS_DEVICE } from '../../world/task/namespaces.ts';
import { cgroupAt } from '../../maps/cgroup-array.ts';
import { Frames, type HelperMaker, simple } from '../frame.ts';

/** sizeof(struct bpf_pidns_info) */
const PIDNS_INFO_SIZE = 8;

/** bpf_get_current_pid_tgid: tgid above, pid below. */
export const getCurrentPidTgid: HelperMaker = (env) => {
  const f = new Frames(env);
  const { current } = env;
  return (frame) => f.set64(frame, 0, current.pid, current.tgid);
};

/** bpf_get_current_uid_gid: gid above, uid below. */
export const getCurrentUidGid: HelperMaker = (env) => {
  const f = new Frames(env);
  const { current } = env;
  return (frame) => f.set64(frame, 0, current.uid, current.gid);
};

/** bpf_get_current_comm(buf, size): NUL-terminated and zero-padded. */
export const getCurrentComm = simple((env) => (buf, size) => {
  const { u8 } = env.mem;
  const from = env.current.comm;
  u8.fill(0, buf, buf + size);
  u8.copyWithin(buf, from, from + Math.min(size - 1, COMM_LENGTH));
  return 0;
});

/** bpf_get_current_task and _task_btf: the address of its task_struct. */
export const getCurrentTask: HelperMaker = (env) => {
  const f = new Frames(env);
  const { current } = env;
  return (frame) => f.retU32(frame, current.struct);
};

/** bpf_get_current_cgroup_id */
export const getCurrentCgroupId: HelperMaker = (env) => {
  const f = new Frames(env);
  const { current } = env;
  return (frame) => f.set64(frame, 0, ...current.cgroup);
};

/** bpf_get_current_ancestor_cgroup_id(level): 0 when its group is not that deep. */
export const getCurrentAncestorCgroupId: HelperMaker = (env) => {
  const f = new Frames(env);
  const { current, mem } = env;
  return (frame) => {
    // Levels have 32 bits, with a sign.
    const record = ancestorRecord(mem, current.group, f.lo(frame, 1));
    if (record === 0) f.set64(frame, 0, 0, 0);
    else f.set64(frame, 0, ...idOfRecord(mem, record));
  };
};

/** bpf_current_task_under_cgroup(map, index): 1 when it is in the group of the array, or below. */
export const currentTaskUnderCgroup = simple((env) => (map, index) => {
  const { mem, current } = env;
  const record = cgroupAt(mem, map, index);
  return record < 0 ? record : isUnder(mem, current.group, record) ? 1 : 0;
});

/** bpf_get_ns_current_pid_tgid(dev, ino, nsdata, size): only its own namespace is matched. */
export const getNsCurrentPidTgid: HelperMaker = (env) => {
  const f = new Frames(env);
  const { current, mem } = env;
  return (frame) => {
    const [at, size] = [f.u32(frame, 3), f.u32(frame, 4)];
    const device = f.hi(frame, 1) === 0 && f.u32(frame, 1) === NSFS_DEVICE;
    if (size !== PIDNS_INFO_SIZE || !device || f.hi(frame, 2) !== 0 || f.u32(frame, 2) !== current.namespace) {
      mem.u8.fill(0, at, at + size);
      return f.ret(frame, -ERRNO.EINVAL);
    }
    mem.i32[at >>> 2] = current.nsPid;
    mem.i32[(at >>> 2) + 1] = current.nsTgid;
    f.ret(frame, 0);
  };
};

/** bpf_get_func_ip */
export const getFuncIp: HelperMaker = (env) => {
  const f = new Frames(env);
  return (frame) => {
    const { funcIp } = env.cpu.run;
    f.set64(frame, 0, funcIp?.[0] ?? 0, funcIp?.[1] ?? 0);
  };
};

/** bpf_get_attach_cookie */
export const getAttachCookie: HelperMaker = (env) => {
  const f = new Frames(env);
  return (frame) => {
    const { attachCookie } = env.cpu.run;
    f.set64(frame, 0, attachCookie?.[0] ?? 0, attachCookie?.[1] ?? 0);
  };
};

/** bpf_get_prandom_u32 */
export const getPrandomU32: HelperMaker = (env) => {
  const f = new Frames(env);
  const { random } = env;
  return (frame) => f.retU32(frame, random.next());
};

/** bpf_get_numa_node_id: one node. */
export const getNumaNodeId = simple(() => () => 0);
