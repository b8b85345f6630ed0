/** The JIT's door: an accepted program in, an executable out, or why it must be interpreted. */
import { type Linkage } from '../run/linkage.ts';
import { ProgramAbort } from '../../util/errors.ts';
import { mayGotoTick } from '../run/may-goto.ts';
import type { Executable } from '../object/executable.ts';
import type { VerifiedProgram } from '../verifier/result.ts';
import type { CodeCache } from './code-cache.ts';
import { makeDrivers, type WasmExports } from './wasm/driver.ts';
import { MAX_FUNCTION_BYTES } from './lower/function.ts';
import { fillGuardArea, guardAreaSize, type GuardOptions, throwAbort } from './lower/guard.ts';
import { releaseSlots, RESULT_SIZE, RESULT_SP, type Translation, translate } from './wasm/module.ts';
import { JitRefusal, type RefusalReason, type RuntimePorts } from './plan.ts';

export interface JitOptions {
  /** Runs a program that nobody verified: every access checked, loops and calls on fuel. */
  readonly guard?: GuardOptions;
  /**
   * Largest function in bytes of WebAssembly; larger ones are refused. V8 optimises a function of 2.5 MB, some 300,000
   * instructions, with 1.2 GB of memory: the default stops below that, at {@link DEFAULT_FUNCTION_BYTES}.
   */
  readonly maxFunctionBytes?: number;
  /** Slot of the code table under which others know the program; by default a new one. */
  readonly slot?: number;
  /** Whether the executable keeps the module's bytes, for those who want to read them. */
  readonly keepWasm?: boolean;
  /** Cache of compiled modules, for one linkage only. */
  readonly cache?: CodeCache;
}

/** Some 130,000 instructions. */
export const DEFAULT_FUNCTION_BYTES = 1 << 20;

export interface JitExecutable extends Executable {
  readonly engine: 'jit';
  /** The module's bytes, with {@link JitOptions.keepWasm}. */
  readonly wasm: Uint8Array<ArrayBuffer> | undefined;
  /** Runs on `count` contexts that lie `stride` bytes apart from `ctxs`; the low 32 bits of each r0 go to the u32 array at `out`. */
  runBatch(ctxs: number, stride: number, count: number, out: number): void;
  /** In guard mode: new fuel, r2 and regions for the runs that follow. */
  arm(guard: GuardOptions): void;
}

export interface JitRefused {
  readonly ok: false;
  readonly reason: RefusalReason;
  readonly insn: number;
  readonly detail: string;
}
export type JitResult = { readonly ok: true; readonly executable: JitExecutable } | JitRefused;

function makePorts(linkage: Linkage): RuntimePorts {
  return {
    mayGotoTick: (state) => mayGotoTick(linkage.env, state),
    poll: () => linkage.env.checkDeadline(),
    abort: throwAbort,
  };
}

interface Pending {
  readonly cell: number;
  readonly area: number;
  readonly slot: number;
  /** The slot that prog arrays hold. */
  readonly knownAs: number;
  readonly code: Omit<Translation, 'bytes'>;
  readonly codeSize: number;
  /** To be compiled. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
  /** Compiled before. */
  readonly module?: WebAssembly.Module;
}

function prepare(program: VerifiedProgram, linkage: Linkage, options: JitOptions): Pending | JitRefused {
  const { env, table } = linkage;
  const cell = env.alloc(RESULT_SIZE, 8);
  const area = options.guard === undefined ? 0 : env.alloc(guardAreaSize(options.guard), 8);
  if (cell === 0 || (options.guard !== undefined && area === 0)) {
    if (cell !== 0) env.free(cell);
    return { ok: false, reason: 'refused', insn: -1, detail: 'no guest memory left' };
  }
  const guard = options.guard === undefined ? undefined : { addr: area, callx: options.guard.callx };
  const cached = guard === undefined ? options.cache?.get(program) : undefined;
  const slot = table.alloc();
  const place = { cell, area, slot, knownAs: options.slot ?? slot };
  if (cached !== undefined) return { ...place, code: cached.code, codeSize: cached.codeSize, module: cached.module };
  const limit = Math.min(options.maxFunctionBytes ?? DEFAULT_FUNCTION_BYTES, MAX_FUNCTION_BYTES);
  try {
    const { bytes, ...code } = translate(program, linkage, makePorts(linkage), limit, guard);
    return { ...place, code, codeSize: bytes.length, bytes };
  } catch (e) {
    table.free(slot);
    env.free(cell);
    if (area !== 0) env.free(area);
    if (e instanceof JitRefusal) return { ok: false, reason: e.reason, insn: e.insn, detail: e.message };
    throw e;
  }
}

function refuse(linkage: Linkage, pending: Pending, error: unknown): JitRefused {
  releaseSlots(linkage, pending.code.slots);
  linkage.table.free(pending.slot);
  linkage.env.free(pending.cell);
  if (pending.area !== 0) linkage.env.free(pending.area);
  if (error instanceof WebAssembly.CompileError || error instanceof RangeError) {
    return { ok: false, reason: 'refused', insn: -1, detail: error.message };
  }
  throw error;
}

