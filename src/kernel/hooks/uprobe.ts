/** Uprobes and uretprobes through perf events, and one program at many places of a binary (bpf_uprobe_multi_link_attach). */
import { BPF_ATTACH_TYPE as A } from '../../uapi/attach-types.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_UPROBE_MULTI_RETURN } from '../../uapi/flags.ts';
import { BPF_LINK_TYPE } from '../../uapi/link-types.ts';
import type { PerfEventAttr } from '../../uapi/perf-event.ts';
import { BPF_PROG_TYPE as T } from '../../uapi/prog-types.ts';
import { type LinkObject, newLinkObject } from '../object/link.ts';
import type { PerfSource } from '../object/perf-event.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { Attachment } from '../world/hook-point.ts';
import type { Binary } from '../world/user/binary.ts';
import type { Site } from '../world/user/site.ts';
import { joined } from './cookie.ts';
import type { AttachEnv, RunOf } from './env.ts';

/** Bit of `config` that asks for the function's return, as sysfs shows it. */
const RETPROBE = 1n;
/** Where `config` has the offset of the semaphore. */
const SEMAPHORE_SHIFT = 32n;

/** One place of a link. */
export interface UprobePlace {
  readonly offset: number;
  /** Offset of its semaphore, 0 without one. */
  readonly semaphore: number;
  readonly cookie: RunOf['cookie'];
}

/** What a link at many places is told. */
export interface UprobeMulti {
  readonly path: string;
  readonly places: readonly UprobePlace[];
  /** BPF_F_UPROBE_MULTI_RETURN was set. */
  readonly returns: boolean;
  /** The process whose calls count, 0 for all. */
  readonly pid: number;
}

/** The source of an event at a place of a binary: -errno when there is no such place. */
export function uprobeSource(env: AttachEnv, attr: PerfEventAttr): PerfSource | number {
  const { probe_name: path = '', probe_offset: at = 0n, config = 0n, pid = -1 } = attr;
  if (path === '') return -ERRNO.EINVAL;
  const binary = env.trace.binaries.get(path);
  if (binary === undefined) return -ERRNO.ENOENT;
  const process = processOf(env, pid);
  if (process < -1) return process;
  const offset = Number(at);
  const site = hold(binary, offset, Number(config >> SEMAPHORE_SHIFT));
  if (typeof site === 'number') return site;
  return {
    accepts: ({ verified: { progType } }) => (progType === T.BPF_PROG_TYPE_KPROBE ? 0 : -ERRNO.EINVAL),
    attach: (run) =>
      site[(config & RETPROBE) !== 0n ? 'exit' : 'entry'].attach(({ regs }) => {
        if (concerns(env, process)) run(regs);
      }),
    funcIp: binary.address(offset),
    ungated: true,
    identity: {
      ...{ kind: 'uprobe', name: path, returns: (config & RETPROBE) !== 0n, offset: at },
      semaphore: config >> SEMAPHORE_SHIFT,
    },
    end: () => binary.drop(offset),
  };
}

/** The process of a task, -1 for any; -ESRCH when there is no such task. */
function processOf({ trace }: AttachEnv, pid: number): number {
  if (pid < 0) return -1;
  return trace.processOf(pid) ?? -ERRNO.ESRCH;
}

const concerns = ({ trace }: AttachEnv, process: number): boolean => process < 0 || trace.runningProcess === process;

/** A site that is held, or -EINVAL: offsets end with the file, and all probes of a site have the same semaphore. */
function hold(binary: Binary, offset: number, semaphore: number): Site | number {
  if (!(offset >= 0 && offset < binary.size) || semaphore % 2 !== 0 || semaphore >= binary.size) return -ERRNO.EINVAL;
  return binary.hold(offset, semaphore) ?? -ERRNO.EINVAL;
}

/** The binary and the process of a link, -1 for all processes; -errno when one of them is not there. */
export function uprobeTarget(
  env: AttachEnv,
  path: string,
  pid: number,
): { readonly binary: Binary; readonly process: number } | number {
  const binary = env.trace.binaries.get(path);
  if (binary === undefined) return path === '' ? -ERRNO.EBADF : -ERRNO.ENOENT;
  const process = pid === 0 ? -1 : processOf(env, pid);
  return process < -1 ? process : { binary, process };
}

/** Attaches at many places: the link, or -errno. */
export function attachUprobeMulti(env: AttachEnv, prog: LoadedProg, given: UprobeMulti): LinkObject | number {
  const found = uprobeTarget(env, given.path, given.pid);
  if (typeof found === 'number') return found;
  const { binary, process } = found;
  const sites = holdAll(binary, given.places);
  if (typeof sites === 'number') return sites;
  const session = prog.verified.expectedAttachType === A.BPF_TRACE_UPROBE_SESSION;
  return newLinkObject(env.objects, {
    type: BPF_LINK_TYPE.BPF_LINK_TYPE_UPROBE_MULTI,
    prog,
    attach(link) {
      const places = given.places.flatMap(({ offset, cookie }, i) => {
        const of: RunOf = { cookie, funcIp: binary.address(offset) };
        const run = (regs: number): number => (concerns(env, process) ? env.run(link.prog, regs, of) : LEFT_OUT);
        if (session && !given.returns) return sessionOn(sites[i], run);
        return [sites[i][given.returns ? 'exit' : 'entry'].attach(({ regs }) => void run(regs))];
      });
      return {
        end() {
          for (const place of places) place.detach();
          for (const { offset } of given.places) binary.drop(offset);
        },
        info: () => ({
          kind: 'link_uprobe_multi',
          values: { flags: given.returns ? BPF_F_UPROBE_MULTI_RETURN : 0, pid: given.pid },
          texts: { path: given.path },
          words: {
            offsets: given.places.map(({ offset }) => BigInt(offset)),
            ref_ctr_offsets: given.places.map(({ semaphore }) => BigInt(semaphore)),
            cookies: given.places.map(({ cookie }) => joined(cookie)),
          },
        }),
      };
    },
  });
}

/** What a program that is not called says: nothing is to be called at the return either. */
const LEFT_OUT = 1;

function holdAll(binary: Binary, places: readonly UprobePlace[]): readonly Site[] | number {
  const held: Site[] = [];
  for (const { offset, semaphore } of places) {
    const site = hold(binary, offset, semaphore);
    if (typeof site === 'number') {
      for (const [i] of held.entries()) binary.drop(places[i].offset);
      return site;
    }
    held.push(site);
  }
  return held;
}

/** A session whose entry says 0 is called at the return as well. */
function sessionOn(site: Site, run: (regs: number) => number): readonly Attachment[] {
  /** Calls in progress by their registers, which no other call has meanwhile. */
  const open = new Set<number>();
  return [
    site.entry.attach(({ regs }) => {
      open.delete(regs);
      if (run(regs) === 0) open.add(regs);
    }),
    site.exit.attach(({ regs }) => {
      if (open.delete(regs)) run(regs);
    }),
  ];
}
