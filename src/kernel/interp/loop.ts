/** The interpreter's loop (___bpf_prog_run): one case per predecoded operation, registers as halves in an Int32Array. */
import { ProgramAbort } from '../../util/errors.ts';
import { MAX_CALL_FRAMES } from '../rules/limits.ts';
import { atomicOp, slowAccess } from './access.ts';
import type { Activation } from './activation.ts';
import { mulhu, sdivmod64, udivmod64 } from './div64.ts';
import { FRAME_WORDS, R10, REG_SCRATCH } from './predecode.ts';

/**
 * Continues an activation for at most `budget` instructions; true when the program has returned.
 *
 * Case labels are literals because V8 makes a jump table of nothing else: plain numbers are opcodes of RFC 9669 in the
 * register form (immediates are constants in the register file), those from 0x100 are named in predecode.ts.
 */
// oxlint-disable-next-line max-lines-per-function -- one switch in one function: a call for each operation would double its time
export function execute(act: Activation, budget: number): boolean {
  let { program, regs: R } = act;
  let C = program.decoded.code;
  let H = program.helpers;
  const V = program.view;
  let p = act.p;
  let n = budget;
  try {
    for (; n > 0; n--) {
      const d = C[p + 1];
      const s = C[p + 2];
      const x = C[p + 3];
      switch (C[p]) {
        // ---- 64-bit arithmetic: numbers are the opcodes of the register forms
        case 0x0f: {
          const a = R[d];
          const lo = (a + R[s]) | 0;
          R[d + 1] = R[d + 1] + R[s + 1] + (lo >>> 0 < a >>> 0 ? 1 : 0);
          R[d] = lo;
          p += 4;
          break;
        }
        case 0x1f: {
          const a = R[d];
          const b = R[s];
          R[d + 1] = R[d + 1] - R[s + 1] - (a >>> 0 < b >>> 0 ? 1 : 0);
          R[d] = a - b;
          p += 4;
          break;
        }
        case 0x2f: {
          const a = R[d];
          const b = R[s];
          R[d + 1] = (mulhu(a, b) + Math.imul(a, R[s + 1]) + Math.imul(R[d + 1], b)) | 0;
          R[d] = Math.imul(a, b);
          p += 4;
          break;
        }
        case 0x3f:
          if ((R[s] | R[s + 1]) === 0) {
            R[d] = 0;
            R[d + 1] = 0;
          } else {
            udivmod64(R, d, s, REG_SCRATCH);
            R[d] = R[REG_SCRATCH];
            R[d + 1] = R[REG_SCRATCH + 1];
          }
          p += 4;
          break;
        case 0x13f:
          if ((R[s] | R[s + 1]) === 0) {
            R[d] = 0;
            R[d + 1] = 0;
          } else {
            sdivmod64(R, d, s, REG_SCRATCH);
            R[d] = R[REG_SCRATCH];
            R[d + 1] = R[REG_SCRATCH + 1];
          }
          p += 4;
          break;
        case 0x9f:
          if ((R[s] | R[s + 1]) !== 0) {
            udivmod64(R, d, s, REG_SCRATCH);
            R[d] = R[REG_SCRATCH + 2];
            R[d + 1] = R[REG_SCRATCH + 3];
          }
          p += 4;
          break;
        case 0x19f:
          if ((R[s] | R[s + 1]) !== 0) {
            sdivmod64(R, d, s, REG_SCRATCH);
            R[d] = R[REG_SCRATCH + 2];
            R[d + 1] = R[REG_SCRATCH + 3];
          }
          p += 4;
          break;
        case 0x4f:
          R[d] |= R[s];
          R[d + 1] |= R[s + 1];
          p += 4;
          break;
        case 0x5f:
          R[d] &= R[s];
          R[d + 1] &= R[s + 1];
          p += 4;
          break;
        case 0xaf: {
          const lo = R[s];
          R[d + 1] ^= R[s + 1];
          R[d] ^= lo;
          p += 4;
          break;
        }
        case 0x6f: {
          const k = R[s] & 63;
          const lo = R[d];
          if (k >= 32) {
            R[d + 1] = lo << (k - 32);
            R[d] = 0;
          } else if (k !== 0) {
            R[d + 1] = (R[d + 1] << k) | (lo >>> (32 - k));
            R[d] = lo << k;
          }
          p += 4;
          break;
        }
        case 0x7f: {
          const k = R[s] & 63;
          const hi = R[d + 1];
          if (k >= 32) {
            R[d] = hi >>> (k - 32);
            R[d + 1] = 0;
          } else if (k !== 0) {
            R[d] = (R[d] >>> k) | (hi << (32 - k));
            R[d + 1] = hi >>> k;
          }
          p += 4;
          break;
        }
        case 0xcf: {
          const k = R[s] & 63;
          const hi = R[d + 1];
          if (k >= 32) {
            R[d] = hi >> (k - 32);
            R[d + 1] = hi >> 31;
          } else if (k !== 0) {
            R[d] = (R[d] >>> k) | (hi << (32 - k));
            R[d + 1] = hi >> k;
          }
          p += 4;
          break;
        }
        case 0x87: {
          const lo = R[d];
          R[d + 1] = lo === 0 ? -R[d + 1] : ~R[d + 1];
          R[d] = -lo;
          p += 4;
          break;
        }
        case 0xbf:
          R[d] = R[s];
          R[d + 1] = R[s + 1];
          p += 4;
          break;
        case 0x18: // ld_imm64
          R[d] = R[s];
          R[d + 1] = R[s + 1];
          p += 8;
          break;
        // ---- 32-bit arithmetic
        case 0x0c:
          R[d] = R[d] + R[s];
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x1c:
          R[d] = R[d] - R[s];
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x2c:
          R[d] = Math.imul(R[d], R[s]);
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x3c:
          R[d] = R[s] === 0 ? 0 : (R[d] >>> 0) / (R[s] >>> 0);
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x13c:
          R[d] = R[s] === 0 ? 0 : R[d] / R[s];
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x9c:
          if (R[s] !== 0) R[d] = (R[d] >>> 0) % (R[s] >>> 0);
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x19c:
          if (R[s] !== 0) R[d] = R[d] % R[s];
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x4c:
          R[d] |= R[s];
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x5c:
          R[d] &= R[s];
          R[d + 1] = 0;
          p += 4;
          break;
        case 0xac:
          R[d] ^= R[s];
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x6c:
          R[d] <<= R[s];
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x7c:
          R[d] = R[d] >>> R[s];
          R[d + 1] = 0;
          p += 4;
          break;
        case 0xcc:
          R[d] >>= R[s];
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x84:
          R[d] = -R[d];
          R[d + 1] = 0;
          p += 4;
          break;
        case 0xbc:
          R[d] = R[s];
          R[d + 1] = 0;
          p += 4;
          break;
        // ---- sign extension and byte order
        case 0x1b0: {
          const v = (R[s] << 24) >> 24;
          R[d] = v;
          R[d + 1] = v >> 31;
          p += 4;
          break;
        }
        case 0x1b1: {
          const v = (R[s] << 16) >> 16;
          R[d] = v;
          R[d + 1] = v >> 31;
          p += 4;
          break;
        }
        case 0x1b2: {
          const v = R[s];
          R[d] = v;
          R[d + 1] = v >> 31;
          p += 4;
          break;
        }
        case 0x1b3:
          R[d] = (R[s] << 24) >> 24;
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x1b4:
          R[d] = (R[s] << 16) >> 16;
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x1d0:
          R[d] &= 0xffff;
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x1d1:
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x1d2: {
          const v = R[d];
          R[d] = ((v & 0xff) << 8) | ((v >>> 8) & 0xff);
          R[d + 1] = 0;
          p += 4;
          break;
        }
        case 0x1d3:
          R[d] = swap32(R[d]);
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x1d4: {
          const lo = R[d];
          R[d] = swap32(R[d + 1]);
          R[d + 1] = swap32(lo);
          p += 4;
          break;
        }
        // ---- jumps
        case 0x05:
          p = x;
          break;
        case 0x1d:
          p = R[d] === R[s] && R[d + 1] === R[s + 1] ? x : p + 4;
          break;
        case 0x5d:
          p = R[d] !== R[s] || R[d + 1] !== R[s + 1] ? x : p + 4;
          break;
        case 0x2d: {
          const a = R[d + 1];
          const b = R[s + 1];
          p = (a === b ? R[d] >>> 0 > R[s] >>> 0 : a >>> 0 > b >>> 0) ? x : p + 4;
          break;
        }
        case 0x3d: {
          const a = R[d + 1];
          const b = R[s + 1];
          p = (a === b ? R[d] >>> 0 >= R[s] >>> 0 : a >>> 0 > b >>> 0) ? x : p + 4;
          break;
        }
        case 0xad: {
          const a = R[d + 1];
          const b = R[s + 1];
          p = (a === b ? R[d] >>> 0 < R[s] >>> 0 : a >>> 0 < b >>> 0) ? x : p + 4;
          break;
        }
        case 0xbd: {
          const a = R[d + 1];
          const b = R[s + 1];
          p = (a === b ? R[d] >>> 0 <= R[s] >>> 0 : a >>> 0 < b >>> 0) ? x : p + 4;
          break;
        }
        case 0x6d: {
          const a = R[d + 1];
          const b = R[s + 1];
          p = (a === b ? R[d] >>> 0 > R[s] >>> 0 : a > b) ? x : p + 4;
          break;
        }
        case 0x7d: {
          const a = R[d + 1];
          const b = R[s + 1];
          p = (a === b ? R[d] >>> 0 >= R[s] >>> 0 : a > b) ? x : p + 4;
          break;
        }
        case 0xcd: {
          const a = R[d + 1];
          const b = R[s + 1];
          p = (a === b ? R[d] >>> 0 < R[s] >>> 0 : a < b) ? x : p + 4;
          break;
        }
        case 0xdd: {
          const a = R[d + 1];
          const b = R[s + 1];
          p = (a === b ? R[d] >>> 0 <= R[s] >>> 0 : a < b) ? x : p + 4;
          break;
        }
        case 0x4d:
          p = ((R[d] & R[s]) | (R[d + 1] & R[s + 1])) !== 0 ? x : p + 4;
          break;
        case 0x1e:
          p = R[d] === R[s] ? x : p + 4;
          break;
        case 0x5e:
          p = R[d] !== R[s] ? x : p + 4;
          break;
        case 0x2e:
          p = R[d] >>> 0 > R[s] >>> 0 ? x : p + 4;
          break;
        case 0x3e:
          p = R[d] >>> 0 >= R[s] >>> 0 ? x : p + 4;
          break;
        case 0xae:
          p = R[d] >>> 0 < R[s] >>> 0 ? x : p + 4;
          break;
        case 0xbe:
          p = R[d] >>> 0 <= R[s] >>> 0 ? x : p + 4;
          break;
        case 0x6e:
          p = R[d] > R[s] ? x : p + 4;
          break;
        case 0x7e:
          p = R[d] >= R[s] ? x : p + 4;
          break;
        case 0xce:
          p = R[d] < R[s] ? x : p + 4;
          break;
        case 0xde:
          p = R[d] <= R[s] ? x : p + 4;
          break;
        case 0x4e:
          p = (R[d] & R[s]) !== 0 ? x : p + 4;
          break;
        case 0xe5:
          p = act.mayGotoExpired() ? x : p + 4;
          break;
        // ---- memory
        case 0x61:
          R[d] = V.getInt32((R[s] + x) >>> 0, true);
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x69:
          R[d] = V.getUint16((R[s] + x) >>> 0, true);
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x71:
          R[d] = V.getUint8((R[s] + x) >>> 0);
          R[d + 1] = 0;
          p += 4;
          break;
        case 0x79: {
          const a = (R[s] + x) >>> 0;
          R[d + 1] = V.getInt32(a + 4, true);
          R[d] = V.getInt32(a, true);
          p += 4;
          break;
        }
        case 0x81: {
          const v = V.getInt32((R[s] + x) >>> 0, true);
          R[d] = v;
          R[d + 1] = v >> 31;
          p += 4;
          break;
        }
        case 0x89: {
          const v = V.getInt16((R[s] + x) >>> 0, true);
          R[d] = v;
          R[d + 1] = v >> 31;
          p += 4;
          break;
        }
        case 0x91: {
          const v = V.getInt8((R[s] + x) >>> 0);
          R[d] = v;
          R[d + 1] = v >> 31;
          p += 4;
          break;
        }
        case 0x63:
          V.setInt32((R[d] + x) >>> 0, R[s], true);
          p += 4;
          break;
        case 0x6b:
          V.setInt16((R[d] + x) >>> 0, R[s], true);
          p += 4;
          break;
        case 0x73:
          V.setInt8((R[d] + x) >>> 0, R[s]);
          p += 4;
          break;
        case 0x7b: {
          const a = (R[d] + x) >>> 0;
          V.setInt32(a + 4, R[s + 1], true);
          V.setInt32(a, R[s], true);
          p += 4;
          break;
        }
        // ---- calls
        case 0x85:
          act.p = p;
          H[x](R);
          p += 4;
          break;
        case 0x185: {
          if (++act.depth >= MAX_CALL_FRAMES) {
            throw new ProgramAbort('call-depth', p >> 2, `the call stack of ${MAX_CALL_FRAMES} frames is too deep`);
          }
          const F = act.saved;
          const f = (act.depth - 1) * FRAME_WORDS;
          F[f] = p + 4;
          for (let k = 0; k < 9; k++) F[f + 1 + k] = R[12 + k]; // r6 to r9 and the low half of r10
          F[f + 10] = act.mayGoto;
          act.mayGoto = 0;
          R[R10] = R[R10] - d;
          p = x;
          break;
        }
        case 0x95: {
          if (act.depth === 0) {
            act.done = true;
            n--;
            return true;
          }
          const F = act.saved;
          const f = --act.depth * FRAME_WORDS;
          for (let k = 0; k < 9; k++) R[12 + k] = F[f + 1 + k];
          act.mayGoto = F[f + 10];
          p = F[f];
          break;
        }
        case 0x186:
          act.p = p;
          if (!act.tailCall()) p += 4;
          else {
            if (act.done) {
              n--;
              return true;
            }
            ({ program, regs: R, p } = act);
            C = program.decoded.code;
            H = program.helpers;
          }
          break;
        case 0x187:
          act.p = p;
          program.callx(R[d], R, p >> 2);
          p += 4;
          break;
        default: {
          const op = C[p];
          if (op >= 0x140 && op < 0x160) atomicOp(op, R, s, (R[d] + x) >>> 0, V);
          else {
            act.p = p;
            slowAccess(act, op, d, s, x);
          }
          p += 4;
        }
      }
    }
    return false;
  } finally {
    act.p = p;
    act.steps += budget - n;
  }
}

function swap32(v: number): number {
  return (v << 24) | ((v & 0xff00) << 8) | ((v >>> 8) & 0xff00) | (v >>> 24);
}
