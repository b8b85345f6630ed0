/** The dispatch table of bpf(2): which function serves which command (__sys_bpf). */
import type { BpfAttrs } from '../../uapi/attr/attr.ts';
import { flags32 } from '../../uapi/attr/values.ts';
import { takeAttr } from '../../uapi/attr/take.ts';
import { takeKey, takeNextKey, takeValue } from '../../uapi/attr/take-fast.ts';
import { BPF_CMD as C } from '../../uapi/cmd.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { btfLoad } from './btf-load.ts';
import type { SyscallEnv } from './env.ts';
import { getFdById, getNextId, linkGetFdById } from './ids.ts';
import { linkCreate } from './link/create.ts';
import { enableStats, iterCreate, tokenCreate } from './handles.ts';
import { linkDetach, linkUpdate, rawTracepointOpen } from './link/change.ts';
import { mapDeleteBatch, mapLookupAndDeleteBatch, mapLookupBatch, mapUpdateBatch } from './map/batch.ts';
import { mapCreate } from './map/create.ts';
import { deleteElem, lookupAndDeleteElem, lookupElem, mapFreeze, nextKey, updateElem } from './map/elem.ts';
import { objGetInfoByFd } from './obj-info.ts';
import { objGet, objPin } from './pin.ts';
import { progAttach, progDetach, progQuery } from './prog/attach.ts';
import { progBindMap } from './prog/bind-map.ts';
import { progLoad } from './prog/load.ts';
import { progStreamRead } from './prog/stream-read.ts';
import { progTestRun } from './prog/test-run.ts';
import { taskFdQuery } from './task-fd-query.ts';

type Commands = { readonly [C in keyof BpfAttrs]: (env: SyscallEnv, attr: BpfAttrs[C]) => number };

const COMMANDS: Commands = {
  [C.BPF_MAP_CREATE]: mapCreate,
  [C.BPF_MAP_LOOKUP_ELEM]: (env, a) => lookupElem(env, a.map_fd, a.key, a.value, flags32(a.flags)),
  [C.BPF_MAP_UPDATE_ELEM]: (env, a) => updateElem(env, a.map_fd, a.key, a.value, flags32(a.flags)),
  [C.BPF_MAP_DELETE_ELEM]: (env, a) => deleteElem(env, a.map_fd, a.key),
  [C.BPF_MAP_GET_NEXT_KEY]: (env, a) => nextKey(env, a.map_fd, a.key, a.next_key),
  [C.BPF_MAP_LOOKUP_AND_DELETE_ELEM]: (env, a) => lookupAndDeleteElem(env, a.map_fd, a.key, a.value, flags32(a.flags)),
  [C.BPF_MAP_LOOKUP_BATCH]: mapLookupBatch,
  [C.BPF_MAP_LOOKUP_AND_DELETE_BATCH]: mapLookupAndDeleteBatch,
  [C.BPF_MAP_UPDATE_BATCH]: mapUpdateBatch,
  [C.BPF_MAP_DELETE_BATCH]: mapDeleteBatch,
  [C.BPF_MAP_FREEZE]: mapFreeze,
  [C.BPF_PROG_LOAD]: progLoad,
  [C.BPF_BTF_LOAD]: btfLoad,
  [C.BPF_PROG_TEST_RUN]: progTestRun,
  [C.BPF_OBJ_GET_INFO_BY_FD]: objGetInfoByFd,
  [C.BPF_OBJ_PIN]: objPin,
  [C.BPF_OBJ_GET]: objGet,
  [C.BPF_PROG_ATTACH]: progAttach,
  [C.BPF_PROG_DETACH]: progDetach,
  [C.BPF_PROG_QUERY]: progQuery,
  [C.BPF_TASK_FD_QUERY]: taskFdQuery,
  [C.BPF_ENABLE_STATS]: enableStats,
  [C.BPF_ITER_CREATE]: iterCreate,
  [C.BPF_PROG_BIND_MAP]: progBindMap,
  [C.BPF_TOKEN_CREATE]: tokenCreate,
  [C.BPF_PROG_STREAM_READ_BY_FD]: progStreamRead,
  [C.BPF_RAW_TRACEPOINT_OPEN]: rawTracepointOpen,
  [C.BPF_LINK_CREATE]: linkCreate,
  [C.BPF_LINK_UPDATE]: linkUpdate,
  [C.BPF_LINK_DETACH]: linkDetach,
  [C.BPF_PROG_GET_NEXT_ID]: getNextId('prog'),
  [C.BPF_MAP_GET_NEXT_ID]: getNextId('map'),
  [C.BPF_BTF_GET_NEXT_ID]: getNextId('btf'),
  [C.BPF_LINK_GET_NEXT_ID]: getNextId('link'),
  [C.BPF_LINK_GET_FD_BY_ID]: linkGetFdById,
  [C.BPF_PROG_GET_FD_BY_ID]: getFdById('prog'),
  [C.BPF_MAP_GET_FD_BY_ID]: getFdById('map'),
  [C.BPF_BTF_GET_FD_BY_ID]: getFdById('btf'),
};

