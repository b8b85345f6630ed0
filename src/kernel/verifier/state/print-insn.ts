/** Instructions and source lines in the log (verbose_insn, verbose_linfo). */
import { disasmKernel } from '../../../isa/disasm.ts';
import type { VerifierEnv } from '../env.ts';
import type { LineInfo } from '../result.ts';

/** print_bpf_insn: the instruction at `idx` in the kernel's dialect, with newline. */
export function printInsn(env: VerifierEnv, idx: number): void {
  env.log.line(disasmKernel(env.insns, idx, { callName: (i) => env.aux.extra.get(i)?.kfunc?.name }));
}

/** The line that instruction `idx` belongs to: the last record at or before it (bpf_find_linfo). */
function findLineInfo(env: VerifierEnv, idx: number): LineInfo | undefined {
  const all = env.input.lineInfo;
  if (all === undefined || all.length === 0 || env.input.btf === undefined) return undefined;
  let lo = 0;
  let hi = all.length - 1;
  if (idx < all[0].insnOff) return undefined;
  while (lo < hi) {
    const mid = (lo + hi + 1) >> 1;
    if (all[mid].insnOff <= idx) lo = mid;
    else hi = mid - 1;
  }
  return all[lo];
}

/** The source line that instruction `idx` was compiled from: `prog.c:12: x = *p;`, undefined without line information. */
export function sourceOf(env: VerifierEnv, idx: number): string | undefined {
  const line = findLineInfo(env, idx);
  if (line === undefined) return undefined;
  const { btf } = env.input;
  const file = btf?.str(line.fileNameOff) ?? '';
  const text = btf?.str(line.lineOff).trim() ?? '';
  return `${file.slice(file.lastIndexOf('/') + 1)}:${line.lineCol >>> 10}: ${text}`;
}

/** verbose_linfo: `; source line @ file.c:12`, unless that line was the last one printed. */
export function printLineInfo(env: VerifierEnv, idx: number, prefix = '; '): void {
  const line = findLineInfo(env, idx);
  const prev = env.prevLineInfo;
  if (line === undefined || line === prev) return;
  if (prev !== undefined && prev.fileNameOff === line.fileNameOff && prev.lineCol >>> 10 === line.lineCol >>> 10)
    return;
  const { btf } = env.input;
  const source = btf?.str(line.lineOff).trimStart() ?? '';
  const file = btf?.str(line.fileNameOff) ?? '';
  env.log.line(`${prefix}${source} @ ${file.slice(file.lastIndexOf('/') + 1)}:${line.lineCol >>> 10}`);
  env.prevLineInfo = line;
}
