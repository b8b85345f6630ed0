/** BTF-defined maps: variables of section .maps whose struct members spell the attributes. */
import type { Btf } from '../../btf/btf.ts';
import { BTF_KIND, BTF_LINKAGE, type BtfMember, type BtfType } from '../../btf/types.ts';
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';
import { FormatError } from '../../util/errors.ts';
import { type Note, note } from '../notes.ts';
import type { Budget } from '../../util/budget.ts';
import type { MapSpec } from '../spec.ts';
import { isMapInMap, newMapSpec, noteSizes } from './map-common.ts';

/** A map and where its variable lies in .maps; `valuesOffset` is where its `values` member begins. */
export interface PlacedMap {
  readonly spec: MapSpec;
  readonly offset: number;
  readonly size: number;
  readonly valuesOffset: number;
}

const bad = (btf: Btf, id: number, map: string, detail: string): FormatError =>
  new FormatError('BTF', btf.typeOffset(id), `map ${map}: ${detail}`);

/** Reads every variable of the DATASEC `.maps`. */
export function collectBtfMaps(btf: Btf, list: Note[], budget: Budget): PlacedMap[] {
  const notes: Notes = { list, budget };
  const section = btf.type(btf.find('.maps', BTF_KIND.DATASEC));
  if (section?.kind !== BTF_KIND.DATASEC) return [];
  const out: PlacedMap[] = [];
  for (const v of section.vars) {
    const variable = btf.type(v.type);
    if (variable?.kind !== BTF_KIND.VAR) throw bad(btf, section.id, '?', `type ${v.type} in .maps is not a variable`);
    const def = btf.type(btf.skipModifiers(variable.type));
    if (def?.kind !== BTF_KIND.STRUCT) throw bad(btf, variable.id, variable.name, 'its type is not a struct');
    const spec = newMapSpec(variable.name, 'btf');
    budget.spend((16 + 2 * variable.name.length) * (1 + def.vlen), 'map definitions');
    const values = readDefinition(btf, def, spec, notes, false);
    if (spec.type === 0) throw bad(btf, def.id, spec.name, 'the member "type" is missing');
    if (variable.linkage === BTF_LINKAGE.STATIC)
      list.push(note('static-map', 'map', spec.name, `map '${spec.name}': unsupported map linkage static`));
    noteSizes(spec, list);
    out.push({ spec, offset: v.offset, size: v.size, valuesOffset: v.offset + values });
  }
  return out;
}

/** By-products of reading, beside the definitions. */
interface Notes {
  readonly list: Note[];
  readonly budget: Budget;
}

/** Fills `spec` from the members; returns the byte offset of `values`, or -1. */
function readDefinition(btf: Btf, def: BtfType, spec: MapSpec, notes: Notes, inner: boolean): number {
  let valuesOffset = -1;
  const given = new Set<string>();
  for (const m of def.members) {
    const number = (): number => memberNumber(btf, def, m, spec.name);
    switch (m.name) {
      case 'type':
        spec.type = number();
        break;
      case 'max_entries':
        spec.maxEntries = number();
        break;
      case 'map_flags':
        spec.flags = number();
        break;
      case 'numa_node':
        spec.numaNode = number();
        break;
      case 'pinning':
        spec.pinning = number();
        checkPinning(spec, inner, notes.list);
        break;
      case 'map_extra':
        spec.mapExtra = memberBigint(btf, def, m, spec.name);
        break;
      case 'key_size':
        takeSize(spec, 'key', number(), given, notes.list);
        break;
      case 'value_size':
        takeSize(spec, 'value', number(), given, notes.list);
        break;
      case 'key':
        spec.keyTypeId = memberPointee(btf, def, m, spec.name);
        takeSize(spec, 'key', sizeOrThrow(btf, def, spec.keyTypeId, spec.name), given, notes.list);
        break;
      case 'value':
        spec.valueTypeId = memberPointee(btf, def, m, spec.name);
        takeSize(spec, 'value', sizeOrThrow(btf, def, spec.valueTypeId, spec.name), given, notes.list);
        break;
      case 'values':
        if (inner) throw bad(btf, def.id, spec.name, 'an inner map cannot have "values"');
        valuesOffset = m.bitOffset / 8;
        readValues(btf, def, m, spec, notes);
        break;
      default:
        notes.list.push(
          note('map-attribute-unknown', 'map', spec.name, `map '${spec.name}': unknown field '${m.name}' is left out`),
        );
    }
  }
  return valuesOffset;
}

