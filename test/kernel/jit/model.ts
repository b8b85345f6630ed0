/** An independent model of the instruction set in BigInt, written from RFC 9669 for comparison with the engines. */
import type { Insns } from '../../../src/isa/insn.ts';

const U64 = (x: bigint): bigint => BigInt.asUintN(64, x);
const S64 = (x: bigint): bigint => BigInt.asIntN(64, x);

function alu(op: number, a: bigint, b: bigint, bits: number, signed: boolean): bigint {
  const n = BigInt(bits);
  const u = (x: bigint): bigint => BigInt.asUintN(bits, x);
  const s = (x: bigint): bigint => BigInt.asIntN(bits, x);
  const [ua, ub] = [u(a), u(b)];
  switch (op) {
    case 0x00:
      return u(ua + ub);
    case 0x10:
      return u(ua - ub);
    case 0x20:
      return u(ua * ub);
    case 0x30:
      return ub === 0n ? 0n : signed ? u(s(ua) / s(ub)) : ua / ub;
    case 0x40:
      return ua | ub;
    case 0x50:
      return ua & ub;
    case 0x60:
      return u(ua << (ub % n));
    case 0x70:
      return ua >> (ub % n);
    case 0x80:
      return u(-ua);
    case 0x90:
      return ub === 0n ? ua : signed ? u(s(ua) % s(ub)) : ua % ub;
    case 0xa0:
      return ua ^ ub;
    case 0xb0:
      return ub;
    case 0xc0:
      return u(s(ua) >> (ub % n));
    default:
      throw new Error(`alu ${op}`);
  }
}

function taken(op: number, a: bigint, b: bigint, bits: number): boolean {
  const [ua, ub] = [BigInt.asUintN(bits, a), BigInt.asUintN(bits, b)];
  const [sa, sb] = [BigInt.asIntN(bits, a), BigInt.asIntN(bits, b)];
  switch (op) {
    case 0x10:
      return ua === ub;
    case 0x20:
      return ua > ub;
    case 0x30:
      return ua >= ub;
    case 0x40:
      return (ua & ub) !== 0n;
    case 0x50:
      return ua !== ub;
    case 0x60:
      return sa > sb;
    case 0x70:
      return sa >= sb;
    case 0xa0:
      return ua < ub;
    case 0xb0:
      return ua <= ub;
    case 0xc0:
      return sa < sb;
    case 0xd0:
      return sa <= sb;
    default:
      throw new Error(`jump ${op}`);
  }
}

function swap(x: bigint, bits: number): bigint {
  let out = 0n;
  for (let k = 0; k < bits; k += 8) out = (out << 8n) | ((x >> BigInt(k)) & 0xffn);
  return out;
}

const SIZES: Record<number, number> = { 0x00: 4, 0x08: 2, 0x10: 1, 0x18: 8 };

/** Runs `insns` from slot 0 on `memory`, addressed from `base`; r10 is `base + memory.length`. Returns r0. */
export function runModel(insns: Insns, memory: Uint8Array, base: number, r1 = 0n): bigint {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.length);
  let regs = Array.from({ length: 12 }, () => 0n);
  regs[1] = r1;
  regs[10] = BigInt(base + memory.length);
  const frames: { pc: number; saved: bigint[] }[] = [];
  const load = (addr: bigint, size: number): bigint => {
    const at = Number(addr) - base;
    if (size === 8) return view.getBigUint64(at, true);
    return BigInt(size === 4 ? view.getUint32(at, true) : size === 2 ? view.getUint16(at, true) : view.getUint8(at));
  };
  const store = (addr: bigint, size: number, v: bigint): void => {
    const at = Number(addr) - base;
    if (size === 8) view.setBigUint64(at, U64(v), true);
    else if (size === 4) view.setUint32(at, Number(v & 0xffffffffn), true);
    else if (size === 2) view.setUint16(at, Number(v & 0xffffn), true);
    else view.setUint8(at, Number(v & 0xffn));
  };
  for (let pc = 0, steps = 0; ; pc++) {
    if (++steps > 2_000_000) throw new Error('model ran too long');
    const { code, dst, src, off, imm } = insns.get(pc);
    const cls = code & 7;
    const op = code & 0xf0;
    const size = SIZES[code & 0x18];
    const operand = code & 8 ? regs[src] : BigInt(imm);
    if (cls === 4 || cls === 7) {
      const bits = cls === 7 ? 64 : 32;
      if (op === 0xd0) {
        const v = BigInt.asUintN(imm, regs[dst]);
        regs[dst] = cls === 7 || code & 8 ? swap(v, imm) : v;
      } else if (op === 0xb0 && code & 8 && off > 1) {
        regs[dst] = BigInt.asUintN(bits, BigInt.asIntN(off, regs[src]));
      } else regs[dst] = alu(op, regs[dst], operand, bits, off === 1);
    } else if (code === 0x18) {
      regs[dst] = (BigInt(insns.imm[pc + 1] >>> 0) << 32n) | BigInt(imm >>> 0);
      pc++;
    } else if (cls === 1) {
      const v = load(regs[src] + BigInt(off), size);
      regs[dst] = (code & 0xe0) === 0x80 ? U64(BigInt.asIntN(size * 8, v)) : v;
    } else if (cls === 2) store(regs[dst] + BigInt(off), size, BigInt(imm));
    else if (cls === 3 && (code & 0xe0) === 0x60) store(regs[dst] + BigInt(off), size, regs[src]);
    else if (cls === 3) {
      if (imm === 0x100) {
        regs[dst] = load(regs[src] + BigInt(off), size);
        continue;
      }
      const at = regs[dst] + BigInt(off);
      const bits = size * 8;
      if (imm === 0x110) {
        store(at, size, regs[src]);
        continue;
      }
      const old = load(at, size);
      if (imm === 0xf1) {
        if (old === BigInt.asUintN(bits, regs[0])) store(at, size, regs[src]);
        regs[0] = old;
      } else {
        store(at, size, imm === 0xe1 ? regs[src] : alu(imm & 0xf0, old, regs[src], bits, false));
        if (imm & 1) regs[src] = old;
      }
    } else if (op === 0x90) {
      const frame = frames.pop();
      if (frame === undefined) return regs[0];
      regs = [regs[0], ...regs.slice(1, 6), ...frame.saved];
      pc = frame.pc;
    } else if (op === 0x80) {
      frames.push({ pc, saved: regs.slice(6) });
      regs[10] -= 512n;
      pc += imm;
    } else if (op === 0x00) pc += cls === 6 ? imm : off;
    else if (taken(op, regs[dst], operand, cls === 5 ? 64 : 32)) pc += off;
    if (S64(BigInt(pc)) < 0n) throw new Error('pc');
  }
}
