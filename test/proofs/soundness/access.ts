/** Whether a load or store stays inside of the object that the verifier believed its pointer to point to. */
import type { Insns } from '../../../src/isa/insn.ts';
import {
  BPF_ATOMIC,
  BPF_LDX,
  BPF_MEM,
  BPF_MEMSX,
  BPF_ST,
  BPF_STX,
  bpfClass,
  bpfMode,
} from '../../../src/isa/opcodes.ts';
import {
  baseType,
  MEM_RDONLY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
} from '../../../src/kernel/rules/reg-types.ts';
import { A, FRAMENO, TYPE } from '../../../src/kernel/verifier/state/row.ts';
import type { World } from './contains.ts';

const STACK_SIZE = 512;
/** By the size bits of an opcode. */
const SIZES: Readonly<Record<number, number>> = { 0: 4, 8: 2, 16: 1, 24: 8 };

/** Register through which an instruction accesses memory, -1 when it does not; loads that may fault are no accesses. */
export function accessBase({ code, dst, src }: Insns, slot: number): number {
  const cls = bpfClass(code[slot]);
  const mode = bpfMode(code[slot]);
  if (cls === BPF_LDX) return mode === BPF_MEM || mode === BPF_MEMSX ? src[slot] : -1;
  if (cls === BPF_ST || cls === BPF_STX) return mode === BPF_MEM || mode === BPF_ATOMIC ? dst[slot] : -1;
  return -1;
}

export const accessSize = (code: number): number => SIZES[code & 0x18];

/** '' when `size` bytes at `address` lie in the object of the pointer whose row is `rows[r]`, or nobody can tell. */
export function accessFault(
  w: World,
  rows: Int32Array,
  r: number,
  shift: number,
  address: number,
  size: number,
): string {
  const within = (from: number, to: number, what: string): string =>
    address >= from && address + size <= to
      ? ''
      : `${size} bytes at 0x${address.toString(16)} outside of ${what} 0x${from.toString(16)}..0x${to.toString(16)}`;
  const type = rows[r + TYPE];
  switch (baseType(type)) {
    case PTR_TO_STACK: {
      const { fp } = w.frames[rows[r + FRAMENO] + shift];
      return within(fp - STACK_SIZE, fp, 'the stack');
    }
    case PTR_TO_PACKET:
      return w.data === 0 ? '' : within(w.data, w.dataEnd, 'the packet');
    case PTR_TO_PACKET_META:
      return w.dataMeta === 0 ? '' : within(w.dataMeta, w.data, 'the metadata');
    case PTR_TO_MAP_VALUE: {
      const map = w.maps[rows[r + A]];
      if (map === undefined) return '';
      if (map.valuesAddr === 0) return knownFault(w, address, size, map.valueSize);
      const index = Math.floor((address - map.valuesAddr) / map.elemSize);
      const from = map.valuesAddr + Math.min(Math.max(index, 0), map.maxEntries - 1) * map.elemSize;
      return within(from, from + map.valueSize, 'the value');
    }
    case PTR_TO_MEM:
      // Arguments of global functions may point anywhere that the caller may read.
      return shift > 0 || (type & MEM_RDONLY) !== 0 ? '' : knownFault(w, address, size, rows[r + A]);
    default:
      return '';
  }
}

/** Objects of `length` bytes lie where helpers said. */
function knownFault(w: World, address: number, size: number, length: number): string {
  for (const base of w.known) if (address >= base && address + size <= base + length) return '';
  return `${size} bytes at 0x${address.toString(16)} outside of any ${length} bytes that a helper returned`;
}
