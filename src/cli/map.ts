/** `skep map`: shows, dumps, looks up and updates maps, of an object file or of the machine's kernel. */
import type { BtfInput } from '../btf/value.ts';
import { BpfError } from '../lib/errors.ts';
import type { BpfMap } from '../lib/map.ts';
import { type Command, unknownName } from './shell/command.ts';
import { EXIT, InputError, UnsupportedError, UsageError } from './shell/exit.ts';
import { type Io, visible } from './shell/io.ts';
import { toJson, jsonText, plainText } from './shell/json-text.ts';
import { mapJson, printMap } from './session/map-dump.ts';
import {} from './session/map-fill.ts';
import { parseJson } from './session/exact-json.ts';
import { didYouMean } from './shell/nearest.ts';
import { mapTypeName } from './shell/names.ts';
import {
  infoOf,
  kernelMap,
  loadMaps,
  noMore,
  objectIds,
  openKernel,
  readTarget,
  type Target,
} from './session/objects.ts';

const HELP = `usage: skep map show OBJECT [name MAP]
       skep map dump OBJECT [name MAP]
       skep map lookup OBJECT name MAP key KEY
       skep map update OBJECT name MAP key KEY value VALUE [any|exist|noexist]

Maps live as long as the command: each makes the maps of the object file in an
embedded kernel of its own, so that dump and lookup show what the object's own
definitions put there. With --backend kernel, and 'id N' in the place of the
object and its name, the maps of this machine's kernel are meant.

  KEY, VALUE      bytes, '10 0 0 1' or '0x0a 0x00 ..' or 'hex 0a 00 ..', as many
                  as the map has; or one word: a number, or JSON by the map's
                  types, '{"prefixlen": 24, "addr": [10, 0, 0, 0]}'

  --backend embedded|kernel
  --btf FILE      types of the kernel
  --json, -j      JSON
`;

const VERBS = ['show', 'list', 'dump', 'lookup', 'update'];

const UNSUPPORTED: ReadonlySet<string> = new Set([
  'create',
  'getnext',
  'delete',
  'pin',
  'event_pipe',
  'peek',
  'push',
  'pop',
  'enqueue',
  'dequeue',
  'freeze',
]);
const FLAGS: Readonly<Record<string, bigint>> = { any: 0n, noexist: 1n, exist: 2n };

export const command: Command = {
  help: HELP,
  async run([verb, ...args], io) {
    if (verb === 'show' || verb === 'list') return withMaps(readTarget('map', args), io, show);
    if (verb === 'dump') return withMaps(readTarget('map', args), io, dump);
    if (verb === 'lookup' || verb === 'update') {
      const target = readTarget('map', args);
      if (target.name === undefined && target.id === undefined)
        throw new UsageError(`map ${verb} needs a map: name MAP`, 'map');
      return withMaps(target, io, verb === 'lookup' ? lookup : update);
    }
    if (verb !== undefined && UNSUPPORTED.has(verb)) throw new UnsupportedError(`map ${verb}`);
    throw new UsageError(
      verb === undefined ? 'map needs a verb' : `map has no verb '${verb}'${didYouMean(verb, VERBS)}`,
      'map',
    );
  },
};

type Action = (io: Io, maps: readonly BpfMap[], target: Target, idOf: (map: BpfMap) => number) => number;

async function withMaps(target: Target, io: Io, action: Action): Promise<number> {
  if (target.kernel) {
    using session = await openKernel(target.btf);
    const { sys } = session;
    const ids = target.id === undefined ? [...objectIds(sys, 'map')] : [target.id];
    const maps = ids
      .map((id) => kernelMap(session, id))
      .filter((m) => target.name === undefined || m.name === target.name);
    return action(io, maps, target, (map) => Number(infoOf(sys, 'map', map.fd).values.id));
  }
  using loaded = await loadMaps(target.object as string, target.btf);
  const all = [...loaded.collection.maps.values()];
  const maps = target.name === undefined ? all : all.filter((m) => m.name === target.name);
  if (target.name !== undefined && maps.length === 0)
    throw unknownName(
      'map',
      target.name,
      all.map((m) => m.name),
      'map',
    );
  return action(io, maps, target, (map) => Number(infoOf(loaded.session.sys, 'map', map.fd).values.id));
}

const show: Action = (io, maps, target, idOf) => {
  noMore('map', target.rest);
  if (target.json) io.out(`[${maps.map((m) => showJson(m, idOf(m))).join(',')}]\n`);
  else {
    for (const m of maps) {
      const { spec } = m;
      io.out(
        `${idOf(m)}: ${mapTypeName(spec.type)}  name ${io.style('bold', visible(m.name))}  flags 0x${(spec.flags >>> 0).toString(16)}\n`,
      );
      io.out(`\tkey ${spec.keySize}B  value ${spec.valueSize}B  max_entries ${spec.maxEntries}\n`);
    }
  }
  return EXIT.ok;
};

