/** Why MAP_CREATE most probably said EINVAL or E2BIG: the kernel gives a number only. */
import type { MapCreateAttr } from '../../uapi/attr/attr.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_NO_PREALLOC } from '../../uapi/flags.ts';
import { BPF_MAP_TYPE as M, bpfMapTypeName } from '../../uapi/map-types.ts';

/** A type's demands on its sizes; a column left out demands anything but 0. */
interface Wants {
  readonly key?: readonly number[];
  readonly value?: readonly number[];
  /** 0 where the type counts its elements itself. */
  readonly entries?: 0;
  readonly noPrealloc?: true;
}

const INDEX: Wants = { key: [4] };
const FDS: Wants = { key: [4], value: [4] };
const TARGETS: Wants = { key: [4], value: [4, 8] };
const KEYLESS: Wants = { key: [0] };
const STORAGE: Wants = { key: [4], entries: 0, noPrealloc: true };
const CGROUP: Wants = { key: [8, 16], entries: 0 };

const WANTS: Readonly<Record<number, Wants>> = {
  [M.BPF_MAP_TYPE_HASH]: {},
  [M.BPF_MAP_TYPE_PERCPU_HASH]: {},
  [M.BPF_MAP_TYPE_LRU_HASH]: {},
  [M.BPF_MAP_TYPE_LRU_PERCPU_HASH]: {},
  [M.BPF_MAP_TYPE_ARRAY]: INDEX,
  [M.BPF_MAP_TYPE_PERCPU_ARRAY]: INDEX,
  [M.BPF_MAP_TYPE_STACK_TRACE]: INDEX,
  [M.BPF_MAP_TYPE_PROG_ARRAY]: FDS,
  [M.BPF_MAP_TYPE_PERF_EVENT_ARRAY]: FDS,
  [M.BPF_MAP_TYPE_CGROUP_ARRAY]: FDS,
  [M.BPF_MAP_TYPE_XSKMAP]: FDS,
  [M.BPF_MAP_TYPE_ARRAY_OF_MAPS]: FDS,
  [M.BPF_MAP_TYPE_HASH_OF_MAPS]: { value: [4] },
  [M.BPF_MAP_TYPE_DEVMAP]: TARGETS,
  [M.BPF_MAP_TYPE_DEVMAP_HASH]: TARGETS,
  [M.BPF_MAP_TYPE_CPUMAP]: TARGETS,
  [M.BPF_MAP_TYPE_SOCKMAP]: TARGETS,
  [M.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY]: TARGETS,
  [M.BPF_MAP_TYPE_SOCKHASH]: { value: [4, 8] },
  [M.BPF_MAP_TYPE_LPM_TRIE]: { noPrealloc: true },
  [M.BPF_MAP_TYPE_QUEUE]: KEYLESS,
  [M.BPF_MAP_TYPE_STACK]: KEYLESS,
  [M.BPF_MAP_TYPE_BLOOM_FILTER]: KEYLESS,
  [M.BPF_MAP_TYPE_RINGBUF]: { key: [0], value: [0] },
  [M.BPF_MAP_TYPE_USER_RINGBUF]: { key: [0], value: [0] },
  [M.BPF_MAP_TYPE_SK_STORAGE]: STORAGE,
  [M.BPF_MAP_TYPE_INODE_STORAGE]: STORAGE,
  [M.BPF_MAP_TYPE_TASK_STORAGE]: STORAGE,
  [M.BPF_MAP_TYPE_CGRP_STORAGE]: STORAGE,
  [M.BPF_MAP_TYPE_CGROUP_STORAGE]: CGROUP,
  [M.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE]: CGROUP,
};

/** Every wish that `attr` does not fulfil, as one sentence; undefined when nothing is wrong that this table knows. */
export function whyRefused(attr: MapCreateAttr, errno: number): string | undefined {
  const wants = WANTS[attr.map_type];
  if (errno !== ERRNO.EINVAL || wants === undefined) return undefined;
  const flags = attr.map_flags ?? 0;
  const wrong = [
    ...size('key_size', attr.key_size, wants.key),
    ...size('value_size', attr.value_size, wants.value),
    ...size('max_entries', attr.max_entries, wants.entries === 0 ? [0] : undefined),
  ];
  const lazy = (flags & BPF_F_NO_PREALLOC) !== 0;
  if (wants.noPrealloc && !lazy) wrong.push('map_flags must hold BPF_F_NO_PREALLOC');
  if (lazy && wants.key?.[0] === 4 && !wants.noPrealloc) wrong.push('map_flags may not hold BPF_F_NO_PREALLOC');
  return wrong.length === 0 ? undefined : `for the type ${shortName(attr.map_type)}, ${wrong.join(' and ')}`;
}

function size(name: string, value: number, allowed: readonly number[] | undefined): string[] {
  if (allowed === undefined) return value === 0 ? [`${name} may not be 0`] : [];
  return allowed.includes(value) ? [] : [`${name} must be ${allowed.join(' or ')}`];
}

const shortName = (type: number): string => bpfMapTypeName(type).replace('BPF_MAP_TYPE_', '').toLowerCase();
