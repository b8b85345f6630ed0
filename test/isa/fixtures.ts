/** Reading the recorded answers in test/recorded/isa (scripts/record_isa_fixtures.py records them). */
import { readFileSync } from 'node:fs';

export const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (b) => Number.parseInt(b, 16));
export const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');

/** Rows of a fixture: hex in the first column, text in the second. */
export function fixture(name: string): [hex: string, text: string][] {
  const text = readFileSync(new URL(`../recorded/isa/${name}`, import.meta.url), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t') as [string, string]);
}
