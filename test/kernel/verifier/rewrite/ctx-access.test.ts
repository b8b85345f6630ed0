/** Rewritten context accesses against the instructions that Linux 6.18 put in their place (scripts/probe-ctx.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Insn } from '../../../../src/isa/insn.ts';
import { ALL_CAPS, type CtxAccess, type ProgQuery } from '../../../../src/kernel/rules/prog-type.ts';
import { compileRules } from '../../../../src/kernel/rules/compile.ts';
import {
  PTR_TO_CTX,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_TCP_SOCK,
} from '../../../../src/kernel/rules/reg-types.ts';
import { accessSize } from '../../../../src/kernel/verifier/rewrite/ctx-row.ts';
import { conversionOf, convertAccess } from '../../../../src/kernel/verifier/rewrite/ctx-access.ts';
import { genLdAbs } from '../../../../src/kernel/verifier/rewrite/ld-abs.ts';

const RULES = compileRules('6.18');

interface Fixture {
  readonly layout: Readonly<Record<string, [offset: number, size: number]>>;
  readonly rows: [keys: string[], rows: string[]][];
}
const fixture = JSON.parse(
  readFileSync(new URL('../../../recorded/verifier/ctx-access.json', import.meta.url), 'utf8'),
) as Fixture;

function layout(struct: string, path: readonly string[]): { offset: number; size: number } {
  const at = fixture.layout[[struct, ...path].join('.')];
  if (at === undefined) throw new Error(`layout of ${struct}.${path.join('.')} is not recorded`);
  return { offset: at[0], size: at[1] };
}

function convert(ptrType: number, q: ProgQuery, insn: Insn, fieldSize: number): Insn[] {
  const conversion = conversionOf(ptrType, q);
  return conversion === undefined ? [] : convertAccess(conversion, insn, fieldSize, layout);
}

function decode(hex: string): Insn[] {
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (b) => Number.parseInt(b, 16));
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 8 }, (_, i) => ({
    code: view.getUint8(i * 8),
    dst: view.getUint8(i * 8 + 1) & 15,
    src: view.getUint8(i * 8 + 1) >> 4,
    off: view.getInt16(i * 8 + 2, true),
    imm: view.getInt32(i * 8 + 4, true),
  }));
}
const text = (insns: Insn[]) =>
  insns.map((i) => `${i.code.toString(16)} r${i.dst} r${i.src} ${i.off} ${i.imm}`).join('; ');

describe('context accesses', () => {
  for (const [keys, rows] of fixture.rows) {
    it(`are rewritten as the kernel does: ${keys.join(' ')}`, () => {
      const [progType, expectedAttachType] = keys[0].split(':').map(Number);
      const q: ProgQuery = {
        progType,
        expectedAttachType,
        caps: ALL_CAPS,
        sleepable: false,
        gplCompatible: true,
        attachBtfName: '',
      };
      const ops = RULES.prog(progType);
      const wrong: string[] = [];
      for (const row of rows) {
        const [before, after] = row.split(' ').map(decode);
        const insn = before[0];
        const out: CtxAccess = { regType: 0, ctxFieldSize: 0 };
        const access = {
          off: insn.off,
          size: accessSize(insn.code),
          write: (insn.code & 7) !== 1,
          signExtend: (insn.code & 0xe0) === 0x80,
        };
        expect(ops?.isValidAccess(access, q, out)).toBe(true);
        // The only tstamp_type access of a program makes no difference to itself.
        const mine = text(convert(PTR_TO_CTX, q, insn, out.ctxFieldSize));
        if (mine !== text(after)) wrong.push(`${text(before)}: kernel ${text(after)} | ours ${mine}`);
      }
      expect(wrong).toEqual([]);
    });
  }

  it('leaves the context of other types alone', () => {
    const q: ProgQuery = {
      progType: 2,
      expectedAttachType: 0,
      caps: ALL_CAPS,
      sleepable: false,
      gplCompatible: true,
      attachBtfName: '',
    };
    expect(conversionOf(PTR_TO_CTX, q)).toBeUndefined();
  });
});

describe('socket pointers', () => {
  it('are read as the kernel does', () => {
    const q: ProgQuery = {
      progType: 3,
      expectedAttachType: 0,
      caps: ALL_CAPS,
      sleepable: false,
      gplCompatible: true,
      attachBtfName: '',
    };
    const load = (type: number, code: number, off: number, size: number) =>
      text(convert(type, q, { code, dst: 3, src: 2, off, imm: 0 }, size));
    expect(load(PTR_TO_SOCK_COMMON, 0x61, 4, 4)).toBe('69 r3 r2 16 0');
    expect(load(PTR_TO_SOCK_COMMON, 0x61, 76, 4)).toBe('69 r3 r2 122 0; 55 r3 r0 1 65535; b7 r3 r0 0 -1');
    expect(load(PTR_TO_SOCKET, 0x61, 16, 4)).toBe('61 r3 r2 524 0');
    expect(load(PTR_TO_TCP_SOCK, 0x61, 8, 4)).toBe('61 r3 r2 1500 0');
    expect(load(PTR_TO_TCP_SOCK, 0x61, 32, 4)).toBe('71 r3 r2 1640 0');
    expect(load(PTR_TO_TCP_SOCK, 0x79, 88, 8)).toBe('79 r3 r2 1824 0');
  });
});

describe('LD_ABS and LD_IND', () => {
  it('become a call of the packet loader, as in the kernel', () => {
    expect(text(genLdAbs({ code: 0x28, dst: 0, src: 0, off: 0, imm: 12 }))).toBe(
      'b7 r2 r0 0 12; bf r1 r6 0 0; 85 r0 r0 0 10002; 75 r0 r0 2 0; ac r0 r0 0 0; 95 r0 r0 0 0',
    );
    expect(text(genLdAbs({ code: 0x50, dst: 0, src: 7, off: 0, imm: 0 }))).toBe(
      'bf r2 r7 0 0; bf r1 r6 0 0; 85 r0 r0 0 10001; 75 r0 r0 2 0; ac r0 r0 0 0; 95 r0 r0 0 0',
    );
    expect(text(genLdAbs({ code: 0x40, dst: 0, src: 7, off: 0, imm: 20 }))).toBe(
      'bf r2 r7 0 0; 7 r2 r0 0 20; bf r1 r6 0 0; 85 r0 r0 0 10003; 75 r0 r0 2 0; ac r0 r0 0 0; 95 r0 r0 0 0',
    );
  });
});
