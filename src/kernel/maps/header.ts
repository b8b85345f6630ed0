/** The core's private header of a map: byte offsets relative to the guest address of struct bpf_map. Mirrors core/assembly/header.ts. */

/** Bytes reserved below and above the address. */
export const HEADER_SIZE = 128;
export const STRUCT_SIZE = 512;

export const H = {
  type: -128,
  keySize: -124,
  valueSize: -120,
  maxEntries: -116,
  stride: -112,
  base: -108,
  mask: -104,
  count: -100,
  free: -96,
  bump: -92,
  bumpEnd: -88,
  spare: -84,
  seedLo: -80,
  seedHi: -76,
  flags: -72,
  valueOff: -68,
  cpuStride: -64,
  ranges: -60,
  head: -56,
  tail: -52,
  nrCpus: -48,
  lockOff: -44,
  poolEnd: -40,
  id: -36,
  grown: -32,
} as const;

/** A field of the header. */
export type HeaderField = keyof typeof H;

/** A word of the header of the map at an address: what helpers read while programs run. */
export const headerWord = (u32: Uint32Array, map: number, field: HeaderField): number => u32[(map + H[field]) >>> 2];
