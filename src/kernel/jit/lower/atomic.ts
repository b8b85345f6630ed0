/**
 * Lowering of atomics in the plain flavour: load, operate, store. One thread runs on this memory, so that is exact
 * (RFC 9669 section 5.3; BPF_LOAD_ACQ and BPF_STORE_REL of Linux 6.15).
 */
import {
  BPF_ADD,
  BPF_AND,
  BPF_ATOMIC,
  BPF_CMPXCHG,
  BPF_FETCH,
  BPF_LOAD_ACQ,
  BPF_OR,
  BPF_STORE_REL,
  BPF_XCHG,
  BPF_XOR,
  bpfSizeBytes,
} from '../../../isa/opcodes.ts';
import type { FnState } from './fn-state.ts';
import { loadOp, noteStore, pushAddress, storeOp } from './memory.ts';
import { JitRefusal } from '../plan.ts';
import * as w from '../wasm/wasm-ops.ts';

const OPERATOR: ReadonlyMap<number, number> = new Map([
  [BPF_ADD, w.I64_ADD],
  [BPF_OR, w.I64_OR],
  [BPF_AND, w.I64_AND],
  [BPF_XOR, w.I64_XOR],
]);

/** Lowers an atomic instruction; false when its encoding is unknown. */
export function lowerAtomic(f: FnState, i: number): boolean {
  const { insns, out } = f;
  const code = insns.code[i];
  if ((code & 0xe0) !== BPF_ATOMIC) throw new JitRefusal('unsupported', i, 'atomic on arena memory');
  const size = bpfSizeBytes(code);
  const imm = insns.imm[i];
  const dst = insns.dst[i];
  const src = insns.src[i];
  const mem = { reg: imm === BPF_LOAD_ACQ ? src : dst, off: insns.off[i], size };
  if (imm !== BPF_LOAD_ACQ) noteStore(f, mem);
  if (imm === BPF_LOAD_ACQ) {
    const offset = pushAddress(f, mem, false, i);
    out.mem(loadOp(size), 0, offset);
    f.set64(dst, size < 8);
    return true;
  }
  if (imm === BPF_STORE_REL) {
    const offset = pushAddress(f, mem, true, i);
    f.push64(src);
    out.mem(storeOp(size), 0, offset);
    return true;
  }
  const op = OPERATOR.get(imm & ~BPF_FETCH);
  if (size < 4 || (op === undefined && imm !== BPF_XCHG && imm !== BPF_CMPXCHG)) return false;
  const at = f.temp32();
  const offset = pushAddress(f, mem, true, i);
  out.tee(at);
  if (imm === BPF_CMPXCHG) lowerCmpxchg(f, src, size, at, offset);
  else if (imm === BPF_XCHG) {
    const old = f.temp64();
    out.mem(loadOp(size), 0, offset);
    out.set(old);
    out.get(at);
    f.push64(src);
    out.mem(storeOp(size), 0, offset);
    out.get(old);
    f.set64(src, size < 8);
    f.free64(old);
  } else if (imm & BPF_FETCH) {
    const old = f.temp64();
    out.get(at);
    out.mem(loadOp(size), 0, offset);
    out.tee(old);
    f.push64(src);
    out.byte(op!);
    out.mem(storeOp(size), 0, offset);
    out.get(old);
    f.set64(src, size < 8);
    f.free64(old);
  } else {
    out.get(at);
    out.mem(loadOp(size), 0, offset);
    f.push64(src);
    out.byte(op!);
    out.mem(storeOp(size), 0, offset);
  }
  f.free32(at);
  return true;
}

/** if (*at == r0) *at = src; r0 = old value. The address is on the stack and in `at`. */
function lowerCmpxchg(f: FnState, src: number, size: number, at: number, offset: number): void {
  const { out } = f;
  const old = f.temp64();
  out.mem(loadOp(size), 0, offset);
  out.tee(old);
  if (size === 8) {
    f.push64(0);
    out.byte(w.I64_EQ);
  } else {
    out.byte(w.I32_WRAP_I64);
    f.push32(0);
    out.byte(w.I32_EQ);
  }
  out.byte2(w.IF, w.T_EMPTY);
  out.get(at);
  f.push64(src);
  out.mem(storeOp(size), 0, offset);
  out.byte(w.END);
  out.get(old);
  f.set64(0, size < 8);
  f.free64(old);
}
