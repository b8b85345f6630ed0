/** BTF-defined maps: variables of section .maps whose struct members spell the attributes. */
import type { Btf } from '../../btf/btf.ts';
import { BTF_KIND, type BtfMember, type BtfType } from '../../btf/types.ts';
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';
import { FormatError } from '../../util/errors.ts';
import type { MapSpec } from '../spec.ts';
import { newMapSpec } from './map-common.ts';

/** A map and where its variable lies in .maps; `valuesOffset` is where its `values` member begins. */
export interface PlacedMap {
  readonly spec: MapSpec;
  readonly offset: number;
  readonly size: number;
  readonly valuesOffset: number;
}

const bad = (btf: Btf, id: number, map: string, detail: string): FormatError =>
  new FormatError('BTF', btf.typeOffset(id), `map ${map}: ${detail}`);

const isMapInMap = (type: number): boolean =>
  type === BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY_OF_MAPS || type === BPF_MAP_TYPE.BPF_MAP_TYPE_HASH_OF_MAPS;

/** Reads every variable of the DATASEC `.maps`. */
export function collectBtfMaps(btf: Btf, warnings: string[]): PlacedMap[] {
  const section = btf.type(btf.find('.maps', BTF_KIND.DATASEC));
  if (section?.kind !== BTF_KIND.DATASEC) return [];
  const out: PlacedMap[] = [];
  for (const v of section.vars) {
    const variable = btf.type(v.type);
    if (variable?.kind !== BTF_KIND.VAR) throw bad(btf, section.id, '?', `type ${v.type} in .maps is not a variable`);
    const def = btf.type(btf.skipModifiers(variable.type));
    if (def?.kind !== BTF_KIND.STRUCT) throw bad(btf, variable.id, variable.name, 'its type is not a struct');
    const spec = newMapSpec(variable.name, 'btf');
    const values = readDefinition(btf, def, spec, warnings, false);
    if (spec.type === 0) throw bad(btf, def.id, spec.name, 'the member "type" is missing');
    out.push({ spec, offset: v.offset, size: v.size, valuesOffset: v.offset + values });
  }
  return out;
}

/** Fills `spec` from the members; returns the byte offset of `values`, or -1. */
function readDefinition(btf: Btf, def: BtfType, spec: MapSpec, warnings: string[], inner: boolean): number {
  let valuesOffset = -1;
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
        break;
      case 'map_extra':
        spec.mapExtra = memberBigint(btf, def, m, spec.name);
        break;
      case 'key_size':
        spec.keySize = number();
        break;
      case 'value_size':
        spec.valueSize = number();
        break;
      case 'key':
        spec.keyTypeId = memberPointee(btf, def, m, spec.name);
        spec.keySize = sizeOrThrow(btf, def, spec.keyTypeId, spec.name);
        break;
      case 'value':
        spec.valueTypeId = memberPointee(btf, def, m, spec.name);
        spec.valueSize = sizeOrThrow(btf, def, spec.valueTypeId, spec.name);
        break;
      case 'values':
        if (inner) throw bad(btf, def.id, spec.name, 'an inner map cannot have "values"');
        valuesOffset = m.bitOffset / 8;
        readValues(btf, def, m, spec, warnings);
        break;
      default:
        warnings.push(`map ${spec.name}: unknown attribute "${m.name}" is ignored`);
    }
  }
  return valuesOffset;
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
function readValues(btf: Btf, def: BtfType, m: BtfMember, spec: MapSpec, warnings: string[]): void {
  const array = btf.type(btf.skipModifiers(m.type))?.array;
  const pointer = btf.type(btf.skipModifiers(array?.elemType ?? 0));
  if (array === undefined || pointer?.kind !== BTF_KIND.PTR)
    throw bad(btf, def.id, spec.name, 'member "values" is not an array of pointers');
  const target = btf.type(btf.skipModifiers(pointer.type));
  if (isMapInMap(spec.type)) {
    if (target?.kind !== BTF_KIND.STRUCT)
      throw bad(btf, def.id, spec.name, '"values" does not point at map definitions');
    spec.inner = newMapSpec(`${spec.name}.inner`, 'btf');
    readDefinition(btf, target, spec.inner, warnings, true);
  } else if (spec.type === BPF_MAP_TYPE.BPF_MAP_TYPE_PROG_ARRAY) {
    if (target?.kind !== BTF_KIND.FUNC_PROTO) throw bad(btf, def.id, spec.name, '"values" does not point at functions');
  } else {
    throw bad(btf, def.id, spec.name, 'only maps of maps and program arrays have "values"');
  }
  spec.keySize ||= 4;
  spec.valueSize ||= 4;
}
