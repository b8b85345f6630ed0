/** A loaded map as plain data: all that the verifier, the rewriter and the JIT may know of it. */
import type { Btf } from '../../btf/btf.ts';
import type { BtfRecord } from '../../btf/record.ts';

/**
 * Names of exports of the wasm core that serve one map. lookup(map, key) gives a value address or 0; update(map, key, value, flags)
 * and delete(map, key) give 0 or -errno (sign-extended i32 results). All arguments are i32.
 */
export interface CoreMapOps {
  readonly lookup: string;
  readonly update: string;
  readonly delete: string;
  readonly lookupPercpu?: string;
}

export interface MapDesc {
  /** Object id, unique in one runtime. */
  readonly id: number;
  readonly name: string;
  /** BPF_MAP_TYPE_*. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_* of MAP_CREATE. */
  readonly flags: number;
  readonly mapExtra: number;
  readonly btf?: Btf;
  readonly btfKeyTypeId: number;
  readonly btfValueTypeId: number;
  /** Special fields of the value (locks, timers, kptrs, graph roots). */
  readonly record?: BtfRecord;
  /** Template of a map-in-map's elements. */
  readonly inner?: MapDesc;
  /** The one program that may use the map, by the SHA-256 of its instructions (an exclusive map). */
  readonly exclProgHash?: Uint8Array;
  /** User space can no longer write it (MAP_FREEZE). */
  frozen: boolean;
  /** Guest address of the kernel's struct bpf_map; what a map pointer in a register holds. */
  readonly addr: number;
  /** Guest address of the first value of an array map (offset 0 of BPF_PSEUDO_MAP_VALUE), 0 for other types or without storage. */
  readonly valuesAddr: number;
  /** Distance of two array elements in bytes (value size rounded up to 8). */
  readonly elemSize: number;
  /** What of the core serves it, when it is known at compile time; without, what serves every map. */
  readonly core?: CoreMapOps;
  /** Current contents of a read-only array value, for constant folding; undefined when not available. */
  readConst?(off: number, size: number): Uint8Array | undefined;
}
