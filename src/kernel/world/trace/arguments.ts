/** Writes the arguments of a traced call into its words: by name or in order, structs in place where pointers to them are wanted. */
import { BTF_KIND } from '../../../btf/types.ts';
import type { KeptStructs } from '../kept-structs.ts';
import { fill, Pointee, type StructInput } from '../struct-fill.ts';
import { StructError, type StructTypes } from '../struct-types.ts';
import type { Structs } from '../struct-view.ts';
import type { TraceEnv } from './env.ts';
import { holds, writePlain } from './plain-int.ts';
import type { Parameter, Signature } from './signature.ts';

/** Arguments by their names, or all in their order. Those that are not given are 0 and NULL. */
export type Arguments = { readonly [name: string]: StructInput } | readonly StructInput[];

/** What was made for one call, and goes with it. */
export type Temporary = Disposable;

/**
 * Writes arguments to the words at `addr`, which are zero. Throws {@link StructError}: unknown names, too many, values that do not fit.
 * @param what the call's name, for errors
 */
export function writeArguments(
  env: Pick<TraceEnv, 'structs' | 'kept'>,
  { signature, what, addr }: { readonly signature: Signature; readonly what: string; readonly addr: number },
  given: Arguments,
): readonly Temporary[] {
  const writer = new Writer(env, addr, signature.words);
  const { params } = signature;
  if (typeof (given as unknown) !== 'object' || (given as unknown) === null)
    throw new StructError('wrong-type', `${what}()`, 'arguments are given by name or in order');
  try {
    if (Array.isArray(given)) {
      if (given.length > params.length)
        throw new StructError(
          'unknown-member',
          `${what}()`,
          `${given.length} arguments were given, it has ${params.length}`,
        );
      for (let i = 0; i < given.length; i++) writer.write(params[i], given[i] as StructInput, what);
    } else writeNamed(writer, params, given as { readonly [name: string]: StructInput }, what);
  } catch (error) {
    for (const made of writer.made) made[Symbol.dispose]();
    throw error;
  }
  return writer.made;
}

function writeNamed(
  writer: Writer,
  params: readonly Parameter[],
  given: { readonly [name: string]: StructInput },
  what: string,
): void {
  for (const name of Object.keys(given)) {
    const param = params.find((p) => p.name === name);
    if (param === undefined) {
      const known = params.map((p) => p.name).join(', ') || 'none';
      throw new StructError('unknown-member', `${what}(${name})`, `there is no such argument; it has ${known}`);
    }
    writer.write(param, given[name], what);
  }
}

const NOTHING: readonly Temporary[] = [];
/** The member by which a struct is the same one in many calls. */
const NAME = '$id';
/** Longest chain of structs that are given inside of each other. */
const MAX_DEPTH = 64;

type Members = { readonly [member: string]: StructInput };

class Writer {
  readonly #structs: Structs;
  readonly #kept: KeptStructs;
  readonly #addr: number;
  readonly #words: number;
  made = NOTHING;

  constructor({ structs, kept }: Pick<TraceEnv, 'structs' | 'kept'>, addr: number, words: number) {
    this.#structs = structs;
    this.#kept = kept;
    this.#addr = addr;
    this.#words = words;
  }

  write(param: Parameter, value: StructInput, what: string): void {
    const { place, plain, struct } = param;
    const { mem } = this.#structs.env;
    // Without bigints: numbers, and structs of the very type that is wanted.
    if (plain !== undefined && holds(plain, value)) {
      writePlain(mem, this.#addr + (place.bit >>> 3), plain.size, value);
      return;
    }
    if (value instanceof Pointee && struct !== 0 && value.type === struct) {
      mem.i32[(this.#addr >>> 2) + (place.bit >>> 5)] = value.addr;
      return;
    }
    const types = this.#structs.types(what);
    const bytes = mem.u8.subarray(this.#addr, this.#addr + this.#words * 8);
    const env = { types, bytes, text: (text: Uint8Array) => this.#text(text, what) };
    fill(
      env,
      place,
      struct !== 0 && isObject(value) ? this.#struct(types, struct, value) : value,
      `${what}(${param.name})`,
    );
  }

  /** A struct for this call, or one that is kept under the name in {@link NAME}, with those that it points to. */
  #struct(types: StructTypes, id: number, values: Members, depth = 0): Pointee {
    const type = types.btf.name(id);
    if (depth > MAX_DEPTH)
      throw new StructError('wrong-type', type, `structs point to each other more than ${MAX_DEPTH} deep`);
    const { [NAME]: name, ...members } = values;
    const pointing = this.#pointees(types, id, members, depth);
    if (name === undefined) {
      const made = this.#structs.make(type, pointing);
      this.made = [...this.made, made];
      return made;
    }
    if (typeof name !== 'string' && typeof name !== 'number')
      throw new StructError('wrong-type', `${type}.${NAME}`, 'a struct is named by text or a number');
    const kept = this.#kept.at(String(name), type);
    kept.set(pointing);
    return kept;
  }

  /** The same members, with a struct in guest memory for each object that a pointer is to lead to. */
  #pointees(types: StructTypes, id: number, values: Members, depth: number): Members {
    const members = types.members(id);
    const one = (name: string, value: StructInput): StructInput => {
      const place = members?.get(name);
      const t = place === undefined || !isObject(value) ? undefined : types.plain(place.type);
      if (t === undefined || !isObject(value)) return value;
      if (t.kind !== BTF_KIND.PTR) return this.#pointees(types, t.id, value, depth);
      const to = types.plain(t.type);
      return to?.kind === BTF_KIND.STRUCT ? this.#struct(types, to.id, value, depth + 1) : value;
    };
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, one(name, value)]));
  }

  #text(bytes: Uint8Array, what: string): number {
    const { heap, mem, rcu } = this.#structs.env;
    const addr = heap.alloc(bytes.length + 1, 8);
    if (addr === 0) throw new StructError('no-memory', what, `no memory for ${bytes.length} bytes of text`);
    mem.u8.set(bytes, addr);
    mem.u8[addr + bytes.length] = 0;
    this.made = [...this.made, { [Symbol.dispose]: () => rcu.call(() => heap.free(addr)) }];
    return addr;
  }
}

const isObject = (value: StructInput): value is { readonly [member: string]: StructInput } =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Uint8Array) &&
  !(value instanceof Pointee);