/** A size may be said by `key` and by `key_size`; the first counts, unless it is 0. */
function takeSize(spec: MapSpec, part: 'key' | 'value', size: number, given: Set<string>, notes: Note[]): void {
  const field = part === 'key' ? 'keySize' : 'valueSize';
  const twice = given.has(part);
  given.add(part);
  if (twice && spec[field] !== 0 && spec[field] !== size) {
    const text = `map '${spec.name}': conflicting ${part} size ${spec[field]} != ${size}`;
    notes.push(note('map-size-conflict', 'map', spec.name, text));
    return;
  }
  if (twice)
    notes.push(note('map-size-twice', 'map', spec.name, `map '${spec.name}': both ${part} and ${part}_size given`));
  spec[field] = size;
}

/** LIBBPF_PIN_NONE and LIBBPF_PIN_BY_NAME are all there is. */
function checkPinning(spec: MapSpec, inner: boolean, notes: Note[]): void {
  const outer = spec.name.replace(/\.inner$/, '');
  if (inner) notes.push(note('map-inner-pinned', 'map', outer, `map '${spec.name}': inner def can't be pinned`));
  else if (spec.pinning > 1)
    notes.push(note('map-pinning-unknown', 'map', outer, `map '${spec.name}': invalid pinning value ${spec.pinning}`));
}

/** `__uint(name, n)` is `int (*name)[n]`; `__ulong(name, n)` is an enum of one value. */
function memberBigint(btf: Btf, def: BtfType, m: BtfMember, map: string): bigint {
  const t = btf.type(btf.skipModifiers(m.type));
  if (t?.kind === BTF_KIND.PTR) {
    const array = btf.type(t.type)?.array;
    if (array) return BigInt(array.nelems);
  }
  if ((t?.kind === BTF_KIND.ENUM || t?.kind === BTF_KIND.ENUM64) && t.values.length === 1)
    return BigInt.asUintN(64, t.values[0].value);
  throw bad(btf, def.id, map, `member "${m.name}" is neither a pointer to an array nor an enum of one value`);
}

const memberNumber = (btf: Btf, def: BtfType, m: BtfMember, map: string): number =>
  Number(BigInt.asUintN(32, memberBigint(btf, def, m, map)));

function memberPointee(btf: Btf, def: BtfType, m: BtfMember, map: string): number {
  const t = btf.type(btf.skipModifiers(m.type));
  if (t?.kind !== BTF_KIND.PTR) throw bad(btf, def.id, map, `member "${m.name}" is not a pointer`);
  return t.type;
}

function sizeOrThrow(btf: Btf, def: BtfType, typeId: number, map: string): number {
  const size = btf.sizeOf(typeId);
  if (size < 0) throw bad(btf, def.id, map, `type ${typeId} has no size`);
  return size;
}

/** `values[]`: an array of pointers to the inner map's definition, or to functions for a program array. */
function readValues(btf: Btf, def: BtfType, m: BtfMember, spec: MapSpec, notes: Notes): void {
  const array = btf.type(btf.skipModifiers(m.type))?.array;
  const pointer = btf.type(btf.skipModifiers(array?.elemType ?? 0));
  if (array === undefined || pointer?.kind !== BTF_KIND.PTR)
    throw bad(btf, def.id, spec.name, 'member "values" is not an array of pointers');
  const target = btf.type(btf.skipModifiers(pointer.type));
  if (isMapInMap(spec.type)) {
    if (target?.kind !== BTF_KIND.STRUCT)
      throw bad(btf, def.id, spec.name, '"values" does not point at map definitions');
    notes.budget.spend((16 + 2 * spec.name.length) * (1 + target.vlen), 'map definitions');
    spec.inner = newMapSpec(`${spec.name}.inner`, 'btf');
    readDefinition(btf, target, spec.inner, notes, true);
  } else if (spec.type === BPF_MAP_TYPE.BPF_MAP_TYPE_PROG_ARRAY) {
    if (target?.kind !== BTF_KIND.FUNC_PROTO) throw bad(btf, def.id, spec.name, '"values" does not point at functions');
  } else {
    throw bad(btf, def.id, spec.name, 'only maps of maps and program arrays have "values"');
  }
  spec.keySize ||= 4;
  spec.valueSize ||= 4;
}
