/** The objects behind descriptors, for maps. */
import type { FdResolver, ProgRef } from '../maps/env.ts';
import type { BpfMap } from '../object/map.ts';
import { fdBtf, fdCgroup, fdMap, fdProg, type SyscallEnv } from './env.ts';
import { progRef } from './prog/ref.ts';

/** The resolver of one kernel's descriptors. */
export function fdResolver(env: SyscallEnv): FdResolver {
  const objectOf = (map: BpfMap) => env.objects.byId('map', map.desc.id);
  return {
    map(fd) {
      const found = fdMap(env, fd);
      return typeof found === 'number' ? found : found.map;
    },
    prog(fd): ProgRef | number {
      const prog = fdProg(env, fd);
      return typeof prog === 'number' ? prog : progRef(env, prog);
    },
    btf(fd) {
      const btf = fdBtf(env, fd);
      return typeof btf === 'number' ? undefined : btf.btf;
    },
    cgroup: (fd) => fdCgroup(env, fd),
    device: (ifindex) => env.hasDevice(ifindex),
    hold(map) {
      const object = objectOf(map);
      if (object !== undefined) env.objects.get(object);
    },
    drop(map) {
      const object = objectOf(map);
      if (object !== undefined) env.objects.put(object);
    },
  };
}
