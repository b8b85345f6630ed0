/** One case of the parser fuzz: an input made from its number, given to everything that reads it. */
import { readdirSync, readFileSync } from 'node:fs';
import { Btf } from '../../../src/btf/btf.ts';
import { dumpC } from '../../../src/btf/dump-c.ts';
import { formatBtf } from '../../../src/btf/format.ts';
import { printValue } from '../../../src/btf/print-value.ts';
import { parseRecordResult } from '../../../src/btf/record.ts';
import { validateBtf } from '../../../src/btf/validate.ts';
import { decodeValue, encodeValue } from '../../../src/btf/value.ts';
import type { Runtime } from '../../../src/kernel/boot/assemble.ts';
import { createVerifyingRuntime } from '../../../src/kernel/boot/verify-only.ts';
import { loadCollection } from '../../../src/lib/collection.ts';
import type { CollectionSpec } from '../../../src/lib/collection-spec.ts';
import { BpfError } from '../../../src/lib/errors.ts';
import { parseObject } from '../../../src/lib/parse-object.ts';
import { prepareProgram } from '../../../src/lib/prepare.ts';
import { readCapture } from '../../../src/net/open.ts';
import { PcapWriter } from '../../../src/net/pcap.ts';
import { PcapngWriter } from '../../../src/net/pcapng.ts';
import { FormatError } from '../../../src/util/errors.ts';
import { Rng } from '../differential/rng.ts';
import { attackBtf } from './attack-btf.ts';
import { attackCapture, attackObject } from './attack-object.ts';

export interface Input {
  readonly kind: 'object' | 'btf' | 'capture';
  readonly bytes: Uint8Array;
  /** How it was made. */
  readonly how: string;
}

/** Largest input; most are far smaller, so that many can be tried. */
const MOST = 4 << 20;
/** Programs that a case loads, and the longest of them: what verification costs is not the parsers' matter. */
const PROGRAMS = 3;
const LONGEST = 2000;
/** Types of a BTF object whose values are read. */
const VALUES = 3;

export class ParserCases {
  readonly #objects: Uint8Array[];
  readonly #captures: Uint8Array[];
  readonly #target: Btf;
  readonly #runtime: Runtime;
  /** An object with CO-RE relocations. */
  readonly #relocated: CollectionSpec;

  /** @param fixtures folder of the test fixtures */
  constructor(fixtures: string) {
    const read = (folder: string, end: RegExp): Uint8Array[] =>
      readdirSync(`${fixtures}/${folder}`)
        .filter((name) => end.test(name))
        .sort()
        .map((name) => new Uint8Array(readFileSync(`${fixtures}/${folder}/${name}`)));
    this.#objects = read('lib', /\.o$/);
    this.#captures = [new PcapWriter(), new PcapngWriter()].map(writtenBy);
    const target = parseObject(new Uint8Array(readFileSync(`${fixtures}/lib/core_target.o`))).btf;
    if (target === undefined) throw new Error('core_target.o has no types');
    this.#target = target;
    this.#runtime = createVerifyingRuntime({ kernelBtf: target, memory: 1 << 24 });
    this.#relocated = parseObject(new Uint8Array(readFileSync(`${fixtures}/lib/core.o`)));
  }

