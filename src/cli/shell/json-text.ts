/** BTF values as text: JSON in which 64-bit numbers stay exact, and the shorter form for people. */
import type { BtfValue } from '../../btf/value.ts';

/** JSON on one line; bigints are written as the numbers that they are. */
export function jsonText(value: BtfValue | null | undefined): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .map(([k, v]) => `${JSON.stringify(k)}:${jsonText(v)}`)
      .join(',')}}`;
  return Number.isFinite(value) || typeof value !== 'number' ? JSON.stringify(value) : `"${value}"`;
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
