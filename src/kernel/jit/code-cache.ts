/** Compiled modules by program tag: loading the same program over the same maps again costs an instance, not a compilation. */
import type { VerifiedProgram } from '../verifier/result.ts';
import type { Translation } from './wasm/module.ts';

/** A module and what it was made from. */
export interface CachedCode {
  readonly program: VerifiedProgram;
  readonly code: Omit<Translation, 'bytes'>;
  /** Bytes of the module. */
  readonly codeSize: number;
  readonly module: WebAssembly.Module;
}

/** Default: bytes that a cache holds, by {@link weightOf}. */
export const DEFAULT_CACHE_BYTES = 4 << 20;
/** The host's memory for each byte of a module: the byte, and machine code of its baseline and optimising compilers. */
const HOST_BYTES = 8;
/** Columns of an instruction, where it came from and its map. */
const INSN_BYTES = 15;
/** The rest: objects of the program, its subprograms and imports, and the host's of the module. */
const ENTRY_BYTES = 16 << 10;

/** Bytes that an entry keeps alive: code and the program that it is compared with. */
export const weightOf = ({ codeSize, program }: Pick<CachedCode, 'codeSize' | 'program'>): number =>
  codeSize * HOST_BYTES + program.insns.length * INSN_BYTES + ENTRY_BYTES;

/** Least recently used code goes first. A cache belongs to one program linkage: code holds addresses of its memory. */
export class CodeCache {
  /** In the order of last use. */
  readonly #entries = new Map<string, CachedCode>();
  #bytes = 0;
  hits = 0;
  misses = 0;

  constructor(readonly limit = DEFAULT_CACHE_BYTES) {}

  /** Bytes held, by {@link weightOf}. */
  get bytes(): number {
    return this.#bytes;
  }
  get size(): number {
    return this.#entries.size;
  }

  get(program: VerifiedProgram): CachedCode | undefined {
    const key = keyOf(program);
    const found = this.#entries.get(key);
    if (found === undefined || !sameCode(found.program, program)) {
      this.misses++;
      return undefined;
    }
    this.#entries.delete(key);
    this.#entries.set(key, found);
    this.hits++;
    return found;
  }

  /** Keeps code. Code with slots of its own in the code table is not shared, nor is code beyond the limit. */
  put(code: CachedCode): void {
    const weight = weightOf(code);
    if (code.code.slots.size > 0 || weight > this.limit) return;
    const key = keyOf(code.program);
    this.#drop(key);
    this.#entries.set(key, code);
    this.#bytes += weight;
    this.evict(this.limit);
  }

  /** Drops code, least recently used first, until no more than `bytes` are held. Running programs keep theirs. */
  evict(bytes = 0): void {
    for (const key of this.#entries.keys()) {
      if (this.#bytes <= bytes) return;
      this.#drop(key);
    }
  }

  #drop(key: string): void {
    const code = this.#entries.get(key);
    if (code === undefined) return;
    this.#bytes -= weightOf(code);
    this.#entries.delete(key);
  }
}

/** Maps are told apart by their ids: an address may be given to another map later. */
const keyOf = (program: VerifiedProgram): string =>
  `${program.tag.hex}:${program.progType}:${program.usedMaps.map((map) => map.id).join()}`;

/** Whether two programs of one key translate to the same code: what was verified may have changed their instructions. */
function sameCode(a: VerifiedProgram, b: VerifiedProgram): boolean {
  if (a.insns.length !== b.insns.length || a.subprogs.length !== b.subprogs.length) return false;
  const columns = ['code', 'dst', 'src', 'off', 'imm'] as const;
  for (const column of columns) if (!sameNumbers(a.insns[column], b.insns[column])) return false;
  if (!sameNumbers(a.mapIndex, b.mapIndex)) return false;
  for (const [k, map] of a.usedMaps.entries()) {
    const other = b.usedMaps[k];
    if (map.addr !== other.addr || map.valuesAddr !== other.valuesAddr || map.frozen !== other.frozen) return false;
  }
  return a.subprogs.every((s, k) => {
    const other = b.subprogs[k];
    return s.start === other.start && s.end === other.end && s.stackDepth === other.stackDepth;
  });
}

function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
