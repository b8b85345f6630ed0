/** Arrays: ARRAY, PERCPU_ARRAY, ARRAY_OF_MAPS, and the index maps whose values are redirect targets. */
import { BPF_EXIST, BPF_F_LOCK, BPF_NOEXIST, E2BIG, EEXIST, EINVAL, copyValue, cpu } from './common';
import { base, cpuStride, lockOff, maxEntries, nrCpus, stride } from './header';

export function array_lookup(m: u32, key: u32): u32 {
  const i = load<u32>(key);
  return i < maxEntries(m) ? base(m) + i * stride(m) : 0;
}
export function percpu_array_lookup(m: u32, key: u32): u32 {
  const i = load<u32>(key);
  return i < maxEntries(m) ? base(m) + i * stride(m) + cpu * cpuStride(m) : 0;
}
export function percpu_array_lookup_cpu(m: u32, key: u32, n: u32): u32 {
  const i = load<u32>(key);
  return i < maxEntries(m) && n < nrCpus(m) ? base(m) + i * stride(m) + n * cpuStride(m) : 0;
}
/** ARRAY_OF_MAPS: the value is the inner map's address, 0 when the slot is empty. */
export function array_of_maps_lookup(m: u32, key: u32): u32 {
  const i = load<u32>(key);
  return i < maxEntries(m) ? load<u32>(base(m) + i * stride(m)) : 0;
}
/** DEVMAP, CPUMAP, XSKMAP: a value starts with its presence word; the value proper lies 8 bytes further. */
export function target_lookup(m: u32, key: u32): u32 {
  const i = load<u32>(key);
  if (i >= maxEntries(m)) return 0;
  const e = base(m) + i * stride(m);
  return load<u32>(e) ? e + 8 : 0;
}
function checkIndex(m: u32, key: u32, flags: u32): i32 {
  if ((flags & ~BPF_F_LOCK) > BPF_EXIST) return EINVAL;
  if (load<u32>(key) >= maxEntries(m)) return E2BIG;
  if (flags & BPF_NOEXIST) return EEXIST;
  if (flags & BPF_F_LOCK && lockOff(m) < 0) return EINVAL;
  return 0;
}
export function array_update(m: u32, key: u32, value: u32, flags: u32): i32 {
  const r = checkIndex(m, key, flags);
  if (r) return r;
  copyValue(m, base(m) + load<u32>(key) * stride(m), value);
  return 0;
}
export function percpu_array_update(m: u32, key: u32, value: u32, flags: u32): i32 {
  const r = checkIndex(m, key, flags);
  if (r) return r;
  copyValue(m, base(m) + load<u32>(key) * stride(m) + cpu * cpuStride(m), value);
  return 0;
}
export function array_delete(m: u32, key: u32): i32 { return EINVAL; }