type Command = (env: SyscallEnv, attr: never) => number;
/** Commands by number: nothing else that a caller may name is one. */
const BY_NUMBER: readonly (Command | undefined)[] = Array.from(
  { length: Math.max(...Object.keys(COMMANDS).map(Number)) + 1 },
  (_, cmd) => (COMMANDS as Readonly<Record<number, Command | undefined>>)[cmd],
);
/** Commands that give a descriptor and have outputs beside it. */
const OPENS: ReadonlySet<unknown> = new Set([
  C.BPF_PROG_LOAD,
  C.BPF_BTF_LOAD,
  C.BPF_MAP_CREATE,
  C.BPF_OBJ_GET,
  C.BPF_RAW_TRACEPOINT_OPEN,
  C.BPF_LINK_CREATE,
]);

/**
 * bpf(2) for a caller who may give anything: a descriptor, 0, or -errno; -EINVAL for commands that this kernel does not have.
 * What is asked, and with which attribute, is never trusted: the attribute is copied first, field by field.
 */
export function sysBpf<K extends keyof BpfAttrs>(env: SyscallEnv, cmd: K, given: BpfAttrs[K]): number {
  switch (cmd) {
    // The commands that are asked most: no attribute is made in between.
    case C.BPF_MAP_LOOKUP_ELEM:
      return takeValue(given, env, lookupElem);
    case C.BPF_MAP_UPDATE_ELEM:
      return takeValue(given, env, updateElem);
    case C.BPF_MAP_DELETE_ELEM:
      return takeKey(given, env, deleteElem);
    case C.BPF_MAP_GET_NEXT_KEY:
      return takeNextKey(given, env, nextKey);
    case C.BPF_MAP_LOOKUP_AND_DELETE_ELEM:
      return takeValue(given, env, lookupAndDeleteElem);
    default:
      return takeAndRun(env, cmd, given);
  }
}

function takeAndRun<K extends keyof BpfAttrs>(env: SyscallEnv, cmd: K, given: BpfAttrs[K]): number {
  const taken = takeAttr(cmd, given);
  if (typeof taken === 'number') return taken;
  const result = runCommand(env, cmd, taken.attr as BpfAttrs[K]);
  if (taken.finish === undefined) return result;
  const written = taken.finish();
  return result < 0 || written === 0 ? result : undone(env, cmd, result, written);
}

/** The errno of a command that was done and whose answer could not be written: nobody knows its descriptor, so that is closed. */
export function undone(env: SyscallEnv, cmd: keyof BpfAttrs, result: number, written: number): number {
  if (OPENS.has(cmd)) env.fds.close(result);
  return written;
}

/** A command with an attribute that is of its declared types. */
export function runCommand<K extends keyof BpfAttrs>(env: SyscallEnv, cmd: K, attr: BpfAttrs[K]): number {
  const command = typeof cmd === 'number' ? BY_NUMBER[cmd] : undefined;
  return command === undefined ? -ERRNO.EINVAL : command(env, attr as never);
}
