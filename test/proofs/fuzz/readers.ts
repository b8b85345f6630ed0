/** Gives an input to everything that reads its kind; typed errors are right, all others come out. */
import { readFileSync } from 'node:fs';
import { Btf } from '../../../src/btf/btf.ts';
import { dumpC } from '../../../src/btf/dump-c.ts';
import { formatBtf } from '../../../src/btf/format.ts';
import { printValue } from '../../../src/btf/print-value.ts';
import { parseRecordResult } from '../../../src/btf/record.ts';
import { validateBtf } from '../../../src/btf/validate.ts';
import { decodeValue, encodeValue } from '../../../src/btf/value.ts';
import { fillMap, setVariable } from '../../../src/cli/session/map-fill.ts';
import { parseJson } from '../../../src/cli/session/exact-json.ts';
import { InputError, UsageError } from '../../../src/cli/shell/exit.ts';
import { assembleProgram } from '../../../src/isa/asm/assemble.ts';
import { decodeInsns } from '../../../src/isa/decode.ts';
import { disasmKernel, disasmObjdump } from '../../../src/isa/disasm.ts';
import { validateInsns } from '../../../src/isa/validate.ts';
import { assembleRuntime, type Runtime } from '../../../src/kernel/boot/assemble.ts';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import { verify } from '../../../src/kernel/verifier/check.ts';
import type { VerifierInput, VerifierOutcome } from '../../../src/kernel/verifier/result.ts';
import { type Collection, loadCollection } from '../../../src/lib/collection.ts';
import type { CollectionSpec } from '../../../src/lib/collection-spec.ts';
import { parseElf } from '../../../src/lib/elf/elf.ts';
import { BpfError } from '../../../src/lib/errors.ts';
import { kconfigContents, parseKconfig } from '../../../src/lib/kconfig.ts';
import { type ParseOptions, parseObject } from '../../../src/lib/parse-object.ts';
import { prepareProgram } from '../../../src/lib/prepare.ts';
import { openCapture, readCapture } from '../../../src/net/open.ts';
import { FormatError } from '../../../src/util/errors.ts';
import type { Input, Kind } from './inputs.ts';

/** Programs that a case prepares, and the longest that it loads: what verification costs is not the parsers' matter. */
const PROGRAMS = 3;
const LONGEST = 100;
/** Types of a BTF object whose values are read. */
const VALUES = 3;
/** What the door is asked to hold: cases whose maps are larger than that are answered with -ENOMEM. */
const MEMORY = 1 << 24;
/** Instructions that the verifier walks before it gives a program up. */
const PATIENCE = 300;
const LIB = 'test/fixtures/lib';

const TYPED: readonly ParseOptions[] = [
  {},
  {},
  { type: 'tc' },
  { sectionTypes: { '.te*': 'xdp', xdp: 'cgroup/connect4' } },
];

export const objectFile = (name: string): Uint8Array => new Uint8Array(readFileSync(`${LIB}/${name}`));

/** Types of an object as they lie in it. */
export const typesOf = (object: Uint8Array): Uint8Array | undefined =>
  parseElf(object).sections.find((s) => s.name === '.BTF')?.data;

class Tired extends Error {}

/** The verifier, with the types of this kernel; it gives up early. */
function impatient(input: VerifierInput, kernel: Btf): VerifierOutcome {
  let walked = 0;
  const onState = (): void => {
    if (++walked > PATIENCE) throw new Tired();
  };
  try {
    return verify({ ...input, vmlinux: () => kernel, testing: { onState } });
  } catch (e) {
    if (!(e instanceof Tired)) throw e;
    return verify({ ...input, insns: decodeInsns(new Uint8Array(8)) });
  }
}

export class Readers {
  readonly #target: Btf;
  /** Types of the kernel that verifies: those, or the input. */
  #kernel: Btf;
  readonly #runtime: Runtime;
  /** Objects with CO-RE relocations, and with functions and variables of the kernel. */
  readonly #relocated: readonly CollectionSpec[];
  /** Whose kernel configuration is given. */
  readonly #configured: CollectionSpec;
  /** Whose maps are filled. */
  readonly #filled: readonly Collection[];
  readonly #read: Readonly<Record<Kind, (bytes: Uint8Array, deep: boolean) => boolean>>;

