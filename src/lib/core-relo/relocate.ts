/** CO-RE: finds for each relocation what it means in the target kernel's types, and rewrites the instructions. */
import type { Btf } from '../../btf/btf.ts';
import { essentialName } from '../../btf/name-index.ts';
import { BTF_INT_SIGNED, BTF_KIND } from '../../btf/types.ts';
import type { Insns } from '../../isa/insn.ts';
import { loaderError } from '../errors.ts';
import { AccessError, type AccessSpec, isTypeBased, localSpec, targetSpec } from './access.ts';
import { type Effort, kindsAreCompatible, typesAreCompatible, typesMatch } from './compat.ts';
import { BPF_CORE_RELO_KIND as R, type CoreRelo } from './kinds.ts';
import { isPoisoned, type Patch, patchInsn } from './patch.ts';
import { TypeNames } from './type-names.ts';
import { relocationValue } from './value.ts';

/** More candidates of one name than any kernel has: hostile BTF. */
const MAX_CANDIDATES = 1000;

/** Relocates the programs of one object against one target; what was found is remembered between programs. */
export class CoreRelocator {
  readonly #candidates = new Map<string, number[]>();
  readonly #names: TypeNames | undefined;
  /** Comparisons of types that are left for all relocations together. */
  readonly #effort: Effort = { left: 4_000_000 };
  readonly #patches = new Map<string, Patch>();

  constructor(
    readonly local: Btf,
    /** Undefined when the target has no types: every search fails, existence is 0. */
    readonly target: Btf | undefined,
    readonly littleEndian = true,
  ) {
    this.#names = target && new TypeNames(target);
  }

  /**
   * Applies `relos` to a program's instructions. Returns those that found nothing, whose instructions are poisoned.
   * Throws BpfError (EINVAL, EOPNOTSUPP).
   */
  apply(program: string, insns: Insns, relos: readonly CoreRelo[]): CoreRelo[] {
    const poisoned: CoreRelo[] = [];
    for (const relo of relos) {
      const patch = this.resolve(program, relo);
      if (!Number.isInteger(relo.insn))
        throw loaderError(`relocate ${program}`, 'EINVAL', 'CO-RE relocation inside an instruction');
      const wrong = patchInsn(insns, relo.insn, patch);
      if (wrong !== undefined)
        throw loaderError(
          `relocate ${program}`,
          'EINVAL',
          `CO-RE relocation of instruction ${relo.insn} (${this.#describe(relo)}): ${wrong}`,
        );
      if (isPoisoned(insns, relo.insn)) poisoned.push(relo);
    }
    return poisoned;
  }

  /** The effect of one relocation on its instruction. */
  resolve(program: string, relo: CoreRelo): Patch {
    const key = `${relo.kind} ${relo.typeId} ${relo.access}`;
    let patch = this.#patches.get(key);
    if (patch === undefined) {
      patch = this.#calculate(program, relo);
      this.#patches.set(key, patch);
    }
    return patch;
  }

