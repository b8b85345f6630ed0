/** bpf(2) in its binary form: union bpf_attr decoded against a caller's memory, as bpf_sys_bpf and ABI tests use it. */
import type { BpfAttrs } from '../../uapi/attr/attr.ts';
import { type AttrObjects, decodeAttr, type UserMemory } from '../../uapi/attr/decode.ts';
import { runCommand, undone } from './dispatch.ts';
import { fdMap, type SyscallEnv } from './env.ts';

/** A descriptor, 0, or -errno; outputs are written to `attr` and to the memory behind its pointers. */
export function sysBpfBinary(env: SyscallEnv, cmd: number, attr: Uint8Array, memory: UserMemory): number {
  const decoded = decodeAttr(cmd, attr, memory, attrObjects(env));
  if (typeof decoded === 'number') return decoded;
  const result = runCommand(env, cmd as keyof BpfAttrs, decoded.attr as never);
  const written = decoded.finish();
  return result >= 0 && written < 0 ? undone(env, cmd as keyof BpfAttrs, result, written) : result;
}

function attrObjects(env: SyscallEnv): AttrObjects {
  return {
    mapSizes(fd) {
      const found = fdMap(env, fd);
      if (typeof found === 'number') return undefined;
      const { map } = found;
      const key = map.desc.keySize;
      return { key, value: map.userValueSize, cursor: map.batch === 'by-bucket' ? 4 : key };
    },
    infoKind(fd) {
      const object = env.fds.get(fd)?.object;
      if (object?.kind === 'link') return object.hook.info().kind;
      const kind = object?.kind;
      return kind === 'prog' || kind === 'map' || kind === 'btf' ? kind : undefined;
    },
  };
}
