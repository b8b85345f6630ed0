/** A link as a kernel object: a program attached to a hook (struct bpf_link). */
import type { BpfLinkType } from '../../uapi/link-types.ts';
import type { InfoValues } from '../../uapi/info-layout.ts';
import type { LinkInfoKind } from '../../uapi/link-info-layout.ts';
import type { IterSource } from './handle.ts';
import type { ObjectBase, ObjectTable } from './kernel-object.ts';
import type { TracedEvent } from './perf-event.ts';
import type { LoadedProg } from './prog.ts';

/** What is told of a link: its struct, and what the pointers in it lead to. */
export interface LinkInfo {
  readonly kind: LinkInfoKind;
  readonly values: InfoValues;
  readonly texts?: Readonly<Record<string, string>>;
  /** Lists of one length, 64 bits each. */
  readonly words?: Readonly<Record<string, readonly bigint[]>>;
}

/** What a kind of link does. Every method gives 0 or -errno; one that is missing is what the kind cannot do. */
export interface LinkHook {
  /** Takes the program off the hook, for good. Called at the last reference, and by {@link detach}, at most once. */
  end(): void;
  /** Puts another program in place (bpf_link_ops.update_prog). */
  update?(link: LinkObject, program: LoadedProg): number;
  /** Of iterators: begins to read what it iterates (ITER_CREATE), under a number that no other reader had. */
  iterate?(link: LinkObject, session: number): IterSource | number;
  /** What TASK_FD_QUERY tells of it. */
  traced?(link: LinkObject): TracedEvent;
  /** Whether LINK_DETACH may end it while descriptors are open. */
  readonly detachable?: boolean;
  /** What OBJ_GET_INFO_BY_FD tells of it. */
  info(): LinkInfo;
}

export interface LinkObject extends ObjectBase<'link'> {
  /** BPF_LINK_TYPE_*. */
  readonly type: BpfLinkType;
  /** The attached program. */
  prog: LoadedProg;
  /** Given at attachment, for bpf_get_attach_cookie; unsigned halves. */
  readonly cookie: readonly [lo: number, hi: number];
  readonly hook: LinkHook;
  /** Whether the program is on its hook. */
  attached: boolean;
}

export interface NewLink {
  readonly type: BpfLinkType;
  readonly prog: LoadedProg;
  readonly cookie?: readonly [lo: number, hi: number];
  /** Attaches it. The link's program is asked for at each run, since it may be replaced. */
  attach(link: LinkObject): LinkHook;
}

/** Attaches a program: the link, which holds a reference on it. Its creator holds the first one on the link. */
export function newLinkObject(objects: ObjectTable, { type, prog, cookie = [0, 0], attach }: NewLink): LinkObject {
  const link: { -readonly [K in keyof LinkObject]: LinkObject[K] } = {
    kind: 'link',
    id: objects.newId('link'),
    refs: 1,
    type,
    prog: objects.get(prog),
    cookie,
    hook: NO_HOOK,
    attached: true,
    dying() {
      endLink(link);
    },
    release() {
      objects.put(link.prog);
    },
    save() {
      const { attached, prog: now } = link;
      return () => {
        link.attached = attached;
        link.prog = now;
      };
    },
    vanish() {
      link.attached = false;
    },
  };
  link.hook = attach(link);
  objects.register<'link'>(link);
  return link;
}

const NO_HOOK: LinkHook = { end() {}, info: () => ({ kind: 'link', values: {} }) };

/** Takes the program off its hook, at most once. */
export function endLink(link: LinkObject): void {
  if (!link.attached) return;
  link.attached = false;
  link.hook.end();
}
