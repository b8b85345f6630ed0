/** Rewritten instructions as `bpftool prog dump xlated` shows them: functions, source lines, instructions. */
import { Btf } from '../btf/btf.ts';
import { decodeInsns } from '../isa/decode.ts';
import { disasmKernel } from '../isa/disasm.ts';
import type { BpfSyscall } from '../uapi/attr/attr.ts';
import { fdById, infoOf } from './session/objects.ts';

const LD_IMM64 = 0x18;
const MAP = 1;
const MAP_VALUE = 2;

export function* xlatedLines(sys: BpfSyscall, fd: number, name: string): Generator<string> {
  const { values, buffers } = infoOf(sys, 'prog', fd, ['xlated_prog_insns', 'func_info']);
  const insns = decodeInsns(buffers.xlated_prog_insns);
  const btf = programBtf(sys, Number(values.btf_id ?? 0));
  const functions = functionNames(buffers.func_info, btf);
  if (!functions.has(0)) functions.set(0, name);
  const mapAddr = (i: number): string | undefined => {
    if (insns.src[i] === MAP) return `map[id:${insns.imm[i]}]`;
    return insns.src[i] === MAP_VALUE ? `map[id:${insns.imm[i]}][0]+${insns.imm[i + 1]}` : undefined;
  };
  for (let i = 0; i < insns.length; i++) {
    const header = functions.get(i);
    if (header !== undefined) yield `${header}:`;
    yield `${String(i).padStart(4)}: ${disasmKernel(insns, i, { mapAddr })}`;
    if (insns.code[i] === LD_IMM64) i++;
  }
}

function programBtf(sys: BpfSyscall, id: number): Btf | undefined {
  const fd = id === 0 ? undefined : fdById(sys, 'btf', id);
  if (fd === undefined) return undefined;
  try {
    return Btf.parse(infoOf(sys, 'btf', fd, ['btf']).buffers.btf);
  } finally {
    sys.close(fd);
  }
}

/** Names of functions by their first instruction. */
function functionNames(funcInfo: Uint8Array, btf: Btf | undefined): Map<number, string> {
  const out = new Map<number, string>();
  if (btf === undefined) return out;
  const view = new DataView(funcInfo.buffer, funcInfo.byteOffset, funcInfo.byteLength);
  for (let at = 0; at + 8 <= funcInfo.length; at += 8)
    out.set(view.getUint32(at, true), btf.name(view.getUint32(at + 4, true)));
  return out;
}
