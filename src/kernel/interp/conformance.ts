/** Conformance runs: program and memory bytes in, r0 out, unverified in guard mode, on either engine. */
import { decodeInsns } from '../../isa/decode.ts';
import type { Insns } from '../../isa/insn.ts';
import { BPF_CALL, BPF_JMP, BPF_PSEUDO_CALL } from '../../isa/opcodes.ts';
import { validateInsns } from '../../isa/validate.ts';
import { FormatError } from '../../util/errors.ts';
import type { HelperImpl, Linkage } from '../run/linkage.ts';
import type { Executable } from '../object/executable.ts';
import type { SubprogInfo, VerifiedProgram } from '../verifier/result.ts';
import type { GuardRegion } from './access.ts';
import { createBareLinkage } from './bare-linkage.ts';
import { interpret } from './program.ts';

/** An engine's limits besides the program: the memory it may touch and how long it may run. */
export interface ConformanceGuard {
  /** Its memory; engines add its stack. */
  readonly regions: readonly GuardRegion[];
  readonly fuel: number;
  /** Value of r2 at entry: the length of the memory. */
  readonly r2: number;
  /** Helpers that a call through a register may name. */
  readonly callx: readonly number[];
}

/** Compiles a program for guarded runs; the interpreter's is {@link interpEngine}. */
export type ConformanceEngine = (program: VerifiedProgram, linkage: Linkage, guard: ConformanceGuard) => Executable;

export const interpEngine: ConformanceEngine = (program, linkage, guard) => interpret(program, linkage, { guard });

/** Helper that the vectors call; its result is ignored. */
const CONFORMANCE_HELPER = 5;

/** Runs conformance vectors on one engine; memory and linkage are shared by all of them. */
export class ConformanceRunner {
  readonly #linkage: Linkage;
  readonly #engine: ConformanceEngine;
  readonly #fuel: number;

  /** @param fuel instructions (or loop iterations, in the JIT) that a program may run */
  constructor(engine: ConformanceEngine = interpEngine, fuel = 10_000_000, memory = 1 << 20) {
    const { helpers, bind } = conformanceHelpers();
    this.#linkage = createBareLinkage({ memory, helpers });
    bind(this.#linkage);
    this.#engine = engine;
    this.#fuel = fuel;
  }

  /**
   * Runs a program with r1 = address of `mem` (0 when it is empty) and r2 = its length.
   * @returns r0 as unsigned 64-bit hex: `0x2a`
   * @throws FormatError when the program is not well formed, ProgramAbort when it leaves its memory or runs too long
   */
  run(program: Uint8Array, mem: Uint8Array): string {
    const insns = decodeInsns(program);
    const [fault] = validateInsns(insns, { profile: 'rfc' });
    if (fault !== undefined) throw new FormatError('BPF', fault.index * 8, `insn ${fault.index}: ${fault.detail}`);
    const { env } = this.#linkage;
    const view = env.mem.view;
    const addr = mem.length === 0 ? 0 : env.alloc(mem.length, 8);
    if (mem.length !== 0 && addr === 0)
      throw new FormatError('mem', 0, `${mem.length} bytes do not fit the guest memory`);
    if (addr !== 0) env.mem.u8.set(mem, addr);
    const regions = addr === 0 ? [] : [{ start: addr, end: addr + mem.length, writable: true }];
    const guard = { regions, fuel: this.#fuel, r2: mem.length, callx: [CONFORMANCE_HELPER] };
    try {
      const executable = this.#engine(unverified(insns), this.#linkage, guard);
      try {
        executable.run(addr);
        return hex64(view.getUint32(executable.retAddr + 4, true), view.getUint32(executable.retAddr, true));
      } finally {
        executable.dispose();
      }
    } finally {
      env.free(addr);
    }
  }
}

/** One-shot form of {@link ConformanceRunner.run}. */
export function runConformance(program: Uint8Array, mem: Uint8Array, engine: ConformanceEngine = interpEngine): string {
  return new ConformanceRunner(engine).run(program, mem);
}

function hex64(hi: number, lo: number): string {
  return hi === 0 ? `0x${lo.toString(16)}` : `0x${hi.toString(16)}${lo.toString(16).padStart(8, '0')}`;
}

function conformanceHelpers(): { helpers: Map<number, HelperImpl>; bind: (linkage: Linkage) => void } {
  let view: DataView | undefined;
  const fn = (frame: number): void => {
    view?.setInt32(frame, 0, true);
    view?.setInt32(frame + 4, 0, true);
  };
  return {
    helpers: new Map([[CONFORMANCE_HELPER, { kind: 'js', fn }]]),
    bind: (linkage) => {
      view = linkage.env.mem.view;
    },
  };
}

/** Dresses bare instructions as a program: functions begin at 0 and at call targets, each with 512 bytes of stack. */
export function unverified(insns: Insns, name = 'unverified'): VerifiedProgram {
  const starts = new Set([0]);
  for (let i = 0; i < insns.length; i++) {
    if (insns.code[i] === (BPF_JMP | BPF_CALL) && insns.src[i] === BPF_PSEUDO_CALL) starts.add(i + 1 + insns.imm[i]);
  }
  const sorted = [...starts].sort((a, b) => a - b);
  const subprogs: SubprogInfo[] = sorted.map((start, k) => ({
    start,
    end: sorted[k + 1] ?? insns.length,
    name: '',
    stackDepth: 512,
    isCallback: false,
    isExceptionCallback: false,
    hasTailCall: false,
    hasLdAbs: false,
    privateStack: false,
    unreliable: false,
    changesPktData: false,
    mightSleep: false,
  }));
  return {
    name,
    progType: 0,
    expectedAttachType: 0,
    resolvedType: 0,
    insns,
    subprogs,
    usedMaps: [],
    mapIndex: new Int16Array(insns.length).fill(-1),
    origin: Int32Array.from({ length: insns.length }, (_, i) => i),
    sleepable: false,
    gplCompatible: true,
    tag: { hex: '' },
    maxCtxOffset: 0,
    bufferAccess: { tracepoint: 0, rdonly: 0, rdwr: 0 },
    usesTailCall: false,
  };
}
