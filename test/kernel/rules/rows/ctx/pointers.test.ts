/** Loads through socket pointers: offsets and sizes that Linux 6.18 takes, recorded by probing loads. */
import { expect, it } from 'vitest';
import { isValidSockAccess } from '../../../../../src/kernel/rules/rows/ctx/pointers.ts';
import { PTR_TO_SOCK_COMMON, PTR_TO_SOCKET, PTR_TO_TCP_SOCK } from '../../../../../src/kernel/rules/reg-types.ts';

/** `offset=sizes` for whole, start-only and free narrow fields. */
function allowed(type: number, end: number): string[] {
  const out: string[] = [];
  for (let off = -4; off < end + 8; off++) {
    const sizes = [1, 2, 4, 8].filter((s) =>
      isValidSockAccess(type, { off, size: s, write: false, signExtend: false }, { regType: 0, ctxFieldSize: 0 }),
    );
    if (sizes.length > 0) out.push(`${off}=${sizes.join('')}`);
  }
  return out;
}
const narrow = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `${from + i}=${['124', '1', '12', '1'][(from + i) % 4]}`);
const COMMON = [...narrow(24, 44), '44=124', '48=124', '49=1', ...narrow(52, 72), '72=124', '76=124'];

it('reads sockets', () => {
  expect(allowed(PTR_TO_SOCK_COMMON, 80)).toEqual(['0=4', '4=124', ...COMMON]);
  expect(allowed(PTR_TO_SOCKET, 80)).toEqual(['0=4', '4=124', '8=124', '12=124', '16=4', '20=4', ...COMMON]);
});

it('reads TCP sockets by whole fields', () => {
  const words = (from: number, to: number) => Array.from({ length: (to - from) / 4 }, (_, i) => `${from + 4 * i}=4`);
  expect(allowed(PTR_TO_TCP_SOCK, 112)).toEqual([...words(0, 80), '80=8', '88=8', ...words(96, 112)]);
});
