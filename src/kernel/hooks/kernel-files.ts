/** Files of tracefs and sysfs that tell loaders what can be attached to: the same paths and contents as on Linux. */
import { BTF_KIND } from '../../btf/types.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { AttachEnv } from './env.ts';
import { PMU_TYPE } from './perf-event.ts';

const TRACEFS = /^\/sys\/kernel\/(?:debug\/)?tracing\/(.*)$/;
const UNIT = /^\/sys\/bus\/event_source\/devices\/(kprobe|uprobe)\/(type|format\/retprobe)$/;
const EVENT_ID = /^events\/([^/]+)\/([^/]+)\/id$/;

/** The text of a file, or -errno. */
export function readKernelFile(env: AttachEnv, path: string): string | number {
  const unit = UNIT.exec(path);
  if (unit !== null) return unit[2] === 'type' ? `${PMU_TYPE[unit[1] as 'kprobe']}\n` : 'config:0\n';
  const traced = TRACEFS.exec(path)?.[1];
  if (traced === undefined) return -ERRNO.ENOENT;
  if (traced === 'available_filter_functions') return functions(env);
  const event = EVENT_ID.exec(traced);
  const found = event === null ? undefined : env.trace.events.find(event[2], event[1]);
  return found === undefined ? -ERRNO.ENOENT : `${found.id}\n`;
}

/** Every function of the kernel's BTF, a line each. */
function functions({ trace }: AttachEnv): string {
  const { btf } = trace;
  const names: string[] = [];
  for (let id = 1; btf.type(id) !== undefined; id++) if (btf.kind(id) === BTF_KIND.FUNC) names.push(btf.name(id));
  return `${[...new Set(names)].sort().join('\n')}\n`;
}
