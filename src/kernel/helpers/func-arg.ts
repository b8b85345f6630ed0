/** bpf_get_func_arg, _ret and _arg_cnt: arguments of the traced function by number; how many there are lies below them. */
import { ERRNO } from '../../uapi/errno.ts';
import { simple } from './frame.ts';

const WORD = 8;

/** bpf_get_func_arg_cnt(ctx) */
export const getFuncArgCnt = simple((env) => {
  const { u32 } = env.mem;
  return (ctx) => u32[(ctx - WORD) >>> 2];
});

/** bpf_get_func_arg(ctx, n, value) */
export const getFuncArg = simple((env) => {
  const { u8, u32 } = env.mem;
  return (ctx, n, value) => {
    if (n >= u32[(ctx - WORD) >>> 2]) return -ERRNO.EINVAL;
    const at = ctx + n * WORD;
    u8.copyWithin(value, at, at + WORD);
    return 0;
  };
}, 2);

/** bpf_get_func_ret(ctx, value): the result lies behind the arguments. */
export const getFuncRet = simple((env) => {
  const { u8, u32 } = env.mem;
  return (ctx, value) => {
    if (!env.cpu.run.hasResult) return -ERRNO.EOPNOTSUPP;
    const at = ctx + u32[(ctx - WORD) >>> 2] * WORD;
    u8.copyWithin(value, at, at + WORD);
    return 0;
  };
});
