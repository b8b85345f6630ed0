/** The cases of the parser fuzz: inputs by number, and who reads them. */
import { disasmKernel } from '../../../src/isa/disasm.ts';
import { parseObject } from '../../../src/lib/parse-object.ts';
import { type Input, Inputs } from './inputs.ts';
import { objectFile, Readers, typesOf } from './readers.ts';

export class ParserCases {
  readonly #inputs = new Inputs(typesOf, assemblyLines());
  readonly #readers = new Readers();

  /** The input of a case, the same one for the same seed. */
  make(seed: number, index: number): Input {
    return this.#inputs.make(seed, index);
  }

  /** Gives it to all that reads its kind; whether it was taken, at least in part. */
  run(input: Pick<Input, 'kind' | 'bytes' | 'deep'>): boolean {
    return this.#readers.run(input);
  }
}

/** Right assembly, for texts that are right in part. */
function assemblyLines(): string[] {
  return parseObject(objectFile('simple-v4.o')).programs.flatMap(({ insns }) =>
    Array.from({ length: insns.length }, (_, i) => disasmKernel(insns, i)),
  );
}
