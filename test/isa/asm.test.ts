/** The assembler reads what both disassemblers write, and says where it cannot. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble, assembleProgram } from '../../src/isa/asm/assemble.ts';
import { disasmKernel } from '../../src/isa/disasm.ts';
import { disasmObjdump } from '../../src/isa/disasm-objdump.ts';
import { encodeInsns } from '../../src/isa/encode.ts';
import { allOps } from '../../src/isa/ops.ts';
import { FormatError } from '../../src/util/errors.ts';
import { insnOf } from './arbitrary.ts';
import { fixture, hexOf } from './fixtures.ts';

const hex = (text: string): string => hexOf(encodeInsns(assemble(text)));

describe('assemble', () => {
  for (const op of allOps()) {
    // What the text does not tell: kinds of ld_imm64 and callx in the kernel's, kinds of calls in objdump's.
    const kernel = !(op.format === 'ld_imm64' && op.src !== 0) && op.format !== 'callx';
    const objdump = !(op.format === 'call' && op.src !== 0);
    it(`reads ${op.name} back from its disassembly`, () => {
      fc.assert(
        fc.property(insnOf(op), (insns) => {
          // A kfunc call prints no fd_array index.
          if (op.name === 'call_kfunc') insns.off[0] = 0;
          if (kernel) expect(assemble(disasmKernel(insns, 0))).toEqual(insns);
          if (objdump) expect(assemble(disasmObjdump(insns, 0))).toEqual(insns);
          if (objdump) expect(assemble(disasmObjdump(insns, 0, { alu32: true }))).toEqual(insns);
        }),
        { numRuns: 30 },
      );
    });
  }

  it('reads what llvm-objdump printed', () => {
    for (const [bytes, text] of fixture('objdump-v4.tsv')) {
      if (/ll$|^ld_pseudo|skb\[r|^call /.test(text) || /^[cd][3b].{6}0001/.test(bytes)) continue;
      expect([text, hex(text)]).toEqual([text, bytes]);
    }
  });

  it('reads a verifier log', () => {
    const log = `
      0: (b7) r1 = 0x10                     ; R1=16
      1: (18) r2 = 0x5
      3: .12....... (0f) r1 += r2
      4: (85) call bpf_get_prandom_u32#7    ; R0=scalar()
      5: (95) exit`;
    expect(hex(log)).toBe(hex('r1 = 16\nr2 = 5 ll\nr1 += r2\ncall #7\nexit'));
  });

  it('resolves labels, local calls and function addresses', () => {
    const { insns, labels, lines } = assembleProgram(`
start:  r1 = func[callback] ll   // two slots
loop:   r2 -= 1                  # comment
        if r2 != 0 goto loop     ; comment
        gotol done
        call callback
        goto start
done:   exit
callback: r0 = 0
        exit`);
    expect(Object.fromEntries(labels)).toEqual({ start: 0, loop: 2, done: 7, callback: 8 });
    expect(insns.get(0)).toEqual({ code: 0x18, dst: 1, src: 4, off: 0, imm: 7 });
    expect(insns.get(3)).toMatchObject({ code: 0x55, off: -2 });
    expect(insns.get(4)).toMatchObject({ code: 0x06, imm: 2 });
    expect(insns.get(5)).toMatchObject({ code: 0x85, src: 1, imm: 2 });
    expect(insns.get(6)).toMatchObject({ code: 0x05, off: -7 });
    expect([...lines]).toEqual([2, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('takes helpers by name, id and both, and prefers a label of that name', () => {
    const forms = [
      'call bpf_ktime_get_ns',
      'call ktime_get_ns',
      'call #5',
      'call 5',
      'call 0x5',
      'call bpf_ktime_get_ns#5',
    ];
    for (const form of forms) expect(hex(form)).toBe('8500000005000000');
    expect(assemble('call ktime_get_ns\nexit\nktime_get_ns: exit').get(0)).toMatchObject({ src: 1, imm: 1 });
    expect(assemble('call bpf_task_acquire#12345').get(0)).toMatchObject({ src: 2, imm: 12345 });
  });

  it('refers to maps through a resolver', () => {
    const text = 'r1 = map[flows] ll\nr2 = map[config][0] + 8 ll';
    const { insns, maps } = assembleProgram(text, { map: (name) => (name === 'flows' ? 3 : 4) });
    expect(insns.get(0)).toMatchObject({ src: 1, imm: 3 });
    expect([insns.get(2), insns.get(3)]).toMatchObject([{ src: 2, imm: 4 }, { imm: 8 }]);
    expect(maps).toEqual([
      { index: 0, name: 'flows' },
      { index: 2, name: 'config', valueOff: 8 },
    ]);
    expect(() => assemble(text, { map: () => undefined })).toThrow('line 1, column 10: no map flows');
  });

  it('chooses ld_imm64 for constants that a move cannot hold', () => {
    expect(assemble('r1 = 0xffffffff').length).toBe(2);
    expect(assemble('r1 = 0xffffffff ll').length).toBe(2);
    expect(assemble('r1 = -1').length).toBe(1);
    expect(hex('w1 = 0xffffffff')).toBe(hex('w1 = -1'));
    expect(hex('if r1 > 0xffffffff goto +0')).toBe(hex('if r1 > -1 goto +0'));
  });

  for (const [text, message] of [
    ['r1 = r2 r3', 'line 1, column 9: expected the end of the line, found r3'],
    ['r0 = 0\n  r11 = 1', 'line 2, column 3: registers are r0 to r10, found r11'],
    ['goto nowhere', 'line 1, column 6: no label nowhere'],
    ['a: exit\na: exit', 'line 2, column 1: label a is defined twice'],
    ['w0 = r1', 'line 1, column 6: expected w1, found r1'],
    ['if r1 == 2 then', 'line 1, column 12: expected goto, found then'],
    ['@', 'line 1, column 1: unexpected character "@"'],
    ['r1 = 5x', 'line 1, column 6: malformed number 5x'],
    ['call', 'line 1, column 5: expected a number, the line ends'],
    ['r1 += 0x80000000', 'line 1, column 7: 2147483648 does not fit in 32 signed bits'],
    ['*(u8 *)(r1 +40000) = 1', 'line 1, column 12: 40000 does not fit in 16 signed bits'],
    ['r0 = 0x10000000000000000', 'line 1, column 6: 18446744073709551616 does not fit in 64 bits'],
    ['lock *(u8 *)(r1 +0) += r2', 'lock takes u32 or u64'],
    ['r1 = be16 r2', 'byte swaps work in place: expected r1'],
    ['r2 = -r1', 'negation works in place: expected r2'],
    ['r1 = atomic64_cmpxchg((u64 *)(r2 +0), r0, r3)', 'cmpxchg compares with and returns in r0'],
    ['r1 = *(s64 *)(r2 +0)', 'a sign-extending load is of s8, s16 or s32'],
    ['r1 = *(u32 *)skb[4]', 'a packet load is r0 ='],
  ] as const) {
    it(`rejects ${JSON.stringify(text)}`, () => {
      expect(() => assemble(text)).toThrow(FormatError);
      expect(() => assemble(text)).toThrow(message);
    });
  }

  it('never throws anything but FormatError', () => {
    const words = [
      'r1',
      'w2',
      '=',
      '+=',
      '*(u32 *)',
      '(',
      ')',
      'if',
      'goto',
      'call',
      'exit',
      '5',
      '-',
      'lock',
      'll',
      'map[',
      ']',
      'x:',
      '#',
      ';',
      '\n',
      ',',
    ];
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(fc.constantFrom(...words)).map((w) => w.join(' ')),
        ),
        (text) => {
          try {
            assemble(text);
          } catch (e) {
            expect(e).toBeInstanceOf(FormatError);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
