/** BPF_MAP_TYPE_QUEUE and STACK: a ring of max_entries + 1 slots, as the kernel's. */
import { BPF_EXIST, copyBytes, E2BIG, EINVAL, ENOENT } from './common';
import { base, head, maxEntries, setHead, setTail, stride, tail, valueSize } from './header';

// @ts-ignore: decorator
@inline function slot(m: u32, i: u32): u32 { return base(m) + i * stride(m); }
// @ts-ignore: decorator
@inline function succ(m: u32, i: u32): u32 { return i == maxEntries(m) ? 0 : i + 1; }

/** queue_stack_map_push_elem: BPF_EXIST drops the oldest when full. */
export function queue_push(m: u32, value: u32, flags: u32): i32 {
  if (flags != 0 && flags != BPF_EXIST) return EINVAL;
  const h = head(m);
  const next = succ(m, h);
  if (next == tail(m)) {
    if (!flags) return E2BIG;
    setTail(m, succ(m, next));
  }
  copyBytes(slot(m, h), value, valueSize(m));
  setHead(m, next);
  return 0;
}
// @ts-ignore: decorator
@inline function none(m: u32, value: u32): i32 {
  memory.fill(value, 0, valueSize(m));
  return ENOENT;
}
export function queue_peek(m: u32, value: u32): i32 {
  const t = tail(m);
  if (t == head(m)) return none(m, value);
  copyBytes(value, slot(m, t), valueSize(m));
  return 0;
}
export function queue_pop(m: u32, value: u32): i32 {
  const r = queue_peek(m, value);
  if (!r) setTail(m, succ(m, tail(m)));
  return r;
}
export function stack_peek(m: u32, value: u32): i32 {
  const h = head(m);
  if (tail(m) == h) return none(m, value);
  copyBytes(value, slot(m, h ? h - 1 : maxEntries(m)), valueSize(m));
  return 0;
}
export function stack_pop(m: u32, value: u32): i32 {
  const r = stack_peek(m, value);
  if (!r) {
    const h = head(m);
    setHead(m, h ? h - 1 : maxEntries(m));
  }
  return r;
}