const showJson = ({ spec, name }: BpfMap, id: number): string =>
  toJson({
    id,
    type: mapTypeName(spec.type),
    name,
    flags: spec.flags >>> 0,
    bytes_key: spec.keySize,
    bytes_value: spec.valueSize,
    max_entries: spec.maxEntries,
  });

const dump: Action = (io, maps, target) => {
  noMore('map', target.rest);
  if (target.json) io.out(`{${maps.map((m) => `${toJson(m.name)}:${mapJson(m)}`).join(',')}}\n`);
  else for (const m of maps) printMap(io, m);
  return EXIT.ok;
};

const lookup: Action = (io, maps, target) => {
  const map = one(maps, target);
  const { key, rest } = keyWords(map, target.rest);
  noMore('map', rest);
  const value = map.lookupBytes(key);
  if (value === undefined) throw new InputError('', `map ${map.name} has no such key`);
  const decoded = map.decodeValue(value);
  io.out(
    target.json
      ? `{"key":${jsonText(map.decodeKey(key))},"value":${jsonText(decoded)}}\n`
      : `${visible(plainText(map.decodeKey(key)))}  ${visible(plainText(decoded))}\n`,
  );
  return EXIT.ok;
};

const update: Action = (io, maps, target) => {
  const map = one(maps, target);
  const { key, rest } = keyWords(map, target.rest);
  if (rest[0] !== 'value') throw new UsageError('map update needs the word value', 'map');
  const words = rest.slice(1);
  const flag = words.length > 1 && Object.hasOwn(FLAGS, words[words.length - 1]) ? (words.pop() as string) : 'any';
  const value = bytesOf('value', words, map.valueBytes, (v) => map.encodeValue(v));
  try {
    map.updateBytes(key, value, FLAGS[flag]);
  } catch (e) {
    if (e instanceof BpfError) throw new InputError('', e.message, { cause: e });
    throw e;
  }
  if (target.json) io.out(`${mapJson(map)}\n`);
  else printMap(io, map);
  return EXIT.ok;
};

function one(maps: readonly BpfMap[], target: Target): BpfMap {
  if (maps.length === 1) return maps[0];
  throw new InputError(
    '',
    maps.length === 0 ? `there is no map ${target.name}` : `${maps.length} maps have that name; say which with id N`,
  );
}

function keyWords(map: BpfMap, words: readonly string[]): { key: Uint8Array; rest: string[] } {
  if (map.spec.keySize === 0) return { key: new Uint8Array(0), rest: [...words] };
  if (words[0] !== 'key') throw new UsageError('the word key is missing', 'map');
  const end = words.indexOf('value');
  const own = words.slice(1, end < 0 ? words.length : end);
  return { key: bytesOf('key', own, map.spec.keySize, (v) => map.encodeKey(v)), rest: end < 0 ? [] : words.slice(end) };
}

/** Bytes one by one, or one word that the map's types give a meaning. */
function bytesOf(
  what: string,
  words: readonly string[],
  size: number,
  encode: (value: BtfInput) => Uint8Array,
): Uint8Array {
  const hex = words[0] === 'hex';
  const list = hex ? words.slice(1) : words;
  if (!hex && list.length === 1 && size !== 1) return typedWord(what, list[0], encode);
  if (list.length !== size) throw new UsageError(`the ${what} has ${size} bytes, and ${list.length} are given`, 'map');
  return Uint8Array.from(list, (word) => {
    const form = hex ? /^(0x)?[0-9a-f]{1,2}$/i : /^(0x[0-9a-f]{1,2}|\d{1,3})$/i;
    const value = form.test(word) ? (hex ? Number.parseInt(word, 16) : Number(word)) : Number.NaN;
    if (!(value <= 255)) throw new UsageError(`'${word}' is no byte`, 'map');
    return value;
  });
}

function typedWord(what: string, word: string, encode: (value: BtfInput) => Uint8Array): Uint8Array {
  const value = /^[[{"]/.test(word)
    ? (parseJson(what, word) as BtfInput)
    : /^(0x[0-9a-f]+|\d+)$/i.test(word)
      ? BigInt(word)
      : word;
  try {
    return encode(value);
  } catch (e) {
    if (e instanceof TypeError) throw new UsageError(e.message.replace(/^the value\b/, `the ${what}`), 'map');
    throw e;
  }
}