function keep(program: VerifiedProgram, options: JitOptions, pending: Pending, module: WebAssembly.Module): void {
  const { code, codeSize } = pending;
  if (pending.module === undefined && options.guard === undefined)
    options.cache?.put({ program, code, codeSize, module });
}

const bytesOf = ({ bytes }: Pending): Uint8Array<ArrayBuffer> => bytes ?? new Uint8Array(0);

/** Compiles a program. Nothing that depends on the program throws: what cannot be compiled comes back with a reason. */
export function jitCompile(program: VerifiedProgram, linkage: Linkage, options: JitOptions = {}): JitResult {
  const pending = prepare(program, linkage, options);
  if ('ok' in pending) return pending;
  try {
    const module = pending.module ?? new WebAssembly.Module(bytesOf(pending));
    keep(program, options, pending, module);
    const instance = new WebAssembly.Instance(module, importsOf(linkage, pending));
    return install(program, linkage, options, pending, instance);
  } catch (e) {
    return refuse(linkage, pending, e);
  }
}

/**
 * As {@link jitCompile}, with the host compiling in the background: browsers do not compile large modules synchronously, nor make instances
 * of them, on their main thread. What the JIT refuses is known at once.
 */
export function jitCompileAsync(
  program: VerifiedProgram,
  linkage: Linkage,
  options: JitOptions = {},
): JitRefused | Promise<JitResult> {
  const pending = prepare(program, linkage, options);
  return 'ok' in pending ? pending : finish(program, linkage, options, pending);
}

async function finish(
  program: VerifiedProgram,
  linkage: Linkage,
  options: JitOptions,
  pending: Pending,
): Promise<JitResult> {
  try {
    const module = pending.module ?? (await WebAssembly.compile(bytesOf(pending)));
    keep(program, options, pending, module);
    const instance = await WebAssembly.instantiate(module, importsOf(linkage, pending));
    return install(program, linkage, options, pending, instance);
  } catch (e) {
    return refuse(linkage, pending, e);
  }
}

/** Compiles a program that nobody verified for guarded runs. Throws ProgramAbort when the JIT refuses it. */
export function jitGuarded(program: VerifiedProgram, linkage: Linkage, guard: GuardOptions): JitExecutable {
  const result = jitCompile(program, linkage, { guard });
  if (!result.ok) throw new ProgramAbort('unsupported', -1, result.detail);
  return result.executable;
}

function importsOf({ env, table, stack }: Linkage, pending: Pending): WebAssembly.Imports {
  const { cell, knownAs, code } = pending;
  const imports: Record<string, WebAssembly.ImportValue> = {
    memory: env.mem.memory,
    sp: stack.sp,
    table: table.table,
    cell,
    slot: knownAs,
    tailCalls: stack.tailCalls,
  };
  for (const fn of code.imports) imports[fn.name] = fn.value as WebAssembly.ImportValue;
  return { env: imports };
}

function install(
  { subprogs }: VerifiedProgram,
  linkage: Linkage,
  options: JitOptions,
  pending: Pending,
  instance: WebAssembly.Instance,
): JitResult {
  const { cell, area, slot, codeSize } = pending;
  const { slots } = pending.code;
  const { env, table, stack } = linkage;
  const wasm = instance.exports as unknown as WasmExports & Record<string, CallableFunction>;
  env.mem.i32[(cell + RESULT_SP) >>> 2] = stack.top;
  table.set(slot, wasm.main);
  for (const [at, subprog] of slots) table.set(at, wasm[`f${subprog}`]);
  const drivers = makeDrivers(wasm, env.mem, stack, cell, slot);
  let live = true;
  const arm = (guard: GuardOptions): void => {
    if (area === 0) return;
    if (guard.regions.length > (options.guard?.regions.length ?? 0))
      throw new RangeError('more regions than at compile time');
    fillGuardArea(env.mem, stack, area, guard);
  };
  if (options.guard !== undefined) arm(options.guard);
  const executable: JitExecutable = {
    engine: 'jit',
    slot,
    retAddr: cell,
    functionSlot(start) {
      for (const [at, subprog] of slots) if (subprogs[subprog].start === start) return at;
      return 0;
    },
    codeSize,
    wasm: options.keepWasm ? pending.bytes : undefined,
    run: drivers.run,
    runBatch: drivers.runBatch,
    arm,
    save() {
      const was = live;
      return () => {
        live = was;
      };
    },
    vanish() {
      live = false;
    },
    dispose() {
      if (!live) return;
      live = false;
      linkage.programs.delete(slot);
      table.free(slot);
      releaseSlots(linkage, slots);
      env.free(cell);
      if (area !== 0) env.free(area);
    },
  };
  linkage.programs.set(slot, executable);
  return { ok: true, executable };
}
