/** Generated programs that no kernel but a virtual machine's is given: verifying them, Linux 6.18 touches memory that is not its own. */
import * as op from '../../../src/isa/opcodes.ts';
import type { Generated } from './generate.ts';

const CALL = op.BPF_JMP | op.BPF_CALL;
const LD_IMM64 = op.BPF_LD | op.BPF_DW | op.BPF_IMM;
const TAIL_CALL = 12;

/** What one function does. */
interface Body {
  readonly calls: number[];
  iterates: boolean;
  /** A packet load or a tail call may leave it. */
  leaves: boolean;
}

/** Why the program is asked of nobody, or undefined. */
export function unaskedReason({ insns }: Pick<Generated, 'insns'>): string | undefined {
  const { bodies, callbacks } = functions(insns);
  for (const [start, { leaves }] of bodies)
    if (start > 0 && leaves) return 'a packet load or a tail call may leave a function';
  for (const start of reached(callbacks, bodies))
    if (bodies.get(start)?.iterates === true) return 'an iterator in a callback';
  return undefined;
}

/** The functions by their first instruction, and which of them are called back. */
function functions(insns: Uint8Array): { bodies: Map<number, Body>; callbacks: Set<number> } {
  const view = new DataView(insns.buffer, insns.byteOffset, insns.length);
  const callbacks = new Set<number>();
  const starts = new Set([0]);
  const rows: { code: number; src: number; imm: number; to: number }[] = [];
  for (let i = 0; i < insns.length / 8; i++) {
    const row = { code: insns[i * 8], src: insns[i * 8 + 1] >>> 4, imm: view.getInt32(i * 8 + 4, true), to: -1 };
    rows[i] = row;
    const callsBack = row.code === LD_IMM64 && row.src === op.BPF_PSEUDO_FUNC;
    if (callsBack || (row.code === CALL && row.src === op.BPF_PSEUDO_CALL)) starts.add((row.to = i + 1 + row.imm));
    if (callsBack) callbacks.add(row.to);
    if (row.code === LD_IMM64) i++;
  }
  const bodies = new Map<number, Body>();
  let body: Body = { calls: [], iterates: false, leaves: false };
  rows.forEach(({ code, src, imm, to }, i) => {
    if (starts.has(i)) bodies.set(i, (body = { calls: [], iterates: false, leaves: false }));
    if (code === CALL && to >= 0) body.calls.push(to);
    // All kernel functions that the generator calls are those of iterators.
    if (code === CALL && src === op.BPF_PSEUDO_KFUNC_CALL) body.iterates = true;
    if ((code === CALL && src === 0 && imm === TAIL_CALL) || isPacketLoad(code)) body.leaves = true;
  });
  return { bodies, callbacks };
}

/** LD_ABS and LD_IND of any size. */
const isPacketLoad = (code: number): boolean =>
  (code & 7) === op.BPF_LD && ((code & 0xe0) === op.BPF_ABS || (code & 0xe0) === op.BPF_IND);

/** What the callbacks are and call. */
function reached(callbacks: ReadonlySet<number>, bodies: ReadonlyMap<number, Body>): ReadonlySet<number> {
  const seen = new Set(callbacks);
  for (const start of seen) for (const to of bodies.get(start)?.calls ?? []) seen.add(to);
  return seen;
}
