/** Two small WebAssembly modules between JavaScript and the code table: calling its entries, and being one of them. */
import type { CodeTable } from '../mem/code-table.ts';
import { type KernelMemory, memoryLimits } from '../mem/memory.ts';
import { FRAME_R1, FRAME_SIZE } from './env.ts';
import type { CallShim } from './linkage.ts';

const I32 = 0x7f;
const I64 = 0x7e;

/** Signed LEB128 of a 32-bit value. */
function sleb(value: number): number[] {
  const out: number[] = [];
  for (let v = value | 0; ; ) {
    const b = v & 0x7f;
    v >>= 7;
    if ((v === 0 && (b & 0x40) === 0) || (v === -1 && (b & 0x40) !== 0)) return [...out, b];
    out.push(b | 0x80);
  }
}

function uleb(value: number): number[] {
  const out: number[] = [];
  for (let v = value >>> 0; ; ) {
    const b = v & 0x7f;
    v >>>= 7;
    if (v === 0) return [...out, b];
    out.push(b | 0x80);
  }
}

const str = (s: string): number[] => [s.length, ...Array.from(s, (c) => c.charCodeAt(0))];
const vec = (items: readonly number[][]): number[] => [...uleb(items.length), ...items.flat()];
const section = (id: number, body: readonly number[]): number[] => [id, ...uleb(body.length), ...body];
const functype = (params: readonly number[], results: readonly number[]): number[] => [
  0x60,
  params.length,
  ...params,
  results.length,
  ...results,
];
const code = (locals: readonly number[], body: readonly number[]): number[] => {
  const all = [...locals, ...body, 0x0b];
  return [...uleb(all.length), ...all];
};
const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const importMemory = (mem: KernelMemory): number[] => [...str('env'), ...str('memory'), 2, ...memoryLimits(mem)];

const get = (local: number): number[] => [0x20, local];
const i32 = (value: number): number[] => [0x41, ...sleb(value)];
const load64 = (offset: number): number[] => [0x29, 3, ...uleb(offset)];
const store64 = (offset: number): number[] => [0x37, 3, ...uleb(offset)];

const FIVE = [I64, I64, I64, I64, I64];

/** Binary of the module behind {@link createCallShim}. */
function callShimBytes(mem: KernelMemory): Uint8Array<ArrayBuffer> {
  const types = [
    functype([I32], [I64]),
    functype(FIVE, [I64]),
    functype([I32, I32, I32], []),
    functype([I32, I32], []),
  ];
  const program = [...get(2), ...get(1), ...get(0), 0x11, 0, 0, ...store64(0)];
  const args = [0, 1, 2, 3, 4].flatMap((n) => [...get(1), ...load64(FRAME_R1 + n * 8)]);
  const fn = [...get(1), ...args, ...get(0), 0x11, 1, 0, ...store64(0)];
  return new Uint8Array([
    ...HEADER,
    ...section(1, vec(types)),
    ...section(2, vec([importMemory(mem), [...str('env'), ...str('table'), 1, 0x70, 0, 0]])),
    ...section(3, vec([[2], [3]])),
    ...section(
      7,
      vec([
        [...str('callProgram'), 0, 0],
        [...str('callFunction'), 0, 1],
      ]),
    ),
    ...section(10, vec([code([0], program), code([0], fn)])),
  ]);
}

/** Instantiates the shim over a memory and a code table. */
export function createCallShim(mem: KernelMemory, table: CodeTable): CallShim {
  const module = new WebAssembly.Module(callShimBytes(mem));
  const instance = new WebAssembly.Instance(module, { env: { memory: mem.memory, table: table.table } });
  return instance.exports as unknown as CallShim;
}

/**
 * A table entry that runs JavaScript:
 * - `program`, `(ctx: i32) -> i64`, calls `js(ctx, id)`, then loads r0 from `ret`;
 * - `function`, `(i64 x 5) -> i64`, builds a helper frame on the guest stack, calls `js(frame, id)`, then loads r0 from the frame.
 */
export type JsEntryKind = 'program' | 'function';

/** Binary of the module behind {@link createJsEntry}: `ret` and `id` are globals, so that all entries of a kind share its code. */
function jsEntryBytes(kind: JsEntryKind, mem: KernelMemory): Uint8Array<ArrayBuffer> {
  const types = [functype([I32], [I64]), functype(FIVE, [I64]), functype([I32, I32], [])];
  const imports = [
    importMemory(mem),
    [...str('env'), ...str('sp'), 3, I32, 1],
    [...str('env'), ...str('ret'), 3, I32, 0],
    [...str('env'), ...str('id'), 3, I32, 0],
    [...str('env'), ...str('js'), 0, 2],
  ];
  const global = (index: number): number[] => [0x23, index];
  const runProgram = [...get(0), ...global(2), 0x10, 0, ...global(1), ...load64(0)];
  const spills = [0, 1, 2, 3, 4].flatMap((n) => [...get(5), ...get(n), ...store64(FRAME_R1 + n * 8)]);
  const frame = get(5);
  const push = [...global(0), ...i32(FRAME_SIZE), 0x6b, 0x22, 5, 0x24, 0]; // frame = sp -= FRAME_SIZE
  const call = [...frame, ...global(2), 0x10, 0];
  const pop = [...frame, ...i32(FRAME_SIZE), 0x6a, 0x24, 0];
  const runFn = [push, spills, call, pop, frame, load64(0)].flat();
  return new Uint8Array([
    ...HEADER,
    ...section(1, vec(types)),
    ...section(2, vec(imports)),
    ...section(3, vec([[kind === 'program' ? 0 : 1]])),
    ...section(7, vec([[...str('entry'), 0, 1]])),
    ...section(10, vec([kind === 'program' ? code([0], runProgram) : code([1, 1, I32], runFn)])),
  ]);
}

/** What an entry in a code table calls. */
export interface JsEntry {
  readonly kind: JsEntryKind;
  /** Guest address where a program leaves its 64-bit r0. */
  readonly ret: number;
  /** Passed to `js` as second argument. */
  readonly id: number;
  readonly js: (ctxOrFrame: number, id: number) => void;
}

/** Makes an entry for a code table out of a JavaScript function, such as one of the interpreter's. */
export function createJsEntry(
  table: CodeTable,
  mem: KernelMemory,
  sp: WebAssembly.Global,
  { kind, ret, id, js }: JsEntry,
): CallableFunction {
  const module = (table.jsEntries[kind] ??= new WebAssembly.Module(jsEntryBytes(kind, mem)));
  return new WebAssembly.Instance(module, { env: { memory: mem.memory, sp, ret, id, js } }).exports
    .entry as CallableFunction;
}
