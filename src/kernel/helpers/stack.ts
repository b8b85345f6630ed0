/** bpf_get_stackid and bpf_get_stack: the host supplies return addresses. */
import { ERRNO } from '../../uapi/errno.ts';
import {
  BPF_F_FAST_STACK_CMP,
  BPF_F_REUSE_STACKID,
  BPF_F_SKIP_FIELD_MASK,
  BPF_F_USER_BUILD_ID,
  BPF_F_USER_STACK,
} from '../../uapi/flags.ts';

import { headerWord } from '../maps/header.ts';
import { putStack } from '../maps/stack-trace.ts';
import type { HelperEnv } from '../run/env.ts';
import { simple } from './frame.ts';

/** The stack from the frame that `flags` skips to, at most `room` bytes; -EFAULT without a host that can tell. */
function capture(env: HelperEnv, flags: number, room: number): Uint8Array | number {
  const stack = env.host.stackTrace?.((flags & BPF_F_USER_STACK) !== 0);
  if (!stack) return -ERRNO.EFAULT;
  const skip = flags & BPF_F_SKIP_FIELD_MASK;
  if (skip >= stack.length) return -ERRNO.EFAULT;
  const kept = BigUint64Array.from(stack.slice(skip, skip + Math.floor(room / 8)));
  return new Uint8Array(kept.buffer);
}

const STACKID_FLAGS = BPF_F_SKIP_FIELD_MASK | BPF_F_USER_STACK | BPF_F_FAST_STACK_CMP | BPF_F_REUSE_STACKID;

/** bpf_get_stackid(ctx, map, flags) */
export const getStackid = simple(
  (env) => (_ctx, map, flags) => {
    if (flags & ~STACKID_FLAGS) return -ERRNO.EINVAL;
    const stack = capture(env, flags, headerWord(env.mem.u32, map, 'valueSize'));
    if (typeof stack === 'number') return stack;
    return putStack(env, map, { hash: fnv(stack), bytes: stack }, flags);
  },
  3,
);

/** bpf_get_stack(ctx, buf, size, flags): bytes written; the rest of the buffer is zero. Build ids are SCOPE 76. */
export const getStack = simple(
  (env) => (_ctx, buf, size, flags) => {
    const { u8 } = env.mem;
    u8.fill(0, buf, buf + size);
    if (flags & ~(BPF_F_SKIP_FIELD_MASK | BPF_F_USER_STACK) || flags & BPF_F_USER_BUILD_ID) return -ERRNO.EINVAL;
    if (size % 8 !== 0) return -ERRNO.EINVAL;
    const stack = capture(env, flags, size);
    if (typeof stack === 'number') return stack;
    u8.set(stack, buf);
    return stack.length;
  },
  4,
);

/** FNV-1a over the bytes. */
function fnv(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