  #describe(relo: CoreRelo): string {
    const kind = Object.entries(R).find(([, v]) => v === relo.kind)?.[0] ?? `kind ${relo.kind}`;
    return `${kind} [${relo.typeId}] ${this.local.name(relo.typeId) || '<anonymous>'} ${relo.access.slice(0, 64)}`;
  }

  #fail(program: string, relo: CoreRelo, code: 'EINVAL' | 'EOPNOTSUPP' | 'E2BIG', detail: string): never {
    throw loaderError(`relocate ${program}`, code, `CO-RE relocation ${this.#describe(relo)}: ${detail}`);
  }

  #calculate(program: string, relo: CoreRelo): Patch {
    let spec: AccessSpec;
    try {
      spec = localSpec(this.local, relo.typeId, relo.access, relo.kind);
    } catch (e) {
      if (e instanceof AccessError) this.#fail(program, relo, 'EINVAL', e.message);
      throw e;
    }
    const local = relocationValue(relo.kind, spec, this.littleEndian);
    if (relo.kind === R.TYPE_ID_LOCAL) return unsized(local?.value, 0n, false);
    if (this.local.name(relo.typeId) === '')
      this.#fail(program, relo, 'EOPNOTSUPP', 'types without a name cannot be found in the target');
    if (local === undefined) this.#fail(program, relo, 'EINVAL', 'the field has no value in the object itself');
    const found = this.#searchTarget(program, relo, spec);
    const value = relocationValue(relo.kind, found, this.littleEndian);
    if (value === undefined || (found === undefined && !mayBeMissing(relo.kind)))
      return unsized(undefined, local.value, false);
    const { size, localSize } = { size: value.fieldSize, localSize: local.fieldSize };
    const sizeUnfit = size !== localSize && !this.#adjustable(local.fieldType, value.fieldType);
    return { value: value.value, localValue: local.value, validate: local.validate, size, localSize, sizeUnfit };
  }

  /** The one meaning of the relocation among all candidates; throws where they disagree. */
  #searchTarget(program: string, relo: CoreRelo, spec: AccessSpec): AccessSpec | undefined {
    let first: AccessSpec | undefined;
    let firstValue: bigint | undefined;
    for (const id of this.#findCandidates(program, relo)) {
      this.#effort.left--;
      const found = this.#tryCandidate(relo, spec, id);
      if (this.#effort.left < 0 || this.#names?.exhausted)
        this.#fail(program, relo, 'E2BIG', 'the types of the target take too many steps to compare');
      if (found === undefined) continue;
      const value = relocationValue(relo.kind, found, this.littleEndian)?.value;
      if (first === undefined) {
        first = found;
        firstValue = value;
      } else if (found.bitOffset !== first.bitOffset || value !== firstValue) {
        // Several target types that answer alike are one answer; TYPE_ID_TARGET differs by its nature.
        this.#fail(
          program,
          relo,
          'EINVAL',
          `types ${first.rootTypeId} and ${id} of the target give different values, ${firstValue} and ${value}`,
        );
      }
    }
    return first;
  }

  #tryCandidate(relo: CoreRelo, spec: AccessSpec, id: number): AccessSpec | undefined {
    const target = this.target as Btf;
    if (!isTypeBased(relo.kind)) return targetSpec(spec, this.#names as TypeNames, id, relo.kind);
    const compatible =
      relo.kind === R.TYPE_MATCHES
        ? typesMatch(this.local, relo.typeId, target, id, this.#effort)
        : typesAreCompatible(this.local, relo.typeId, target, id, this.#effort);
    return compatible
      ? { btf: target, rootTypeId: id, accessors: [], bitOffset: 0, enumName: '', enumValue: 0n }
      : undefined;
  }

  #findCandidates(program: string, relo: CoreRelo): number[] {
    const kind = this.local.kind(relo.typeId);
    const name = essentialName(this.local.name(relo.typeId));
    const key = `${kind} ${name}`;
    let list = this.#candidates.get(key);
    if (list === undefined) {
      const all = this.target?.withEssentialName(name) ?? [];
      list = all.filter((id) => kindsAreCompatible(kind, (this.target as Btf).kind(id)));
      if (list.length > MAX_CANDIDATES) this.#fail(program, relo, 'E2BIG', `${list.length} candidates in the target`);
      this.#candidates.set(key, list);
    }
    return list;
  }

  /** Loads of unsigned integers and of pointers may change their width with the field. */
  #adjustable(localType: number, targetType: number): boolean {
    const a = this.local.type(this.local.skipModifiers(localType));
    const b = this.target?.type(this.target.skipModifiers(targetType));
    if (a?.kind === BTF_KIND.PTR && b?.kind === BTF_KIND.PTR) return true;
    const unsigned = (t: typeof a): boolean =>
      t?.kind === BTF_KIND.INT && ((t.int?.encoding ?? 0) & BTF_INT_SIGNED) === 0;
    return unsigned(a) && unsigned(b);
  }
}

const unsized = (value: bigint | undefined, localValue: bigint, validate: boolean): Patch => ({
  value,
  localValue,
  validate,
  size: 0,
  localSize: 0,
  sizeUnfit: false,
});

/** Kinds that have an answer where nothing was found: 0. */
const mayBeMissing = (kind: number): boolean =>
  kind === R.FIELD_EXISTS ||
  kind === R.TYPE_EXISTS ||
  kind === R.TYPE_MATCHES ||
  kind === R.ENUMVAL_EXISTS ||
  kind === R.TYPE_ID_TARGET ||
  kind === R.TYPE_SIZE;
