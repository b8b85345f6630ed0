/** bpf_perf_prog_read_value: what the event of a sample has counted. */
import { ERRNO } from '../../uapi/errno.ts';
import { ProgramAbort } from '../../util/errors.ts';
import { layoutsOf } from '../run/env.ts';
import { simple } from './frame.ts';

/** sizeof(struct bpf_perf_event_value): counter, enabled, running. */
const VALUE_SIZE = 24;

/** bpf_perf_prog_read_value(ctx, buf, size) */
export const perfProgReadValue = simple((env) => {
  const { u8, u32 } = env.mem;
  const layouts = layoutsOf(env);
  const toEvent = layouts.struct('bpf_perf_event_data_kern').offset('event');
  const event = layouts.struct('perf_event');
  const fields = [
    event.offset('count.a.a.counter'),
    event.offset('total_time_enabled'),
    event.offset('total_time_running'),
  ];
  return (ctx, buf, size) => {
    if (size !== VALUE_SIZE) {
      u8.fill(0, buf, buf + size);
      return -ERRNO.EINVAL;
    }
    const at = u32[(ctx + toEvent) >>> 2];
    if (at === 0) throw new ProgramAbort('unsupported', -1, 'bpf_perf_prog_read_value: a test run has no perf event');
    for (const [i, field] of fields.entries()) u8.copyWithin(buf + i * 8, at + field, at + field + 8);
    return 0;
  };
});
