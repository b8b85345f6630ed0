/** A kernel function that can be traced: what is attached to it runs around every call, in the kernel's order. */
import { type Restore, saveAll, type Saved } from '../../mem/saved.ts';
import { type BtfValue, decodePlace } from '../../../btf/value.ts';
import { HookPoint, HookUse } from '../hook-point.ts';
import { fill, type StructInput } from '../struct-fill.ts';
import { type Arguments, writeArguments } from './arguments.ts';
import type { TraceEnv } from './env.ts';
import { holds, readPlain, writePlain } from './plain-int.ts';
import { Probes } from './probes.ts';
import type { Signature } from './signature.ts';

/** The function itself, given what the caller gave. */
export type Original = (args: Arguments) => StructInput | void;

/** One call in progress. Hooks find its arguments in guest memory, one 64-bit word each, and the result in the word behind them. */
export interface FunctionCall {
  readonly target: TracedFunction;
  /** Guest address of the first argument. The two words below are the hooks' own. */
  readonly args: number;
  /** Guest address of the result. */
  readonly result: number;
}

export class TracedFunction implements Saved {
  readonly name: string;
  /** BTF id of its FUNC. */
  readonly btfId: number;
  readonly signature: Signature;
  readonly #use = new HookUse();
  /** Called at its entry; the newest first. */
  readonly entry = new HookPoint<FunctionCall>({ idle: undefined, order: 'first', use: this.#use });
  /** Called before it; the newest first. One that says true has left a result in its place, and it is not run. */
  readonly modify = new HookPoint<FunctionCall, boolean>({
    idle: false,
    order: 'first',
    ends: (replaced) => replaced,
    use: this.#use,
  });
  /** Called with its result; the newest first. */
  readonly exit = new HookPoint<FunctionCall>({ idle: undefined, order: 'first', use: this.#use });
  /** Called with registers, around all others. */
  readonly probes: Probes;
  readonly #env: TraceEnv;

  constructor(env: TraceEnv, found: { readonly name: string; readonly btfId: number; readonly signature: Signature }) {
    this.#env = env;
    this.probes = new Probes(env.probeOrder, this.#use);
    this.name = found.name;
    this.btfId = found.btfId;
    this.signature = found.signature;
  }

  /** Address of the function: made up, and the same in every runtime with these types. */
  get address(): readonly [lo: number, hi: number] {
    return symbolAddress(this.btfId);
  }

  /** Whether nothing is attached. */
  get idle(): boolean {
    return this.#use.count === 0;
  }

  /**
   * Calls the function. Without an original it does nothing, and its result is 0. Throws StructError for arguments and results that do
   * not fit its types, and whatever a hook or the original throws.
   */
  call(args: Arguments = {}, original?: Original): BtfValue | StructInput | undefined {
    if (this.#use.count === 0) return original?.(args) ?? this.#nothing();
    return this.#traced(args, original);
  }

  #nothing(): BtfValue | undefined {
    return this.signature.result === undefined ? undefined : 0;
  }

  #traced(given: Arguments, original: Original | undefined): BtfValue | undefined {
    const { words, section } = this.#env;
    const { signature } = this;
    section.begin();
    const args = words.push(signature.words + 1);
    try {
      const made = writeArguments(this.#env, { signature, what: this.name, addr: args }, given);
      try {
        this.#around({ target: this, args, result: args + signature.words * 8 }, given, original);
        return this.#result(args);
      } finally {
        for (const temporary of made) temporary[Symbol.dispose]();
      }
    } finally {
      words.pop(args);
      section.end();
    }
  }

  #around(call: FunctionCall, given: Arguments, original: Original | undefined): void {
    if (this.probes.idle) this.#trampoline(call, given, original);
    else this.#probed(call, given, original);
  }

  #probed(call: FunctionCall, given: Arguments, original: Original | undefined): void {
    const { registers, words } = this.#env;
    const { signature, address } = this;
    const regs = words.push(registers.words(signature));
    const state = { signature, address, args: call.args, result: call.result };
    const hit = { target: this, regs };
    try {
      registers.enter(regs, state);
      this.probes.enter(hit);
      this.#trampoline(call, given, original);
      if (this.probes.returnIdle) return;
      registers.leave(regs, state);
      this.probes.leave(hit);
    } finally {
      words.pop(regs);
    }
  }

  #trampoline(call: FunctionCall, given: Arguments, original: Original | undefined): void {
    this.entry.run(call);
    if (!this.modify.run(call)) {
      const result = original?.(given);
      if (result !== undefined) this.#setResult(call.args, result);
    }
    this.exit.run(call);
  }

  #bytes(args: number): Uint8Array {
    return this.#env.structs.env.mem.u8.subarray(args, args + (this.signature.words + 1) * 8);
  }

  #setResult(args: number, value: StructInput): void {
    const { result, plainResult } = this.signature;
    if (result === undefined) return;
    if (plainResult !== undefined && holds(plainResult, value)) {
      writePlain(this.#env.structs.env.mem, args + (result.bit >>> 3), plainResult.size, value);
      return;
    }
    const text = (): never => {
      throw new TypeError(`${this.name}() gives no text`);
    };
    const env = { types: this.#env.structs.types(this.name), bytes: this.#bytes(args), text };
    fill(env, result, value, `result of ${this.name}`);
  }

  #result(args: number): BtfValue | undefined {
    const { result, plainResult } = this.signature;
    if (result === undefined) return undefined;
    if (plainResult !== undefined && plainResult.size <= 4)
      return readPlain(this.#env.structs.env.mem, args + (result.bit >>> 3), plainResult);
    return decodePlace(this.#env.structs.types(this.name).btf, result, this.#bytes(args));
  }

  save(): Restore {
    return saveAll([this.entry, this.modify, this.exit, this.probes]);
  }
}

/** Where the text of a kernel without KASLR begins, upper and lower half. */
const TEXT_HI = 0xffff_ffff | 0;
const TEXT_LO = 0x8100_0000;
/** Up to where modules begin. */
const TEXT_SIZE = 1n << 30n;
/** Functions begin where 16 divides. */
const FUNCTION_ALIGN = 16;

/** Where an address lies: BTF id of the function, and bytes from its beginning. Undefined outside of the kernel's text. */
export function symbolAt(address: bigint): { readonly btfId: number; readonly offset: number } | undefined {
  const past = address - ((BigInt(TEXT_HI >>> 0) << 32n) | BigInt(TEXT_LO));
  if (past < 0n || past >= TEXT_SIZE) return undefined;
  return { btfId: Math.floor(Number(past) / FUNCTION_ALIGN), offset: Number(past) % FUNCTION_ALIGN };
}

const symbolAddress = (btfId: number): readonly [lo: number, hi: number] => [
  (TEXT_LO + btfId * FUNCTION_ALIGN) | 0,
  TEXT_HI,
];
