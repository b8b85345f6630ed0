/** Contents of maps, typed by BTF: as JSON, and as lines for people. */
import type { BtfValue } from '../../btf/value.ts';
import { Walk } from '../../btf/walk.ts';
import type { Collection } from '../../lib/collection.ts';
import { BpfError } from '../../lib/errors.ts';
import type { BpfMap } from '../../lib/map.ts';
import { BPF_MAP_TYPE as M } from '../../uapi/map-types.ts';
import { type Io, visible } from '../shell/io.ts';
import { hexText, toJson, jsonText, plainText } from '../shell/json-text.ts';
import { mapTypeName } from '../shell/names.ts';

export interface MapContents {
  readonly map: BpfMap;
  readonly entries: readonly (readonly [key: BtfValue, value: BtfValue])[];
  /** Whether there are more elements than were read. */
  readonly more: boolean;
}

/** Elements that a dump reads of one map. */
const MOST = 65_536;
/** Elements that people are shown of one map. */
const SHOWN = 40;

/** Parts of values that a dump decodes of one map. */
const MOST_PARTS = 4_000_000;

/** Types whose elements cannot be listed. */
const UNLISTED: ReadonlySet<number> = new Set([
  M.BPF_MAP_TYPE_RINGBUF,
  M.BPF_MAP_TYPE_USER_RINGBUF,
  M.BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  M.BPF_MAP_TYPE_QUEUE,
  M.BPF_MAP_TYPE_STACK,
  M.BPF_MAP_TYPE_BLOOM_FILTER,
  M.BPF_MAP_TYPE_STRUCT_OPS,
  M.BPF_MAP_TYPE_ARENA,
]);

const GLOBALS: ReadonlySet<string> = new Set(['data', 'bss']);

/** Elements of a map, in the kernel's order; undefined for types that list none. */
export function readMap(map: BpfMap): MapContents | undefined {
  if (UNLISTED.has(map.spec.type)) return undefined;
  const entries: [BtfValue, BtfValue][] = [];
  const walk = new Walk(MOST_PARTS);
  let more = false;
  try {
    for (const [key, value] of map.entriesBytes()) {
      if (entries.length >= MOST || walk.steps > walk.maxSteps) {
        more = true;
        break;
      }
      entries.push([typed(key, () => map.decodeKey(key, walk)), typed(value, () => map.decodeValue(value, walk))]);
    }
  } catch (e) {
    // The kernel lets some types be filled but not read.
    if (e instanceof BpfError) return undefined;
    throw e;
  }
  return { map, entries, more };
}

/** Bytes whose type has no values stay bytes. */
function typed(bytes: Uint8Array, decode: () => BtfValue): BtfValue {
  try {
    return decode();
  } catch {
    return hexText(bytes);
  }
}

/** Maps that the object's author declared. */
export const declaredMaps = (collection: Collection): BpfMap[] =>
  [...collection.maps.values()].filter((m) => m.spec.origin === 'btf' || m.spec.origin === 'legacy');

/** Values of the writable global variables, by name. */
export function readGlobals(collection: Collection): Record<string, BtfValue> {
  // Without a prototype: a variable may be named __proto__.
  const out = Object.create(null) as Record<string, BtfValue>;
  for (const map of collection.maps.values()) {
    if (!GLOBALS.has(map.spec.origin)) continue;
    for (const [name, value] of map.variables()) out[name] = value;
  }
  return out;
}

/** `{"type":"hash","entries":[{"key":..,"value":..}]}` */
export function mapJson(map: BpfMap): string {
  const contents = readMap(map);
  const head = `"type":${toJson(mapTypeName(map.spec.type))}`;
  if (contents === undefined) return `{${head}}`;
  const entries = contents.entries.map(([k, v]) => `{"key":${jsonText(k)},"value":${jsonText(v)}}`);
  return `{${head},"entries":[${entries.join(',')}]${contents.more ? ',"more":true' : ''}}`;
}

function isZero(value: BtfValue): boolean {
  if (Array.isArray(value)) return value.every(isZero);
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isZero);
  return value === 0 || value === 0n || value === false || value === '';
}

/** Lines for people: arrays without their zeros, long maps cut. */
export function printMap(io: Io, map: BpfMap): void {
  const { spec } = map;
  const contents = readMap(map);
  if (contents === undefined) return;
  const listed = contents.entries;
  const indexed = spec.type === M.BPF_MAP_TYPE_ARRAY || spec.type === M.BPF_MAP_TYPE_PERCPU_ARRAY;
  const interesting = indexed ? listed.filter(([, v]) => !isZero(v)) : listed;
  const count =
    contents === undefined ? '' : `, ${listed.length}${contents.more ? '+' : ''} of ${spec.maxEntries} elements`;
  io.out(`${io.style('bold', visible(map.name))} ${io.style('dim', `${mapTypeName(spec.type)}${count}`)}\n`);
  for (const [key, value] of interesting.slice(0, SHOWN))
    io.out(`  ${io.style('cyan', visible(plainText(key)))}  ${visible(plainText(value))}\n`);
  const hidden = interesting.length - SHOWN;
  if (hidden > 0) io.out(io.style('dim', `  and ${hidden} more\n`));
  if (indexed && interesting.length < listed.length && interesting.length === 0)
    io.out(io.style('dim', '  all zero\n'));
}
