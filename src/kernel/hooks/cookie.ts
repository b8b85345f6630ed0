/** Cookies as one number, as structs for user space hold them. */
import type { RunOf } from './env.ts';

export const joined = ([lo, hi]: RunOf['cookie']): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
