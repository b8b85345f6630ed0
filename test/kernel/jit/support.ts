/** A small runtime for engine tests: memory, code table, stack and a bump allocator, without maps or syscalls. */
import { Cpu, tailCallCounter } from '../../../src/kernel/run/cpu.ts';
import { Insns, type Insn } from '../../../src/isa/insn.ts';
import type { HelperEnv } from '../../../src/kernel/run/env.ts';
import type { HelperImpl, Linkage } from '../../../src/kernel/run/linkage.ts';
import { createCallShim } from '../../../src/kernel/run/shim.ts';
import { type JitExecutable, type JitOptions, jitCompile } from '../../../src/kernel/jit/index.ts';
import { LOOP_POLL } from '../../../src/kernel/run/loop-rules.ts';
import { sharedMemory } from '../memory-kind.ts';
import { unverifiedProgram } from './unverified.ts';
import { CodeTable } from '../../../src/kernel/mem/code-table.ts';
import { KernelMemory } from '../../../src/kernel/mem/memory.ts';
import type { VerifiedProgram } from '../../../src/kernel/verifier/result.ts';

export const STACK_TOP = 0x4_0000;
export const STACK_LIMIT = 0x2_0000;
const POLLS = STACK_TOP;
export const HEAP = 0x5_0000;

export interface TestLink extends Linkage {
  readonly mem: KernelMemory;
  readonly helpers: Map<number, HelperImpl>;
  /** Slot by `map:index`. */
  readonly targets: Map<string, number>;
}

export function makeLink(size = 1 << 22): TestLink {
  const mem = new KernelMemory(size, { shared: sharedMemory() });
  const table = new CodeTable();
  const helpers = new Map<number, HelperImpl>();
  const targets = new Map<string, number>();
  const shim = createCallShim(mem, table);
  let next = HEAP;
  let now = 0;
  const sp = new WebAssembly.Global({ value: 'i32', mutable: true }, STACK_TOP);
  const stack = { sp, limit: STACK_LIMIT, top: STACK_TOP, tailCalls: tailCallCounter(), polls: POLLS };
  mem.i32[stack.polls >>> 2] = LOOP_POLL;
  const env = {
    mem,
    cpu: new Cpu(0, stack, table),
    core: {},
    invoke: (slot: number, frame: number) => shim.callFunction(slot, frame),
    alloc(bytes: number, align = 8) {
      next = Math.ceil(next / align) * align;
      const at = next;
      next += bytes;
      return at;
    },
    free() {},
    // A second passes between two looks.
    host: { stopwatch: () => (now += 1000) },
    checkDeadline() {},
    stack,
  } as unknown as HelperEnv;
  return {
    env,
    mem,
    table,
    helpers,
    targets,
    stack,
    programs: new Map(),
    stubs: new Map(),
    helper: (id) => helpers.get(id),
    kfunc: () => undefined,
    tailCallTarget: (map, index) => targets.get(`${map}:${index}`) ?? 0,
    shim,
  };
}

/** A row: opcode, dst, src, off, imm. */
export type Row = readonly [code: number, dst?: number, src?: number, off?: number, imm?: number];

export const toInsns = (rows: readonly Row[]): Insns =>
  Insns.from(rows.map(([code, dst = 0, src = 0, off = 0, imm = 0]): Insn => ({ code, dst, src, off, imm })));

export function insnsFromHex(hex: string): Insns {
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (b) => Number.parseInt(b, 16));
  const view = new DataView(bytes.buffer);
  const out = new Insns(bytes.length >> 3);
  for (let i = 0; i < out.length; i++) {
    out.set(i, {
      code: bytes[i * 8],
      dst: bytes[i * 8 + 1] & 15,
      src: bytes[i * 8 + 1] >> 4,
      off: view.getInt16(i * 8 + 2, true),
      imm: view.getInt32(i * 8 + 4, true),
    });
  }
  return out;
}

/** A program as if it were verified. */
export function programOf(rows: readonly Row[] | Insns, fields: Partial<VerifiedProgram> = {}): VerifiedProgram {
  return { ...unverifiedProgram(rows instanceof Insns ? rows : toInsns(rows)), ...fields };
}

/** An executable with the bytes of its module. */
type Readable = JitExecutable & { readonly wasm: Uint8Array<ArrayBuffer> };

export function compile(linkage: Linkage, program: VerifiedProgram, options?: JitOptions): Readable {
  const result = jitCompile(program, linkage, { ...options, keepWasm: true });
  if (!result.ok) throw new Error(`${result.reason}: ${result.detail}`);
  return result.executable as Readable;
}

/** All 64 bits of the last run's r0. */
export const r0Of = (linkage: TestLink, exe: { retAddr: number }): bigint =>
  linkage.mem.view.getBigUint64(exe.retAddr, true);
