/** Values of the verifier in plain words. */
import {
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  NOT_INIT,
  PTR_MAYBE_NULL,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_SOCKET,
  PTR_TO_SOCK_COMMON,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_TP_BUFFER,
  PTR_TO_XDP_SOCK,
  SCALAR_VALUE,
  baseType,
} from '../rules/reg-types.ts';
import { A, B, TYPE, smaxOf, sminOf, umaxOf, uminOf, varOffConst } from '../verifier/state/row.ts';
import type { VerifierEnv } from '../verifier/env.ts';

const WORDS: ReadonlyMap<number, string> = new Map([
  [NOT_INIT, 'nothing'],
  [SCALAR_VALUE, 'a number'],
  [PTR_TO_CTX, 'the context'],
  [CONST_PTR_TO_MAP, 'a map'],
  [PTR_TO_MAP_VALUE, 'a map value'],
  [PTR_TO_MAP_KEY, 'a map key'],
  [PTR_TO_STACK, 'the stack'],
  [PTR_TO_PACKET_META, "the packet's metadata"],
  [PTR_TO_PACKET, 'the packet'],
  [PTR_TO_PACKET_END, 'the end of the packet'],
  [PTR_TO_FLOW_KEYS, 'flow keys'],
  [PTR_TO_SOCKET, 'a socket'],
  [PTR_TO_SOCK_COMMON, 'a socket'],
  [PTR_TO_TCP_SOCK, 'a TCP socket'],
  [PTR_TO_TP_BUFFER, "the tracepoint's buffer"],
  [PTR_TO_XDP_SOCK, 'an XDP socket'],
  [PTR_TO_BTF_ID, 'a kernel object'],
  [PTR_TO_MEM, 'memory of the kernel'],
  [PTR_TO_ARENA, 'the arena'],
  [PTR_TO_BUF, 'a buffer of the kernel'],
  [PTR_TO_FUNC, 'a function'],
  [CONST_PTR_TO_DYNPTR, 'a dynptr'],
]);

/** `a value of map counters`, `a struct task_struct`, `the packet`: what a pointer leads to. */
export function thing(env: VerifierEnv, row: Int32Array): string {
  const base = baseType(row[TYPE]);
  if (base === PTR_TO_MAP_VALUE || base === PTR_TO_MAP_KEY || base === CONST_PTR_TO_MAP) {
    const name = env.maps[row[A]]?.name ?? '';
    const what = base === CONST_PTR_TO_MAP ? 'map' : base === PTR_TO_MAP_KEY ? 'a key of map' : 'a value of map';
    return name === '' ? (WORDS.get(base) ?? '') : `${what} ${name}`;
  }
  if (base === PTR_TO_BTF_ID) {
    const name = env.btfs[row[A]]?.name(row[B]) ?? '';
    return name === '' ? 'a kernel object' : `a struct ${name}`;
  }
  return WORDS.get(base) ?? 'a pointer';
}

export const mayBeNull = (row: Int32Array): boolean => (row[TYPE] & PTR_MAYBE_NULL) !== 0;

const UNBOUNDED = 2 ** 53;

/** A bound as people write it: exact, hexadecimal for the ends of the widths. */
function bound(n: number): string {
  if (n >= 2 ** 64 - 2 ** 12) return '2^64-1';
  if (n >= 2 ** 63 - 2 ** 12) return '2^63-1';
  if (n <= -(2 ** 63)) return '-2^63';
  return String(n);
}

/** `7`, `0 to 255`, `-1 to 10`, `any 64-bit number`: what a number may be. */
export function range(row: Int32Array): string {
  const [umin, umax, smin, smax] = [uminOf(row, 0), umaxOf(row, 0), sminOf(row, 0), smaxOf(row, 0)];
  if (varOffConst(row, 0) || (smin === smax && Math.abs(smin) < UNBOUNDED)) return bound(smin);
  if (smin < 0 && smin > -UNBOUNDED && smax < UNBOUNDED) return `${bound(smin)} to ${bound(smax)}`;
  if (smin >= 0 || umax < UNBOUNDED)
    return umin === 0 && umax >= UNBOUNDED ? 'any positive number' : `${bound(umin)} to ${bound(umax)}`;
  if (smax < UNBOUNDED) return `any negative number, or up to ${bound(smax)}`;
  return smin > -UNBOUNDED ? `${bound(smin)} or more` : 'any 64-bit number';
}

/** `1 byte`, `14 bytes`. */
export const bytes = (n: number): string => (n === 1 ? '1 byte' : `${n} bytes`);

/** `` `eth` ``, or the fallback for what has no name. */
export const quoted = (name: string | undefined, fallback: string): string =>
  name === undefined || name === '' ? fallback : `\`${name}\``;
