/** The diagnosis of a refused program; what makes it is loaded with the first one. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Diagnosis, SourceLine } from '../../kernel/diagnose/diagnosis.ts';
import type { Refused, VerifierOutcome } from '../../kernel/verifier/result.ts';
import type { BpfError } from '../../lib/errors.ts';
import type { ProgramVerdict } from './verify-object.ts';

/** The verdict, with the diagnosis when the verifier of this package refused, or the loader did. */
export async function withDiagnosis(
  found: ProgramVerdict,
  refused: VerifierOutcome | undefined,
  failure?: BpfError,
): Promise<ProgramVerdict> {
  if (found.verdict === 'error' && failure !== undefined) return { ...found, diagnosis: ofLoader(found, failure) };
  if (found.verdict !== 'reject' || refused === undefined || refused.ok) return found;
  const { diagnose } = await import('../../kernel/diagnose/diagnose.ts');
  const made = diagnose(refused);
  if (made === undefined) return found;
  const diagnosis = missing(found, refused, made);
  return { ...found, diagnosis: { ...diagnosis, source: await linesAround(diagnosis, found.object) } };
}

/** The loader knows better what an instruction stands for that it could not resolve. */
function missing(found: ProgramVerdict, refused: Refused, diagnosis: Diagnosis): Diagnosis {
  const { why } = found;
  // That the kernel version accepts the program comes first.
  if (refused.hole !== undefined) return { ...diagnosis, explanation: refused.why };
  if (why === undefined || why === refused.why) return diagnosis;
  const [explanation, ...fix] = why.split('; ');
  const core = why.startsWith('CO-RE');
  return {
    ...diagnosis,
    cause: core ? 'CORE_UNRESOLVED' : 'KERNEL_LACKS',
    label: 'this kernel does not have it',
    explanation: `${explanation}.`,
    fix: fix.join('; '),
    path: diagnosis.path.map((e) => ({ ...e, note: core ? 'relocated by CO-RE' : 'calls what is not there' })),
    values: {},
  };
}

/** A fault that no instruction has: the loader's operation and its own words. */
function ofLoader(found: ProgramVerdict, { op, message }: BpfError): Diagnosis {
  const detail = message.slice(message.lastIndexOf(': ') + 2);
  const map = /^create map (.*)$/.exec(op)?.[1];
  const rule = /(\w+) must (?:be|hold) (\w+)/.exec(detail);
  const section = /says no program type/.test(message);
  const none = { insn: -1, function: found.program, file: '', line: 0, column: 0, text: '' };
  const said = {
    ...{ rejection: '', at: none, source: [], label: '', path: [] },
    values: { operation: op },
  };
  if (map !== undefined) {
    const fix =
      rule === null
        ? 'change the definition of the map'
        : `in the definition of the map: __uint(${rule[1]}, ${rule[2]})`;
    return { ...said, cause: 'MAP_REFUSED', explanation: `The kernel does not create map ${map}: ${detail}.`, fix };
  }
  if (section) {
    const [explanation, fix = 'use a section name of a program type'] = detail.split('; ');
    return { ...said, cause: 'SECTION_UNKNOWN', explanation: `${op.replace(/^prepare /, '')}: ${explanation}.`, fix };
  }
  return { ...said, cause: 'NOT_LOADABLE', explanation: `${message}.`, fix: 'see what the message names' };
}

/** The line at fault and its neighbours; from the file, when it is there and holds that very line. */
async function linesAround({ at, source }: Diagnosis, object: string): Promise<readonly SourceLine[]> {
  if (at.line === 0 || source.length >= 3) return source;
  for (const path of [at.file, join(dirname(object), at.file), join(dirname(object), basename(at.file))]) {
    const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n');
    if (lines[at.line - 1]?.trim() !== at.text.trim()) continue;
    return [at.line - 1, at.line, at.line + 1].flatMap((line) =>
      line >= 1 && line <= lines.length && (line === at.line || lines[line - 1].trim() !== '')
        ? [{ line, text: lines[line - 1] }]
        : [],
    );
  }
  return source;
}
