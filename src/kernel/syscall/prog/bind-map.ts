/** BPF_PROG_BIND_MAP: a program keeps a map alive that it does not name (bpf_prog_bind_map). */
import type { ProgBindMapAttr } from '../../../uapi/attr/attr.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { fdMap, fdProg, type SyscallEnv } from '../env.ts';

export function progBindMap(env: SyscallEnv, { prog_bind_map: attr }: ProgBindMapAttr): number {
  if ((attr.flags ?? 0) !== 0) return -ERRNO.EINVAL;
  const prog = fdProg(env, attr.prog_fd);
  if (typeof prog === 'number') return prog;
  const map = fdMap(env, attr.map_fd);
  if (typeof map === 'number') return map;
  if (!prog.holds.includes(map)) prog.holds = [...prog.holds, env.objects.get(map)];
  return 0;
}