  /** The input of a case, the same one for the same seed. */
  make(seed: number, index: number): Input {
    const rng = new Rng(Math.imul(seed, 0x9e3779b1) + index);
    // 1 KiB to 4 MiB; one case in 64 may be larger than 64 KiB.
    const size = Math.min(MOST, 2 ** rng.between(10, rng.below(64) === 0 ? 22 : 15) * (1 + rng.below(100) / 100));
    const made = rng.weighted<() => Input>([
      [40, () => ({ kind: 'object', ...attackObject(rng, size * 0.9) })],
      [25, () => ({ kind: 'btf', ...attackBtf(rng, size * 0.9) })],
      [25, () => ({ kind: 'object', bytes: damaged(rng, rng.pick(this.#objects)), how: 'damaged object' })],
      [5, () => ({ kind: 'capture', ...attackCapture(rng, size) })],
      [5, () => ({ kind: 'capture', bytes: damaged(rng, rng.pick(this.#captures)), how: 'damaged capture' })],
    ])();
    const bytes = rng.chance(15) && made.bytes.length > 0 ? damaged(rng, made.bytes) : made.bytes;
    return { ...made, bytes: bytes.subarray(0, MOST) };
  }

  /** Reads an input with all that reads such inputs; typed errors are right, all others come out. */
  run({ kind, bytes }: Input): void {
    if (kind === 'object') this.#object(bytes);
    else if (kind === 'btf') this.#btf(bytes);
    else tolerate(() => [...readCapture(bytes)].length);
  }

  #object(bytes: Uint8Array): void {
    const spec = tolerate(() => parseObject(bytes, { name: 'fuzz' }));
    if (spec === undefined) return;
    const short = spec.programs.filter((p) => p.insns.length <= LONGEST).slice(0, PROGRAMS);
    for (const p of short)
      tolerate(() => prepareProgram(spec, p.key, { kernelBtf: this.#target, mapFd: () => 1, btfFd: 1 }));
    this.#load(
      spec,
      short.map((p) => p.key),
    );
    if (spec.btf !== undefined) useTypes(spec.btf);
  }

  #load(spec: CollectionSpec, programs: readonly string[]): void {
    tolerate(() =>
      loadCollection(spec, this.#runtime, { kernelBtf: this.#target, programs, onError: 'collect' }).close(),
    );
  }

  #btf(bytes: Uint8Array): void {
    for (const withLog of [false, true]) validateBtf(bytes, { withLog });
    const btf = tolerate(() => Btf.parse(bytes));
    if (btf === undefined) return;
    useTypes(btf);
    // As the types of a kernel that programs are relocated against.
    const spec = this.#relocated;
    for (const p of spec.programs) tolerate(() => prepareProgram(spec, p.key, { kernelBtf: btf, mapFd: () => 1 }));
  }
}

/** A capture of a few packets. */
function writtenBy(writer: PcapWriter | PcapngWriter): Uint8Array {
  for (let i = 0; i < 20; i++) writer.write({ data: new Uint8Array(60 + i), seconds: i, nanoseconds: 0 });
  return writer.bytes();
}

function useTypes(btf: Btf): void {
  tolerate(() => dumpC(btf));
  tolerate(() => {
    for (const line of formatBtf(btf)) if (line === '') throw new Error('empty line');
  });
  tolerate(() => btf.find('x', 4));
  const bytes = new Uint8Array(64).fill(1);
  const step = Math.max(1, Math.floor(btf.nrTypes / VALUES));
  for (let id = btf.nrTypes - 1; id > 0; id -= step) {
    tolerate(() => printValue(btf, id, bytes));
    tolerate(() => encodeValue(btf, id, decodeValue(btf, id, bytes), 64));
    tolerate(() => parseRecordResult(btf, id));
  }
}

/** Runs a step; typed errors are its right, and a TypeError that of a value that does not fit. */
function tolerate<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch (e) {
    if (e instanceof FormatError || e instanceof BpfError) return undefined;
    if (e instanceof TypeError && /^(the value|[\w.[\]]+): /.test(e.message)) return undefined;
    throw e;
  }
}

/** A copy with some words changed: to counts, sizes and offsets that are too large, most often. */
function damaged(rng: Rng, bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  if (out.length < 8) return out;
  const view = new DataView(out.buffer);
  for (let n = rng.between(1, 6); n > 0; n--) {
    const at = rng.chance(30)
      ? rng.below(Math.min(64, out.length - 4))
      : rng.chance(50)
        ? out.length - 4 - rng.below(Math.min(out.length - 4, 1280))
        : rng.below(out.length - 4);
    if (rng.chance(50)) out[at] = rng.below(256);
    else view.setUint32(at, rng.pick([0, 1, 0xff, 0xffff, 0x7fffffff, 0xffffffff, out.length, rng.u32()]), true);
  }
  return rng.chance(5) ? out.slice(0, rng.below(out.length)) : out;
}
