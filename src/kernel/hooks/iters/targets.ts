/** What iterators iterate: maps, programs, links, tasks. */
import { ERRNO } from '../../../uapi/errno.ts';
import type { ObjectKind, ObjectsByKind } from '../../object/kernel-object.ts';
import type { LoadedProg } from '../../object/prog.ts';
import type { MapObject } from '../../object/map.ts';
import type { StructView } from '../../world/struct-view.ts';
import type { AttachEnv } from '../env.ts';
import { iteratedElements } from './map-elem.ts';
import { mapStruct } from './map-struct.ts';
import type { Iterated, IterItem, Pass } from './pass.ts';

/** What LINK_CREATE says of an iterator (union bpf_iter_link_info), and how it finds maps. */
export interface IterInfo {
  /** 16 bytes, zero where nothing was said. */
  readonly info: Uint8Array;
  map(fd: number): MapObject | number;
}

type Target = (env: AttachEnv, prog: LoadedProg, given: IterInfo) => Iterated | number;

const TARGETS: Readonly<Record<string, Target>> = {
  bpf_map: (env) => ({ args: ['map'], pass: () => objectPass(env, 'map', (map) => ({ map: mapStruct(env, map) })) }),
  bpf_prog: (env) => ({ args: ['prog'], pass: () => withStructs(env, 'prog', progItem) }),
  bpf_link: (env) => ({ args: ['link'], pass: () => withStructs(env, 'link', linkItem) }),
  bpf_map_elem: (env, prog, given) =>
    iteratedElements(env, prog, given.map(new DataView(given.info.buffer).getUint32(0, true))),
  task: (env, _, { info }) => iteratedTasks(env, info),
};

/** The target of a program by its name (`bpf_map`); undefined for one that this kernel cannot iterate, or -errno. */
export function iterated(
  env: AttachEnv,
  prog: LoadedProg,
  name: string,
  given: IterInfo,
): Iterated | number | undefined {
  return Object.hasOwn(TARGETS, name) ? TARGETS[name](env, prog, given) : undefined;
}

const NOTHING = (): void => {};

/** All objects of a kind by their ids, those that are made meanwhile among them. */
function objectPass<K extends ObjectKind>(
  { objects }: AttachEnv,
  kind: K,
  item: (object: ObjectsByKind[K]) => IterItem,
): Pass {
  let id = 1;
  return {
    item() {
      const next = objects.nextId(kind, id - 1);
      const object = next === undefined ? undefined : objects.byId(kind, next);
      if (next === undefined || object === undefined) return undefined;
      id = next;
      return item(object);
    },
    step() {
      id++;
    },
    save() {
      const at = id;
      return () => {
        id = at;
      };
    },
    [Symbol.dispose]: NOTHING,
  };
}

/** Makes the structs of an item, which go with the next one. */
type Maker<K extends ObjectKind> = (object: ObjectsByKind[K], make: AttachEnv['trace']['structs']['make']) => IterItem;

function withStructs<K extends ObjectKind>(env: AttachEnv, kind: K, item: Maker<K>): Pass {
  let made: StructView[] = [];
  const drop = (): void => {
    for (const view of made) view[Symbol.dispose]();
    made = [];
  };
  const inner = objectPass(env, kind, (object) =>
    item(object, (name, values) => {
      const view = env.trace.structs.make(name, values);
      made.push(view);
      return view;
    }),
  );
  return {
    item() {
      drop();
      return inner.item();
    },
    step: () => inner.step(),
    save() {
      const views = made;
      const restore = inner.save();
      return () => {
        made = views;
        restore();
      };
    },
    [Symbol.dispose]: drop,
  };
}

const progItem: Maker<'prog'> = (prog, make) => ({ prog: progStruct(prog, make).addr });

function progStruct({ id, name, verified }: LoadedProg, make: AttachEnv['trace']['structs']['make']): StructView {
  const aux = make('bpf_prog_aux', { id, name, max_ctx_offset: verified.maxCtxOffset });
  return make('bpf_prog', {
    aux,
    len: verified.insns.length,
    type: verified.progType,
    expected_attach_type: verified.expectedAttachType,
  });
}

const linkItem: Maker<'link'> = ({ id, type, prog }, make) => ({
  link: make('bpf_link', { id, type, prog: progStruct(prog, make) }).addr,
});

/** Tasks by their pids: all, or one by its `tid`, or those of the process `pid`. */
function iteratedTasks({ tasks }: AttachEnv, info: Uint8Array): Iterated | number {
  const view = new DataView(info.buffer, info.byteOffset, info.byteLength);
  const [tid, tgid, pidFd] = [0, 4, 8].map((at) => view.getUint32(at, true));
  if ([tid, tgid, pidFd].filter((n) => n !== 0).length > 1) return -ERRNO.EINVAL;
  if (pidFd !== 0) return -ERRNO.EBADF;
  const wanted = (id: number): boolean => {
    if (tid !== 0) return id === tid;
    return tgid === 0 || tasks.get(id)?.tgid === tgid;
  };
  return {
    args: ['task'],
    told: { tid, pid: tgid },
    pass() {
      let pid = 1;
      return {
        item() {
          const next = tasks.pids.find((id) => id >= pid && wanted(id));
          const task = next === undefined ? undefined : tasks.get(next);
          if (next === undefined || task === undefined) return undefined;
          pid = next;
          return { task: task.struct.addr };
        },
        step() {
          pid++;
        },
        save() {
          const at = pid;
          return () => {
            pid = at;
          };
        },
        [Symbol.dispose]: NOTHING,
      };
    },
  };
}
