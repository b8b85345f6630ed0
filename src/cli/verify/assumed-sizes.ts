/**
 * Sizes that an object leaves to the program that loads it. What a program is refused for hardly ever depends on them,
 * so `skep verify` takes the smallest that the kernel does, and says so (veristat does the same).
 */
import type { CollectionSpec } from '../../lib/collection-spec.ts';
import type { MapSpec } from '../../lib/spec.ts';
import { BPF_MAP_TYPE as M } from '../../uapi/map-types.ts';

/** Types that have no number of elements of their own, or get it from the loader. */
const WITHOUT_ENTRIES: ReadonlySet<number> = new Set([
  M.BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  M.BPF_MAP_TYPE_CGROUP_STORAGE,
  M.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
  M.BPF_MAP_TYPE_SK_STORAGE,
  M.BPF_MAP_TYPE_INODE_STORAGE,
  M.BPF_MAP_TYPE_TASK_STORAGE,
  M.BPF_MAP_TYPE_CGRP_STORAGE,
  M.BPF_MAP_TYPE_STRUCT_OPS,
]);
/** PERF_MAX_STACK_DEPTH addresses of 8 bytes. */
const STACK_TRACE_SIZE = 127 * 8;

/** Fills in what is missing; one line for each, `map start: max_entries 1`. */
export function assumeSizes(spec: CollectionSpec): string[] {
  const assumed: string[] = [];
  for (const map of spec.maps.values()) {
    assumeFor(map, map.name, assumed);
    if (map.inner) assumeFor(map.inner, `the inner map of ${map.name}`, assumed);
  }
  return assumed;
}

function assumeFor(map: MapSpec, name: string, assumed: string[]): void {
  if (map.maxEntries === 0 && !WITHOUT_ENTRIES.has(map.type)) {
    map.maxEntries = 1;
    assumed.push(`map ${name}: max_entries 1`);
  }
  if (map.type === M.BPF_MAP_TYPE_STACK_TRACE && map.valueSize === 0) {
    map.valueSize = STACK_TRACE_SIZE;
    assumed.push(`map ${name}: value_size ${STACK_TRACE_SIZE}`);
  }
}
