/** Both dialects against what the kernel and llvm-objdump printed. */
import { describe, expect, it } from 'vitest';
import { decodeInsns } from '../../src/isa/decode.ts';
import { disasmKernel } from '../../src/isa/disasm.ts';
import { disasmObjdump } from '../../src/isa/disasm-objdump.ts';
import { bytesOf, fixture } from './fixtures.ts';

describe('disasmKernel', () => {
  it('prints every instruction as the verifier log of Linux 6.18 does', () => {
    const rows = fixture('kernel-log.tsv');
    expect(rows.length).toBeGreaterThan(1000);
    const wrong = rows
      .map(([hex, text]) => [hex, text, disasmKernel(decodeInsns(bytesOf(hex)), 0)])
      .filter(([, text, ours]) => text !== ours);
    expect(wrong).toEqual([]);
  });

  it('names kfuncs and map addresses by its options', () => {
    const kfunc = decodeInsns(bytesOf('8520000039300000'));
    expect(disasmKernel(kfunc, 0, { callName: () => 'bpf_task_acquire' })).toBe('(85) call bpf_task_acquire#12345');
    const map = decodeInsns(bytesOf('18110000050000000000000000000000'));
    expect(disasmKernel(map, 0, { mapAddr: () => '0xffff888100997000' })).toBe('(18) r1 = 0xffff888100997000');
  });

  it('survives what is no instruction', () => {
    for (let code = 0; code < 256; code++) {
      const insns = decodeInsns(Uint8Array.of(code, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff));
      expect(disasmKernel(insns, 0)).toMatch(/^\([0-9a-f]{2}\) ./);
      expect(disasmObjdump(insns, 0)).not.toBe('');
    }
  });
});

describe('disasmObjdump', () => {
  for (const [name, opts] of [
    ['objdump.tsv', {}],
    ['objdump-v4.tsv', { alu32: true }],
  ] as const) {
    it(`prints what llvm-objdump-19 does (${name})`, () => {
      const rows = fixture(name);
      expect(rows.length).toBeGreaterThan(700);
      const wrong = rows
        .map(([hex, text]) => [hex, text, disasmObjdump(decodeInsns(bytesOf(hex)), 0, opts).replace('\t', ' ')])
        .filter(([hex, text, ours]) => text !== ours && !KEEPS_MORE.some((prefix) => hex.startsWith(prefix)))
        // LLVM 19 reads load_acquire, and without --mcpu every 32-bit fetch_add, as a plain addition.
        .filter(([hex]) => !/^[cd][3b].{6}0001|^[cd][3b].{6}10010000|^c3.{6}01000000/.test(hex));
      expect(wrong).toEqual([]);
    });
  }
});

/** objdump forgets the constant of LD_IND and the second slot of ld_imm64 with a source; ours keeps them. */
const KEEPS_MORE = ['40', '48', '50', '1821', '1842'];
