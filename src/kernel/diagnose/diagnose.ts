/** Diagnoses of refused programs, made from the states of the walk. */
import type { Refused } from '../verifier/result.ts';
import type { Diagnosis } from './diagnosis.ts';
import { detectorsOf } from './causes/detectors.ts';
import { general } from './causes/general.ts';
import { Inquiry } from './inquiry.ts';
import { recordWalk } from './trace/walk.ts';

/** Walks the program once more and says why it was refused; undefined when the second walk ends otherwise. */
export function diagnose(refused: Refused): Diagnosis | undefined {
  const walk = recordWalk(refused);
  if (walk === undefined) return undefined;
  const q = new Inquiry(walk);
  let found;
  for (const detect of detectorsOf(q.id)) {
    found = detect(q);
    if (found !== undefined) break;
  }
  found ??= general(q, refused);
  const insn = found.insn ?? q.insn;
  return {
    cause: found.cause,
    rejection: q.id,
    at: q.site(insn),
    source: q.linesAround(insn),
    label: found.label,
    explanation: capital(found.explanation),
    fix: found.fix,
    path: found.path,
    values: found.values ?? {},
  };
}

const capital = (text: string): string => (text === '' ? '' : text[0].toUpperCase() + text.slice(1));
