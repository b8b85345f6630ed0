/** An object loaded into a kernel for one command: the embedded one of this process, or the machine's own. */
import type { Btf } from '../../btf/btf.ts';
import { nodePorts } from '../../host/node.ts';
import { type Engine, createRuntime, type Runtime } from '../../kernel/boot/runtime.ts';
import { type Collection, type LoadOptions, loadCollection } from '../../lib/collection.ts';
import type { CollectionSpec } from '../../lib/collection-spec.ts';
import { parseObject } from '../../lib/parse-object.ts';
import type { ProgramSpec } from '../../lib/spec.ts';
import type { BpfSyscall } from '../../uapi/attr/attr.ts';
import type { VirtualClockOptions } from '../../kernel/world/time/clock.ts';
import type { VerifierOutcome } from '../../kernel/verifier/result.ts';
import { unknownName } from '../shell/command.ts';
import { InputError } from '../shell/exit.ts';
import { inFile, readInput } from '../shell/files.ts';
import { visible } from '../shell/io.ts';
import { kernelFacts } from './kernel-facts.ts';
import { kernelTypes } from './kernel-types.ts';
import type { ObjectOptions } from './object-options.ts';
import { baseName } from '../verify/verdict-text.ts';

export interface SessionOptions {
  readonly backend: 'embedded' | 'kernel';
  readonly engine: Engine;
  /** Possible CPUs of the embedded kernel. */
  readonly cpus: number;
  readonly btf: string | undefined;
  /** Where the embedded kernel's clock begins, to be moved by {@link Runtime.advance}; the host's clock by default. */
  readonly clock?: VirtualClockOptions | undefined;
  /** Lines of bpf_trace_printk, of the embedded kernel. */
  readonly onTrace: (line: string) => void;
}

export interface Session extends Disposable {
  readonly sys: BpfSyscall;
  /** The embedded kernel, when it is that. */
  readonly runtime: Runtime | undefined;
  readonly kernelBtf: Btf;
  /** The verifier's last outcome; only in the embedded kernel. */
  lastOutcome(): VerifierOutcome | undefined;
  load(
    spec: CollectionSpec,
    programs: readonly string[],
    options?: Pick<LoadOptions, 'onError' | 'innerMaps' | 'loader'>,
  ): Promise<Collection>;
}

/** Programs that loop longer than this are stopped. */
const DEADLINE_MS = 10_000;

export async function openSession(options: SessionOptions): Promise<Session> {
  const kernelBtf = await kernelTypes(options.btf);
  return options.backend === 'kernel' ? kernelSession(kernelBtf) : embeddedSession(kernelBtf, options);
}

function embeddedSession(kernelBtf: Btf, options: SessionOptions): Session {
  let outcome: VerifierOutcome | undefined;
  const runtime = createRuntime({
    kernelBtf,
    engine: options.engine,
    cpus: options.cpus,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    deadlineMs: DEADLINE_MS,
    host: nodePorts(options.onTrace),
    onVerified: (found) => {
      outcome = found;
    },
  });
  return {
    sys: runtime,
    runtime,
    kernelBtf,
    lastOutcome: () => outcome,
    async load(spec, programs, more) {
      const facts = await kernelFacts(spec, false);
      return loadCollection(spec, runtime, { kernelBtf, programs, ...facts, ...more });
    },
    [Symbol.dispose]: () => runtime[Symbol.dispose](),
  };
}

async function kernelSession(kernelBtf: Btf): Promise<Session> {
  const { openKernelTransport } = await import('../../host/kernel-transport.ts');
  const sys = await openKernelTransport();
  return {
    sys,
    runtime: undefined,
    kernelBtf,
    lastOutcome: () => undefined,
    async load(spec, programs, more) {
      const facts = await kernelFacts(spec, true);
      return loadCollection(spec, sys, { kernelBtf, programs, ...facts, ...more });
    },
    [Symbol.dispose]: () => sys[Symbol.dispose](),
  };
}

/** Reads an object file. */
export async function openObject(path: string, words: ObjectOptions['parse'] = {}): Promise<CollectionSpec> {
  const bytes = await readInput(path);
  return inFile(path, () => parseObject(bytes, { name: baseName(path), ...words }));
}

/** The program of that name, or the only one. */
export function chooseProgram(
  path: string,
  spec: CollectionSpec,
  name: string | undefined,
  topic: string,
): ProgramSpec {
  const names = spec.programs.map((p) => p.key);
  const list = visible(names.slice(0, 12).join(', ')) + (names.length > 12 ? ', ...' : '');
  if (name !== undefined) {
    const found = spec.program(name);
    if (found !== undefined) return found;
    throw unknownName('program', name, names, topic);
  }
  if (spec.programs.length === 1) return spec.programs[0];
  if (spec.programs.length === 0) throw new InputError(path, 'the object has no program');
  throw new InputError(path, `the object has ${names.length} programs, name one with --prog: ${list}`);
}
