/** C lines of instructions, from the line information of the program. */
import type { Btf } from '../../../btf/btf.ts';
import type { LineInfo } from '../../verifier/result.ts';
import { findContainingSubprog } from '../../verifier/subprog.ts';
import type { VerifierEnv } from '../../verifier/env.ts';

/** Where an instruction was written. Line and column count from 1; column 0 is unknown. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The line as it was written. */
  readonly text: string;
}

export class Lines {
  readonly #env: VerifierEnv;
  readonly #all: readonly LineInfo[];
  readonly #btf: Btf | undefined;

  constructor(env: VerifierEnv) {
    this.#env = env;
    this.#btf = env.input.btf;
    this.#all = this.#btf === undefined ? [] : (env.input.lineInfo ?? []);
  }

  /** The place of an instruction; undefined without line information. */
  at(insn: number): SourcePlace | undefined {
    let lo = 0;
    let hi = this.#all.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (this.#all[mid].insnOff <= insn) lo = mid + 1;
      else hi = mid;
    }
    return lo === 0 ? undefined : this.#place(this.#all[lo - 1]);
  }

  /** The text of a line, when some instruction comes from it. */
  text(file: string, line: number): string | undefined {
    const found = this.#all.find((l) => l.lineCol >>> 10 === line && this.#str(l.fileNameOff) === file);
    return found === undefined ? undefined : this.#str(found.lineOff);
  }

  /** Name of the function that an instruction belongs to. */
  functionAt(insn: number): string {
    const sub = findContainingSubprog(this.#env, insn);
    const name = sub < 0 ? '' : this.#env.subprogs[sub].name;
    return name === '' ? this.#env.input.name : name;
  }

  #place(l: LineInfo): SourcePlace {
    const text = this.#str(l.lineOff);
    return { file: this.#str(l.fileNameOff), line: l.lineCol >>> 10, column: l.lineCol & 0x3ff, text };
  }

  #str(off: number): string {
    return this.#btf?.str(off) ?? '';
  }
}
