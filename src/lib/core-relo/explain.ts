/** Why a CO-RE relocation found nothing in the target's types, for people. */
import type { Btf } from '../../btf/btf.ts';
import { essentialName } from '../../btf/name-index.ts';
import { BTF_KIND } from '../../btf/types.ts';
import { nearest } from '../nearest.ts';
import {
  AccessError,
  type Accessor,
  type AccessSpec,
  isEnumBased,
  isTypeBased,
  localSpec,
  targetSpec,
} from './access.ts';
import { kindsAreCompatible } from './compat.ts';
import type { CoreRelo } from './kinds.ts';
import { TypeNames } from './type-names.ts';

/** Types of one name that are looked at. */
const MAX_CANDIDATES = 8;

/** One sentence, and how a program guards against it. */
export function explainMissing(local: Btf, target: Btf | undefined, relo: CoreRelo): string {
  if (target === undefined) return 'CO-RE: there are no types of the kernel to look into';
  const type = typeName(local, relo.typeId);
  const same = candidates(local, target, relo.typeId);
  if (isTypeBased(relo.kind) || same.length === 0)
    return `CO-RE: ${type} is not in the kernel's types; guard with bpf_core_type_exists()`;
  let spec: AccessSpec;
  try {
    spec = localSpec(local, relo.typeId, relo.access, relo.kind);
  } catch (e) {
    if (e instanceof AccessError) return `CO-RE: ${e.message}`;
    throw e;
  }
  if (isEnumBased(relo.kind)) {
    const names = same.flatMap((id) => target.type(target.skipModifiers(id))?.values.map((v) => v.name) ?? []);
    const value = `${type} has no value ${spec.enumName} in the kernel's types`;
    return `CO-RE: ${value}${near(spec.enumName, names)}; guard with bpf_core_enum_value_exists()`;
  }
  return `CO-RE: ${missingMember(target, same, spec, relo.kind)}; guard with bpf_core_field_exists()`;
}

function missingMember(target: Btf, same: readonly number[], spec: AccessSpec, kind: number): string {
  let reached = 0;
  const types = new TypeNames(target);
  for (const id of same) {
    let steps = 1;
    while (steps < spec.accessors.length) {
      const part = { ...spec, accessors: spec.accessors.slice(0, steps + 1) };
      if (targetSpec(part, types, id, kind) === undefined) break;
      steps++;
    }
    reached = Math.max(reached, steps);
  }
  const step = spec.accessors[reached];
  if (step === undefined) return `${typeName(spec.btf, spec.rootTypeId)} has another size in the kernel's types`;
  const parent = typeName(spec.btf, step.typeId);
  if (step.name === '') return `${parent} has no element ${step.index} in the kernel's types`;
  const names = memberNames(target, spec.btf, step);
  if (names.includes(step.name)) return `member ${step.name} of ${parent} has another type in the kernel's types`;
  return `${parent} has no member ${step.name} in the kernel's types${near(step.name, names)}`;
}

function near(name: string, names: readonly string[]): string {
  const list = nearest(name, names);
  return list.length === 0 ? '' : ` (there are ${list.join(', ')})`;
}

/** Members of the structs that are named like the one that is stepped into; of nameless ones nothing is known. */
function memberNames(target: Btf, local: Btf, step: Accessor): string[] {
  return candidates(local, target, step.typeId).flatMap((id) =>
    (target.type(target.skipModifiers(id))?.members ?? []).map((m) => m.name).filter((n) => n !== ''),
  );
}

function candidates(local: Btf, target: Btf, typeId: number): number[] {
  const name = local.name(typeId);
  if (name === '') return [];
  const kind = local.kind(typeId);
  return target
    .withEssentialName(essentialName(name))
    .filter((id) => kindsAreCompatible(kind, target.kind(id)))
    .slice(0, MAX_CANDIDATES);
}

const WORDS: Readonly<Record<number, string>> = {
  [BTF_KIND.STRUCT]: 'struct ',
  [BTF_KIND.UNION]: 'union ',
  [BTF_KIND.ENUM]: 'enum ',
  [BTF_KIND.ENUM64]: 'enum ',
};

const typeName = (btf: Btf, id: number): string =>
  `${WORDS[btf.kind(id)] ?? ''}${essentialName(btf.name(id)) || '<anonymous>'}`;
