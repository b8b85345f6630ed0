/** The diagnosis of a refused program; what makes it is loaded with the first one. */
import type { Diagnosis } from '../../kernel/diagnose/diagnosis.ts';
import type { Refused, VerifierOutcome } from '../../kernel/verifier/result.ts';
import type { ProgramVerdict } from './verify-object.ts';

/** The verdict, with the diagnosis when the verifier of this package refused. */
export async function withDiagnosis(
  found: ProgramVerdict,
  refused: VerifierOutcome | undefined,
): Promise<ProgramVerdict> {
  if (found.verdict !== 'reject' || refused === undefined || refused.ok) return found;
  const { diagnose } = await import('../../kernel/diagnose/diagnose.ts');
  const diagnosis = diagnose(refused);
  return diagnosis === undefined ? found : { ...found, diagnosis: missing(found, refused, diagnosis) };
}

/** The loader knows better what an instruction stands for that it could not resolve. */
function missing(found: ProgramVerdict, refused: Refused, diagnosis: Diagnosis): Diagnosis {
  const { why } = found;
  // That the kernel version accepts the program comes first.
  if (refused.hole !== undefined) return { ...diagnosis, explanation: refused.why };
  if (why === undefined || why === refused.why) return diagnosis;
  const [explanation, ...fix] = why.split('; ');
  const cause = why.startsWith('CO-RE') ? 'CORE_UNRESOLVED' : 'KERNEL_LACKS';
  return { ...diagnosis, cause, label: 'this kernel does not have it', explanation, fix: fix.join('; '), values: {} };
}
