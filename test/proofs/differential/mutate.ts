/** Small faults in a finished program: another constant, offset, register, size or operator, or an instruction less. */
import * as op from '../../../src/isa/opcodes.ts';
import type { Code } from './frame.ts';
import type { Rng } from './rng.ts';
import { COMPARES } from './scalars.ts';

export function mutate(rng: Rng, code: Code): void {
  const at = rng.below(code.rows.length);
  const row = code.rows[at];
  const cls = row.code & 7;
  // The second half of ld_imm64 and calls of functions stay as they are.
  if (
    row.code === 0 ||
    (row.code & 0xe7) === op.BPF_LD ||
    (row.to !== undefined && row.code === (op.BPF_JMP | op.BPF_CALL))
  )
    return;
  const jump = cls === op.BPF_JMP || cls === op.BPF_JMP32;
  switch (rng.below(6)) {
    case 0:
      if (row.code !== (op.BPF_JMP | op.BPF_CALL))
        row.imm = rng.chance(50) ? row.imm + rng.between(-2, 2) : rng.u32() | 0;
      break;
    case 1:
      if (!jump) row.off = (row.off + rng.pick([-8, -1, 1, 8, 4, -4])) | 0;
      break;
    case 2:
      if (row.dst !== 0 || !jump) row.dst = rng.below(10);
      break;
    case 3:
      if (row.src !== 0) row.src = rng.below(11);
      break;
    case 4:
      if (jump && row.to !== undefined && (row.code & 0xf0) !== op.BPF_JA && (row.code & 0xf0) !== op.BPF_JCOND)
        row.code = (row.code & 0x0f) | rng.pick(COMPARES);
      else if (cls === op.BPF_LDX || cls === op.BPF_STX) row.code = (row.code & ~0x18) | rng.pick([0, 8, 16, 24]);
      else if (cls === op.BPF_ALU || cls === op.BPF_ALU64) row.code ^= op.BPF_ALU ^ op.BPF_ALU64;
      break;
    default:
      // A jump to the next instruction does nothing.
      if (row.code !== (op.BPF_JMP | op.BPF_EXIT) && !(row.code === (op.BPF_JMP | op.BPF_JA))) {
        code.rows[at] = { code: op.BPF_JMP | op.BPF_JA, dst: 0, src: 0, off: 0, imm: 0 };
      }
  }
}
