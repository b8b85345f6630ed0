/** The context of perf_event programs: struct bpf_perf_event_data_kern, which leads to registers and sample data. */
import type { HookEnv } from './env.ts';

/** Multiple of 8 at or above `n`. */
const round8 = (n: number): number => (n + 7) & ~7;

/** Bytes that {@link perfEventContext} needs behind the context as user space writes it. */
export function perfEventRoom({ layouts }: HookEnv): number {
  return 8 + round8(layouts.struct('bpf_perf_event_data_kern').size) + round8(layouts.struct('perf_sample_data').size);
}

/**
 * Puts the kernel's structs behind a struct bpf_perf_event_data of `length` bytes at `at`: the registers stay where
 * they are, sample_period and addr are its last 16 bytes. Returns the context's address.
 */
export function perfEventContext({ mem, layouts }: HookEnv, at: number, length: number): number {
  const kern = layouts.struct('bpf_perf_event_data_kern');
  const sample = layouts.struct('perf_sample_data');
  const ctx = round8(at + length);
  const data = ctx + round8(kern.size);
  mem.u8.fill(0, ctx, data + sample.size);
  mem.u32[(ctx + kern.offset('regs')) >>> 2] = at;
  mem.u32[(ctx + kern.offset('data')) >>> 2] = data;
  if (length < 16) return ctx;
  mem.u8.copyWithin(data + sample.offset('period'), at + length - 16, at + length - 8);
  mem.u8.copyWithin(data + sample.offset('addr'), at + length - 8, at + length);
  return ctx;
}
