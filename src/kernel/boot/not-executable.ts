/** The place of code in a kernel that only verifies. */
import { ProgramAbort } from '../../util/errors.ts';
import type { Executable } from '../object/executable.ts';
import type { VerifiedProgram } from '../verifier/result.ts';

/** Stands for the code of a program that was only verified. */
export function notExecutable(program: VerifiedProgram): Executable {
  return {
    engine: 'interp',
    slot: 0,
    retAddr: 0,
    codeSize: 0,
    functionSlot: () => 0,
    run() {
      throw new ProgramAbort(
        'unsupported',
        -1,
        `${program.name || 'the program'} was verified only: this runtime runs nothing`,
      );
    },
    dispose() {},
  };
}
