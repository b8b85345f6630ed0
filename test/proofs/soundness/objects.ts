/** The object files that proofs go over, and an embedded kernel that hands each verification to somebody. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Btf } from '../../../src/btf/btf.ts';
import { assembleRuntime, type Runtime } from '../../../src/kernel/boot/assemble.ts';
import type { Caps } from '../../../src/kernel/rules/prog-type.ts';
import type { VerifierInput, VerifierOutcome } from '../../../src/kernel/verifier/result.ts';
import type { CollectionSpec } from '../../../src/lib/collection-spec.ts';
import { loadCollection } from '../../../src/lib/collection.ts';
import { parseObject } from '../../../src/lib/parse-object.ts';
import { BpfError } from '../../../src/lib/errors.ts';
import { FormatError } from '../../../src/util/errors.ts';

/** Folders of objects that belong to the project. */
const FOLDERS = [
  'test/fixtures/objects',
  'test/fixtures/lib',
  'test/fixtures/cli',
  'bench/programs',
  'examples/firewall',
];

/** The project's objects, and those of a further folder. */
export function objectFiles(further?: string | boolean): string[] {
  return [...FOLDERS, ...(typeof further === 'string' ? [further] : [])]
    .filter((f) => existsSync(f))
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((f) => f.endsWith('.o'))
        .map((f) => join(folder, f)),
    )
    .sort();
}

/** The programs of a file; undefined when it is none that can be read. */
export function readObject(file: string): CollectionSpec | undefined {
  try {
    return parseObject(new Uint8Array(readFileSync(file)), { name: 'object' });
  } catch (e) {
    if (e instanceof FormatError) return undefined;
    throw e;
  }
}

/** An embedded kernel that runs nothing and verifies with `verifier`, for a loader who may do anything unless `caps` says otherwise. */
export function verifyingKernel(
  vmlinux: Btf,
  verifier: (input: VerifierInput) => VerifierOutcome,
  caps?: Caps,
): Runtime {
  // Maps and BTF are made by somebody who may.
  const asked = caps === undefined ? verifier : (input: VerifierInput) => verifier({ ...input, caps });
  return assembleRuntime({ kernelBtf: vmlinux, verifyOnly: true, memory: 64 << 20, cpus: 2 }, asked, undefined);
}

/** Loads every program of a file alone; what cannot be loaded without the verifier's say is left out. */
export function loadEach(file: string, runtime: Runtime, kernelBtf: Btf): void {
  const spec = readObject(file);
  for (const { name } of spec?.programs ?? []) {
    try {
      using _loaded = loadCollection(spec as CollectionSpec, runtime, {
        kernelBtf,
        programs: [name],
        onError: 'collect',
      });
    } catch (e) {
      if (!(e instanceof BpfError) && !(e instanceof FormatError)) throw e;
    }
  }
}