  constructor() {
    const target = parseObject(objectFile('core_target.o')).btf;
    if (target === undefined) throw new Error('core_target.o has no types');
    this.#target = this.#kernel = target;
    const options = { kernelBtf: target, memory: MEMORY, verifyOnly: true };
    this.#runtime = assembleRuntime(options, (input) => impatient(input, this.#kernel), undefined);
    this.#relocated = ['core.o', 'externs.o', 'struct_ops.o'].map((name) => parseObject(objectFile(name)));
    this.#configured = parseObject(objectFile('data.o'));
    const filling = createRuntime({ memory: 1 << 26, engine: 'interp' });
    this.#filled = ['values.o', 'maps.o'].map((name) =>
      loadCollection(parseObject(objectFile(name)), filling, { programs: [] }),
    );
    this.#read = {
      object: (bytes, deep) => this.#object(bytes, deep),
      btf: (bytes, deep) => useTypes(bytes, deep) !== undefined,
      vmlinux: (bytes, deep) => this.#kernelTypes(bytes, deep),
      capture: readPackets,
      json: (bytes, deep) => this.#json(new TextDecoder().decode(bytes), deep),
      kconfig: (bytes) => this.#kconfig(new TextDecoder().decode(bytes)),
      assembly: (bytes) => tolerate(() => assembleProgram(new TextDecoder().decode(bytes))) !== undefined,
      code: readCode,
    };
  }

  /** Reads an input; whether it was taken, at least in part. */
  run({ kind, bytes, deep }: Pick<Input, 'kind' | 'bytes' | 'deep'>): boolean {
    return this.#read[kind](bytes, deep);
  }

  #object(bytes: Uint8Array, deep: boolean): boolean {
    const options = { ...TYPED[bytes.length % TYPED.length], name: 'fuzz' };
    const spec = tolerate(() => parseObject(bytes, options));
    if (spec === undefined) return false;
    const some = spec.programs.slice(0, deep ? PROGRAMS : 1);
    for (const p of some)
      tolerate(() => prepareProgram(spec, p.key, { kernelBtf: this.#target, mapFd: () => 1, btfFd: 1 }));
    if (!deep) return true;
    const programs = some.filter((p) => p.insns.length <= LONGEST).map((p) => p.key);
    const options2 = { kernelBtf: this.#target, programs, onError: 'collect' } as const;
    tolerate(() => loadCollection(spec, this.#runtime, options2).close());
    if (spec.btf !== undefined) useParsed(spec.btf, deep);
    return true;
  }

  /** Types of a kernel that programs are relocated against and loaded into. */
  #kernelTypes(bytes: Uint8Array, deep: boolean): boolean {
    const btf = tolerate(() => Btf.parse(bytes));
    if (btf === undefined) return false;
    for (const spec of this.#relocated.slice(0, deep ? undefined : 1))
      for (const p of spec.programs) tolerate(() => prepareProgram(spec, p.key, { kernelBtf: btf, mapFd: () => 1 }));
    if (!deep) return true;
    this.#kernel = btf;
    const options = { kernelBtf: btf, onError: 'collect' } as const;
    for (const spec of this.#relocated) tolerate(() => loadCollection(spec, this.#runtime, options).close());
    this.#kernel = this.#target;
    return true;
  }

  #json(text: string, deep: boolean): boolean {
    let taken = false;
    const document = tolerate(() => parseJson('fuzz', text));
    for (const collection of this.#filled) {
      const names = document === undefined ? [] : [...collection.maps.keys()];
      const first = text.length % Math.max(1, names.length);
      for (const name of deep ? names : names.slice(first, first + 1))
        taken = tolerate(() => fillMap('fuzz', collection, name, document) > 0) === true || taken;
      for (const { variables } of deep ? collection.spec.maps.values() : [])
        for (const { name } of variables) tolerate(() => setVariable(collection.spec, name, text));
    }
    return taken;
  }

  #kconfig(text: string): boolean {
    const inputs = { kconfig: parseKconfig(text), kernelVersion: 0x61200, syscallWrapper: true };
    const size = this.#configured.maps.get('.kconfig')?.valueSize ?? 0;
    return size > 0 && tolerate(() => kconfigContents(this.#configured.externs, size, inputs)) !== undefined;
  }
}

/** All that is said about types, without a kernel. */
function useTypes(bytes: Uint8Array, deep: boolean): Btf | undefined {
  for (const withLog of deep ? [false, true] : [bytes.length % 2 === 0]) validateBtf(bytes, { withLog });
  const btf = tolerate(() => Btf.parse(bytes));
  if (btf !== undefined) useParsed(btf, deep);
  return btf;
}

function useParsed(btf: Btf, deep: boolean): void {
  const turn = btf.nrTypes % 2 === 0;
  if (deep || turn) tolerate(() => dumpC(btf));
  if (deep || !turn)
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

/** Whole, and in pieces. */
function readPackets(bytes: Uint8Array, deep: boolean): boolean {
  const count = tolerate(() => [...readCapture(bytes)].length);
  if (!deep) return count !== undefined;
  let at = 0;
  const read = (into: Uint8Array): number => {
    const piece = bytes.subarray(at, at + Math.min(into.length, 4096));
    into.set(piece);
    at += piece.length;
    return piece.length;
  };
  const streamed = tolerate(() => {
    let n = 0;
    for (const _ of openCapture(() => ({ read }))) n++;
    return n;
  });
  if (count !== streamed) throw new Error(`${count} packets in the whole file, ${streamed} in its pieces`);
  return count !== undefined;
}

function readCode(bytes: Uint8Array): boolean {
  const insns = tolerate(() => decodeInsns(bytes));
  if (insns === undefined) return false;
  validateInsns(insns);
  for (let i = 0; i < insns.length; i++) if (disasmKernel(insns, i) === '') throw new Error(`no text of ${i}`);
  for (let i = 0; i < insns.length; i++) disasmObjdump(insns, i);
  return true;
}

/** Runs a step; typed errors are its right, and a TypeError that of a value that does not fit. */
function tolerate<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch (e) {
    if (e instanceof FormatError || e instanceof BpfError || e instanceof InputError || e instanceof UsageError)
      return undefined;
    if (e instanceof TypeError && /^(?!Cannot )[^]*: /.test(e.message)) return undefined;
    throw e;
  }
}
