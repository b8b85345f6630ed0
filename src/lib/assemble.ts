/** Putting one program together: its own instructions, then every subprogram that it reaches, with all records moved along. */
import { Insns } from '../isa/insn.ts';
import type { CollectionSpec } from './collection-spec.ts';
import type { CoreRelo } from './core-relo/kinds.ts';
import { loaderError } from './errors.ts';
import type { FunctionSpec, InsnRef, LineInfo, ProgramSpec } from './spec.ts';

export interface Piece {
  readonly fn: FunctionSpec;
  /** Index of its first instruction in the assembled program. */
  readonly start: number;
}

export interface Assembled {
  readonly insns: Insns;
  readonly pieces: readonly Piece[];
  /** References other than calls and functions, counted from the program's start. */
  readonly refs: readonly InsnRef[];
  readonly coreRelos: readonly CoreRelo[];
  readonly lines: readonly LineInfo[];
}

/** Largest program that any kernel takes; a hostile object could otherwise ask for gigabytes. */
const MAX_INSNS = 1_000_000;

/** Assembles a program. Throws BpfError where a reference cannot be satisfied. */
export function assemble(spec: CollectionSpec, program: ProgramSpec): Assembled {
  const pieces = order(spec, program);
  const last = pieces[pieces.length - 1];
  const insns = new Insns(last.start + last.fn.insns.length);
  const starts = new Map<string, number>();
  for (const p of pieces) {
    insns.paste(p.start, p.fn.insns);
    starts.set(p.fn.key, p.start);
  }
  const refs: InsnRef[] = [];
  const coreRelos: CoreRelo[] = [];
  const lines: LineInfo[] = [];
  for (const { fn, start } of pieces) {
    for (const ref of fn.refs) {
      const at = start + ref.insn;
      if (ref.kind === 'call' || ref.kind === 'func') insns.imm[at] = (starts.get(ref.target) as number) - at - 1;
      if (ref.kind === 'call') insns.src[at] = 1;
      else if (ref.kind === 'func') {
        insns.src[at] = 4;
        insns.imm[at + 1] = 0;
      } else refs.push({ ...ref, insn: at });
    }
    for (const r of fn.coreRelos) coreRelos.push({ ...r, insn: start + r.insn });
    for (const l of fn.lines) lines.push({ ...l, insn: start + l.insn });
  }
  return { insns, pieces, refs, coreRelos, lines };
}

/** Main first, then subprograms in the order in which calls meet them, each followed by what it calls itself. */
function order(spec: CollectionSpec, program: ProgramSpec): Piece[] {
  const pieces: Piece[] = [];
  const placed = new Set<string>();
  let length = 0;
  const place = (fn: FunctionSpec): void => {
    pieces.push({ fn, start: length });
    placed.add(fn.key);
    length += fn.insns.length;
    if (length > MAX_INSNS)
      throw loaderError(
        `relocate ${program.key}`,
        'E2BIG',
        `the program with its subprograms exceeds ${MAX_INSNS} instructions`,
      );
  };
  const visit = (root: FunctionSpec): void => {
    place(root);
    const stack: { fn: FunctionSpec; next: number }[] = [{ fn: root, next: 0 }];
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      const ref = top.fn.refs[top.next++];
      if (ref === undefined) {
        stack.pop();
        continue;
      }
      if (ref.kind === 'invalid')
        throw loaderError(`relocate ${program.key}`, 'EINVAL', `${top.fn.name}: ${ref.detail}`);
      if ((ref.kind !== 'call' && ref.kind !== 'func') || placed.has(ref.target)) continue;
      const fn = spec.functionByKey(ref.target);
      if (fn === undefined)
        throw loaderError(`relocate ${program.key}`, 'ENOENT', `function ${ref.target} does not exist`);
      place(fn);
      stack.push({ fn, next: 0 });
    }
  };
  visit(program);
  const callback = program.exceptionCallback === '' ? undefined : spec.functionByKey(program.exceptionCallback);
  if (callback !== undefined && !placed.has(callback.key)) visit(callback);
  return pieces;
}
