/** Traits of the running kernel beside its commands, each asked for once and not before it is needed. */
import { readFileSync } from 'node:fs';
import { Btf } from '../btf/btf.ts';
import type { KernelTraits } from '../uapi/attr/attr.ts';
import { BPF_CMD } from '../uapi/cmd.ts';
import { BPF_MAP_TYPE } from '../uapi/map-types.ts';
import { readRunningBtf } from './kernel-btf.ts';
import { KernelUnavailableError } from './kernel-unavailable.ts';

/** The door without its checks: what only they need to know is asked through it. */
export interface PlainDoor {
  bpf(cmd: number, attr: object): number;
  close(fd: number): number;
}

/** Values of a per-CPU map that are looked for: more than CONFIG_NR_CPUS of any architecture. */
const MOST_CPUS = 65_536;
const VALUE = 8;
const UNTOUCHED = 0xff;
const POSSIBLE = '/sys/devices/system/cpu/possible';
const AT_PAGESZ = 6;

/** Traits of the kernel behind a door. */
export function runningTraits(door: PlainDoor): KernelTraits {
  let cpus: number | undefined;
  let page: number | undefined;
  let types: { readonly btf: Btf | undefined } | undefined;
  return {
    get possibleCpus() {
      cpus ??= askedCpus(door) ?? listedCpus();
      return cpus;
    },
    get pageSize() {
      page ??= auxiliaryPageSize();
      return page;
    },
    get types() {
      types ??= { btf: runningTypes() };
      return types.btf;
    },
  };
}

/** How many values the kernel itself moves for one element of a per-CPU map; undefined when it makes no such map. */
function askedCpus(door: PlainDoor): number | undefined {
  const fd = door.bpf(BPF_CMD.BPF_MAP_CREATE, {
    map_type: BPF_MAP_TYPE.BPF_MAP_TYPE_PERCPU_ARRAY,
    key_size: 4,
    value_size: VALUE,
    max_entries: 1,
  });
  if (fd < 0) return undefined;
  const value = new Uint8Array(MOST_CPUS * VALUE).fill(UNTOUCHED);
  const result = door.bpf(BPF_CMD.BPF_MAP_LOOKUP_ELEM, { map_fd: fd, key: new Uint8Array(4), value });
  door.close(fd);
  const written = value.indexOf(UNTOUCHED);
  return result < 0 || written <= 0 ? undefined : written / VALUE;
}

function listedCpus(): number {
  try {
    return countCpus(readFileSync(POSSIBLE, 'utf8'));
  } catch (cause) {
    throw new KernelUnavailableError(`its possible CPUs are not known (${POSSIBLE})`, 0, { cause });
  }
}

/** `0-3,6` is five. */
export function countCpus(list: string): number {
  let count = 0;
  for (const part of list.trim().split(',')) {
    const range = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (range === null) throw new RangeError(`'${list.trim()}' is no list of CPUs`);
    count += Number(range[2] ?? range[1]) - Number(range[1]) + 1;
  }
  return count;
}

/** The page size that the kernel told this process when it began (getauxval(3)): pairs of words, type and value. */
function auxiliaryPageSize(): number {
  const bytes = readFileSync('/proc/self/auxv');
  const word = process.arch === 'ia32' || process.arch === 'arm' ? 4 : 8;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  const at = (offset: number): number =>
    word === 8 ? Number(view.getBigUint64(offset, little)) : view.getUint32(offset, little);
  for (let i = 0; i + 2 * word <= bytes.length; i += 2 * word) if (at(i) === AT_PAGESZ) return at(i + word);
  throw new KernelUnavailableError('its page size is not known (/proc/self/auxv)');
}

function runningTypes(): Btf | undefined {
  const bytes = readRunningBtf();
  return bytes === undefined ? undefined : Btf.parse(bytes);
}
