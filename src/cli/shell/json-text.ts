/** BTF values as text: JSON in which 64-bit numbers stay exact, and the shorter form for people. */
import type { BtfValue } from '../../btf/value.ts';

// oxlint-disable-next-line no-control-regex -- they are what is looked for
const CONTROL = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** JSON without control and direction characters: names of untrusted files are printed on terminals, too. */
export const toJson = (value: unknown): string =>
  JSON.stringify(value).replace(CONTROL, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** JSON on one line; bigints are written as the numbers that they are. */
export function jsonText(value: BtfValue | null | undefined): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .map(([k, v]) => `${toJson(k)}:${jsonText(v)}`)
      .join(',')}}`;
  return Number.isFinite(value) || typeof value !== 'number' ? toJson(value) : `"${value}"`;
}

/** `{ bytes: 10, addr: [10, 0, 0, 1] }`: names bare, elements on one line. */
export function plainText(value: BtfValue): string {
  if (Array.isArray(value)) return `[${value.map(plainText).join(', ')}]`;
  if (typeof value === 'object' && value !== null)
    return `{ ${Object.entries(value)
      .map(([k, v]) => `${k}: ${plainText(v)}`)
      .join(', ')} }`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

export const hexText = (bytes: Uint8Array): string =>
  Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
