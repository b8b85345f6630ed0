/** Golden WebAssembly text of small functions, and what every module may import. Rewrite with BLESS=1. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import wabtInit from 'wabt';
import type { MapDesc } from '../../../src/kernel/rules/map-desc.ts';
import { anyProgram } from './programs.ts';
import { compile, makeLink, programOf, type Row } from './support.ts';

const EXIT: Row = [0x95];
const wabt = await wabtInit();

/** The functions of the program itself, without the run wrappers behind them. */
function text(rows: readonly Row[], map?: MapDesc, at = -1): string {
  const mapIndex = new Int16Array(rows.length).fill(-1);
  if (at >= 0) mapIndex[at] = 0;
  const program = programOf(rows, { mapIndex, usedMaps: map === undefined ? [] : [map] });
  const link = makeLink();
  link.helpers.set(900, { kind: 'js', fn() {} });
  const module = wabt.readWasm(compile(link, program).wasm, { readDebugNames: false });
  module.applyNames();
  const functions = module.toText({ foldExprs: true, inlineExport: false }).split(/\n(?= {2}\((?:func|export))/);
  return functions
    .filter((f) => f.startsWith('  (func'))
    .slice(0, program.subprogs.length)
    .join('\n');
}

const CASES: Record<string, () => string> = {
  'constants fold into their users': () =>
    text([[0xb7, 1, 0, 0, 6], [0x27, 1, 0, 0, 7], [0xb4, 2, 0, 0, -1], [0x0f, 1, 2], [0xbf, 0, 1], EXIT]),
  'if and else': () =>
    text([
      [0x61, 2, 1, 0],
      [0xb7, 0, 0, 0, 1],
      [0x25, 2, 0, 2, 9],
      [0x07, 2, 0, 0, 5],
      [0x05, 0, 0, 1],
      [0x67, 2, 0, 0, 3],
      [0x0f, 0, 2],
      EXIT,
    ]),
  'bounded loop over packet bytes': () =>
    text([
      [0x61, 2, 1, 4],
      [0x61, 1, 1, 0],
      [0xb7, 0],
      [0xbf, 3, 1],
      [0x07, 3, 0, 0, 1],
      [0x2d, 3, 2, 4],
      [0x71, 4, 1, 0],
      [0x0c, 0, 4],
      [0xbf, 1, 3],
      [0x05, 0, 0, -7],
      EXIT,
    ]),
  'stack slots need no pushed frame in a leaf': () =>
    text([[0x7a, 10, 0, -8, 1], [0xbf, 2, 10], [0x07, 2, 0, 0, -16], [0x63, 2, 1, 8], [0x79, 0, 10, -8], EXIT]),
  'array lookup in place': () =>
    text(
      [
        [0x62, 10, 0, -4, 3],
        [0xbf, 2, 10],
        [0x07, 2, 0, 0, -4],
        [0x18, 1, 0, 0, 0x6_0000],
        [0],
        [0x85, 0, 0, 0, 1],
        [0x15, 0, 0, 2, 0],
        [0xb7, 1, 0, 0, 1],
        [0xdb, 0, 1, 0, 0],
        EXIT,
      ],
      { type: 2, maxEntries: 8, elemSize: 16, valuesAddr: 0x7_0000, keySize: 4 } as MapDesc,
      5,
    ),
  'JavaScript helper through the frame': () =>
    text([
      [0xb7, 1, 0, 0, 1],
      [0xb7, 2, 0, 0, 2],
      [0xb7, 3, 0, 0, 3],
      [0xb7, 4, 0, 0, 4],
      [0xb7, 5, 0, 0, 5],
      [0x85, 0, 0, 0, 900],
      EXIT,
    ]),
  'function with the arguments it reads': () =>
    text([[0xbf, 2, 1], [0xb7, 1, 0, 0, 5], [0x85, 0, 1, 0, 1], EXIT, [0xbf, 0, 1], [0x0f, 0, 2], EXIT]),
  'irreducible graph': () =>
    text([[0x61, 0, 1, 0], [0x15, 0, 0, 1, 0], [0x07, 0, 0, 0, 1], [0x07, 0, 0, 0, 2], [0xa5, 0, 0, -3, 100], EXIT]),
};

describe('golden WebAssembly text', () => {
  const dir = new URL('../../fixtures/jit/', import.meta.url);
  for (const [name, make] of Object.entries(CASES)) {
    it(name, () => {
      const file = new URL(`${name.replaceAll(' ', '-')}.wat`, dir);
      const got = `${make()}\n`;
      if (process.env.BLESS) {
        mkdirSync(dir, { recursive: true });
        writeFileSync(file, got);
      }
      expect(got).toBe(readFileSync(file, 'utf8'));
    });
  }
});

describe('module audit', () => {
  const ALLOWED = /^(memory|sp|cell|slot|table|tailCallTarget|mayGotoTick|poll|abort|[hk]\d+(_-?\d+)?|m_\w+)$/;
  it('holds for random programs: valid, one imported memory, known imports, no state of its own', () => {
    const link = makeLink();
    fc.assert(
      fc.property(anyProgram, fc.boolean(), (rows, guarded) => {
        const guard = guarded ? { guard: { regions: [], fuel: 1, r2: 0, callx: [] } } : {};
        const exe = compile(link, programOf(rows), guard);
        expect(WebAssembly.validate(exe.wasm)).toBe(true);
        const module = new WebAssembly.Module(exe.wasm);
        const imports = WebAssembly.Module.imports(module);
        expect(imports.filter((i) => i.kind === 'memory')).toHaveLength(1);
        for (const i of imports)
          expect(`${i.module}.${i.name}`).toMatch(new RegExp(`^env\\.${ALLOWED.source.slice(1)}`));
        expect(WebAssembly.Module.exports(module).every((e) => e.kind === 'function')).toBe(true);
        // Sections: type, import, function, export, code. No globals, tables, data or start function of its own.
        expect(sectionIds(exe.wasm)).toEqual([1, 2, 3, 7, 10]);
        exe.dispose();
      }),
      { numRuns: 100 },
    );
  });
});

function sectionIds(bytes: Uint8Array): number[] {
  const ids: number[] = [];
  for (let at = 8; at < bytes.length; ) {
    ids.push(bytes[at++]);
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const b = bytes[at++];
      size += (b & 127) * 2 ** shift;
      if (b < 128) break;
    }
    at += size;
  }
  return ids;
}
