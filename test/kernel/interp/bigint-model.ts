/** RFC 9669 arithmetic on BigInt, written from the text of the standard alone: what the engines are compared with. */
import type { Insn } from '../../../src/isa/insn.ts';

const u64 = (v: bigint): bigint => BigInt.asUintN(64, v);
const s64 = (v: bigint): bigint => BigInt.asIntN(64, v);

/** dst after one arithmetic instruction. */
export function aluModel(insn: Insn, dst: bigint, srcReg: bigint): bigint {
  const wide = (insn.code & 7) === 7;
  const bits = wide ? 64 : 32;
  const unsigned = (v: bigint): bigint => BigInt.asUintN(bits, v);
  const signed = (v: bigint): bigint => BigInt.asIntN(bits, v);
  const x = (insn.code & 8) !== 0;
  const a = unsigned(dst);
  const b = unsigned(x ? srcReg : BigInt(insn.imm));
  const shift = b & BigInt(bits - 1);
  switch (insn.code >> 4) {
    case 0:
      return unsigned(a + b);
    case 1:
      return unsigned(a - b);
    case 2:
      return unsigned(a * b);
    case 3:
      if (b === 0n) return 0n;
      return insn.off === 1 ? unsigned(signed(a) / signed(b)) : a / b;
    case 4:
      return a | b;
    case 5:
      return a & b;
    case 6:
      return unsigned(a << shift);
    case 7:
      return a >> shift;
    case 8:
      return unsigned(-a);
    case 9:
      if (b === 0n) return a;
      return insn.off === 1 ? unsigned(signed(a) % signed(b)) : a % b;
    case 10:
      return a ^ b;
    case 11:
      if (insn.off === 0 || !x) return b;
      return unsigned(BigInt.asIntN(insn.off, srcReg));
    case 12:
      return unsigned(signed(a) >> shift);
    case 13: {
      const low = BigInt.asUintN(insn.imm, dst);
      if (!wide && !x) return low;
      let out = 0n;
      for (let k = 0; k < insn.imm; k += 8) out = (out << 8n) | ((low >> BigInt(k)) & 0xffn);
      return out;
    }
    default:
      throw new Error(`no arithmetic: ${insn.code}`);
  }
}

/** Whether a conditional jump is taken. */
export function jumpModel(insn: Insn, dst: bigint, srcReg: bigint): boolean {
  const bits = (insn.code & 7) === 5 ? 64 : 32;
  const a = BigInt.asUintN(bits, dst);
  const b = BigInt.asUintN(bits, (insn.code & 8) !== 0 ? srcReg : BigInt(insn.imm));
  const sa = BigInt.asIntN(bits, a);
  const sb = BigInt.asIntN(bits, b);
  const table: Record<number, boolean> = {
    1: a === b,
    2: a > b,
    3: a >= b,
    4: (a & b) !== 0n,
    5: a !== b,
    6: sa > sb,
    7: sa >= sb,
    10: a < b,
    11: a <= b,
    12: sa < sb,
    13: sa <= sb,
  };
  return table[insn.code >> 4];
}

export { s64, u64 };
