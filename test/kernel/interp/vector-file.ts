/** Reading vectors: sections of a .data file (test/kernel/interp/vectors/README.md). */
import { readdirSync, readFileSync } from 'node:fs';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { bytesOf } from '../../isa/fixtures.ts';

export interface Vector {
  readonly name: string;
  readonly program: Uint8Array;
  readonly mem: Uint8Array;
  /** `0x2a`, `reject REASON [field]` or `abort REASON`. */
  readonly result: string;
  /** Instructions, or loop iterations in the JIT, that it needs; absent where the runner's own do. */
  readonly fuel?: number;
}

export function readVector(name: string, text: string): Vector {
  const sections = new Map<string, string>();
  for (const part of text.split(/^-- /m).slice(1)) {
    const nl = part.indexOf('\n');
    sections.set(part.slice(0, nl).trim(), part.slice(nl + 1));
  }
  const hex = (s: string): Uint8Array => bytesOf(s.replace(/#.*$/gm, '').replace(/\s/g, ''));
  const asm = sections.get('asm');
  return {
    name,
    program: asm === undefined ? hex(sections.get('raw') ?? '') : encodeInsns(assemble(asm)),
    mem: hex(sections.get('mem') ?? ''),
    result: (sections.get('result') ?? '').trim(),
    ...(sections.has('fuel') ? { fuel: Number(sections.get('fuel')) } : {}),
  };
}

/** All vectors beside this file. */
export function ownVectors(): Vector[] {
  const dir = new URL('./vectors/', import.meta.url);
  return readdirSync(dir)
    .filter((f) => f.endsWith('.data'))
    .sort()
    .map((f) => readVector(f.slice(0, -5), readFileSync(new URL(f, dir), 'utf8')));
}
