/** Source lines in the log: `; int x = 5; @ prog.c:12` (verbose_linfo). */
import type { VerifierEnv } from '../env.ts';

/** Index of the line_info record that covers an instruction, or -1 (find_linfo). */
export function findLinfo(env: VerifierEnv, insnIdx: number): number {
  const { lineInfo } = env.input;
  if (lineInfo === undefined || lineInfo.length === 0 || insnIdx >= env.insns.length) return -1;
  let lo = 0;
  let hi = lineInfo.length - 1;
  while (lo < hi) {
    const mid = (lo + hi + 1) >> 1;
    if (lineInfo[mid].insnOff <= insnIdx) lo = mid;
    else hi = mid - 1;
  }
  return lineInfo[lo].insnOff <= insnIdx ? lo : -1;
}

/** Text of the source line of a record, without its prefix. */
export function linfoText(env: VerifierEnv, index: number): string {
  const { btf, lineInfo } = env.input;
  if (btf === undefined || lineInfo === undefined) return '';
  const info = lineInfo[index];
  const file = btf.str(info.fileNameOff);
  return `; ${btf.str(info.lineOff).trimStart()} @ ${file.slice(file.lastIndexOf('/') + 1)}:${info.lineCol >>> 10}`;
}

/** Prints the source line of an instruction, with a prefix. */
export function verboseLinfo(env: VerifierEnv, insnIdx: number, prefix: string): void {
  if (!env.log.enabled) return;
  const index = findLinfo(env, insnIdx);
  if (index >= 0) env.log.line(prefix + linfoText(env, index));
}
