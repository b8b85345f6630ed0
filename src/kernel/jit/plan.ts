/** Imports and types of a module, decided before its functions are lowered so that indexes are final. */
import type { Insns } from '../../isa/insn.ts';
import {
  BPF_CALL,
  BPF_JCOND,
  BPF_JMP,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_X,
} from '../../isa/opcodes.ts';
import type { CoreHelper } from '../run/env.ts';
import type { HelperImpl, Linkage } from '../run/linkage.ts';
import { type CoreMapOps, GENERIC_OPS } from '../maps/core-ops.ts';
import { BPF_FUNC } from '../../uapi/helper-ids.ts';
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';
import { LOOP_INLINED } from '../rules/internal-helpers.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import type { VerifiedProgram } from '../verifier/result.ts';
import type { GuardArea } from './lower/guard.ts';
import { helperArgCount } from './facts/helper-args.ts';
import { packetPointerOffsets } from './facts/pointers.ts';
import { T_I32, T_I64 } from './wasm/wasm-ops.ts';

export const {
  BPF_FUNC_loop: FUNC_LOOP,
  BPF_FUNC_tail_call: FUNC_TAIL_CALL,
  BPF_FUNC_for_each_map_elem: FUNC_FOR_EACH_MAP_ELEM,
} = BPF_FUNC;
const { BPF_FUNC_map_lookup_elem, BPF_FUNC_map_update_elem, BPF_FUNC_map_delete_elem } = BPF_FUNC;
const { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PROG_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_ARRAY_OF_MAPS } =
  BPF_MAP_TYPE;
const HASHES: ReadonlySet<number> = new Set([BPF_MAP_TYPE.BPF_MAP_TYPE_HASH, BPF_MAP_TYPE.BPF_MAP_TYPE_LRU_HASH]);
const PERCPU_HASHES: ReadonlySet<number> = new Set([
  BPF_MAP_TYPE.BPF_MAP_TYPE_PERCPU_HASH,
  BPF_MAP_TYPE.BPF_MAP_TYPE_LRU_PERCPU_HASH,
]);

/** Why the JIT leaves a program to the interpreter. */
export type RefusalReason = 'unsupported' | 'malformed' | 'too-large' | 'refused';

/** Map helpers that a known map specialises: the operation in {@link CoreMapOps}, and its signature. */
const MAP_OPS: Readonly<Record<number, readonly [keyof CoreMapOps, string]>> = {
  [BPF_FUNC_map_lookup_elem]: ['lookup', 'ii:i'],
  [BPF_FUNC_map_update_elem]: ['update', 'iiiF:s'],
  [BPF_FUNC_map_delete_elem]: ['delete', 'ii:s'],
};

export const NEEDS_NOTHING = 0;
/** Where the frame lies is handed to a function that looks at the stack pointer no more than this one does. */
export const NEEDS_ADDRESS = 1;
/** The stack pointer in memory has to point to the frame. */
export const NEEDS_FRAME = 2;
export const NEEDS_MAILBOX = 3;
export type CallNeeds = typeof NEEDS_NOTHING | typeof NEEDS_ADDRESS | typeof NEEDS_FRAME | typeof NEEDS_MAILBOX;

/** Thrown inside the JIT, caught at its door. */
export class JitRefusal extends Error {
  override readonly name = 'JitRefusal';
  constructor(
    readonly reason: RefusalReason,
    readonly insn: number,
    detail: string,
  ) {
    super(insn < 0 ? detail : `insn ${insn}: ${detail}`);
  }
}

/** An imported function: index in the module, and how arguments and result map to registers. */
export interface ImportedFn {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly value: CallableFunction;
  /** Signature of a core helper, undefined for a JsHelper (one i32: its frame). */
  readonly sig?: string;
}

export const TYPE_PROGRAM = 0;
export const TYPE_FUNCTION = 1;

/** Ports of guard mode and of loops, implemented in JavaScript. */
export interface RuntimePorts {
  /** See helpers/may-goto.ts. */
  mayGotoTick(state: number): number;
  /** Throws when the run's deadline has passed. */
  poll(): void;
  /** Throws ProgramAbort. */
  abort(reason: number, pc: number, hi: number, lo: number): void;
}

export class ModulePlan {
  /** Function types: parameter and result value types. */
  readonly types: { params: number[]; results: number[] }[] = [];
  readonly imports: ImportedFn[] = [];
  needsTable = false;
  tailCalls = false;
  /** Subprogram by the code-table slot that a PSEUDO_FUNC constant holds, and the other way round. */
  readonly subprogOfSlot = new Map<number, number>();
  readonly slotOfSubprog = new Map<number, number>();
  readonly subprogAt = new Map<number, number>();
  /** Parameters of each subprogram; 5 until it is analysed. */
  readonly argCount: Uint8Array;
  /** Whether each subprogram, or one that it calls, reads or moves the stack pointer; 1 until it is analysed. */
  readonly movesSp: Uint8Array;
  /** Whether each subprogram has a frame or hands one on; 1 until it is analysed. */
  readonly usesSp: Uint8Array;
  readonly spGlobal = 0;
  /** Global with the slot of the program itself; imported by those that make tail calls. */
  readonly slotGlobal = 2;
  /** Global with the CPU's count of tail calls; imported by the same. */
  readonly tailCallsGlobal = 3;
  /** Offsets in the context of pointers into the packet. */
  readonly packetPointers: readonly number[];
  #typeIndex = new Map<string, number>();
  #importIndex = new Map<string, ImportedFn>();

  constructor(
    readonly program: VerifiedProgram,
    readonly linkage: Linkage,
    readonly guard: GuardArea | undefined,
    readonly ports: RuntimePorts,
  ) {
    this.type([T_I32], [T_I64]);
    this.type([T_I64, T_I64, T_I64, T_I64, T_I64], [T_I64]);
    const { mem, layouts } = linkage.env;
    this.packetPointers = guard === undefined ? packetPointerOffsets(program.progType, layouts, mem.size) : [];
    this.argCount = new Uint8Array(program.subprogs.length).fill(5);
    this.movesSp = new Uint8Array(program.subprogs.length).fill(1);
    this.usesSp = new Uint8Array(program.subprogs.length).fill(1);
    program.subprogs.forEach((s, k) => this.subprogAt.set(s.start, k));
    this.#scan(program.insns);
    if (guard !== undefined) this.#port('abort', [T_I32, T_I32, T_I32, T_I32], []);
  }

  type(params: number[], results: number[]): number {
    const key = `${params.join()}:${results.join()}`;
    let index = this.#typeIndex.get(key);
    if (index === undefined) {
      index = this.types.length;
      this.types.push({ params, results });
      this.#typeIndex.set(key, index);
    }
    return index;
  }

  /** Index in the module of a subprogram's function. */
  functionIndex(subprog: number): number {
    return this.imports.length + subprog;
  }

  /** Whether a subprogram gets its stack pointer as its last parameter: the others can be called through the table. */
  takesSp(subprog: number): boolean {
    return subprog > 0 && this.usesSp[subprog] === 1 && !this.slotOfSubprog.has(subprog);
  }

  imported(name: string): ImportedFn {
    const found = this.#importIndex.get(name);
    if (found === undefined) throw new JitRefusal('unsupported', -1, `no import ${name}`);
    return found;
  }

  has(name: string): boolean {
    return this.#importIndex.has(name);
  }

  /** The one map of a call at `i`, when the verifier knows it. */
  mapOf(i: number): MapDesc | undefined {
    const { mapIndex, usedMaps } = this.program;
    const index = i < mapIndex.length ? mapIndex[i] : -1;
    return index >= 0 ? usedMaps[index] : undefined;
  }

  /** The array map whose lookup at `i` is emitted inline. A per-CPU array's first values are those of CPU 0. */
  inlineArray(i: number): MapDesc | undefined {
    const map = this.program.insns.imm[i] === BPF_FUNC_map_lookup_elem ? this.mapOf(i) : undefined;
    return map !== undefined &&
      ((map.type === BPF_MAP_TYPE_ARRAY_OF_MAPS && map.valuesAddr !== 0) || this.#isArray(map))
      ? map
      : undefined;
  }

  /** Whether a map's values lie side by side. */
  #isArray({ type, valuesAddr }: MapDesc): boolean {
    return (
      valuesAddr !== 0 && (type === BPF_MAP_TYPE_ARRAY || (type === BPF_MAP_TYPE_PERCPU_ARRAY && this.#onFirstCpu()))
    );
  }

  /** CPU 0 finds its values at the addresses that lookups from outside give. */
  #onFirstCpu(): boolean {
    return this.linkage.env.cpu.id === 0;
  }

  /** How the elements of the map of the call at `i` are walked in place; undefined when the helper does it. */
  walkOf(i: number): { readonly map: MapDesc; readonly array: boolean } | undefined {
    const map = this.mapOf(i);
    if (map === undefined) return undefined;
    if (this.#isArray(map)) return { map, array: true };
    const hash = HASHES.has(map.type) || (PERCPU_HASHES.has(map.type) && this.#onFirstCpu());
    return hash ? { map, array: false } : undefined;
  }

  /** Whether the helper called at `i` leaves the caller's stack as it is: map helpers read keys and values there. */
  sparesStack(i: number): boolean {
    const { code, src, imm } = this.program.insns;
    return (code[i] & BPF_X) === 0 && src[i] === 0 && MAP_OPS[imm[i]] !== undefined;
  }

  /** The prog array of the tail call at `i`, whose entries begin with the slot to jump to. */
  knownProgArray(i: number): MapDesc | undefined {
    const map = this.mapOf(i);
    return map !== undefined && map.type === BPF_MAP_TYPE_PROG_ARRAY && map.valuesAddr !== 0 ? map : undefined;
  }

  #import(name: string, params: number[], results: number[], value: CallableFunction, sig?: string): void {
    if (this.#importIndex.has(name)) return;
    const fn: ImportedFn = { index: this.imports.length, name, type: this.type(params, results), value, sig };
    this.imports.push(fn);
    this.#importIndex.set(name, fn);
  }

  #port(name: keyof RuntimePorts, params: number[], results: number[]): void {
    const { ports } = this;
    this.#import(name, params, results, ports[name].bind(ports));
  }

  #helper(name: string, impl: HelperImpl): void {
    if (impl.kind === 'js') this.#import(name, [T_I32], [], impl.fn);
    else this.#import(name, sigParams(impl.core), sigResults(impl.core), impl.fn, impl.core.sig);
  }

  #scan(insns: Insns): void {
    for (let i = 0; i < insns.length; i++) {
      const code = insns.code[i];
      if (code === 0x18) {
        if (insns.src[i] === BPF_PSEUDO_FUNC) this.#takeAddress(i, i + 1 + insns.imm[i]);
        i++;
      } else if ((code & 0xf7) === (BPF_JMP | BPF_CALL)) this.#scanCall(i);
      else if (code === (BPF_JMP | BPF_JCOND)) this.#port('mayGotoTick', [T_I32], [T_I32]);
    }
  }

  /** ld_imm64 of a function: it gets a slot in the code table. */
  #takeAddress(i: number, target: number): void {
    const subprog = this.subprogAt.get(target);
    if (subprog === undefined) throw new JitRefusal('malformed', i, `no function begins at ${target}`);
    if (this.slotOfSubprog.has(subprog)) return;
    const slot = this.linkage.table.alloc();
    this.slotOfSubprog.set(subprog, slot);
    this.subprogOfSlot.set(slot, subprog);
  }

  #scanCall(i: number): void {
    const { insns } = this.program;
    const id = insns.imm[i];
    if (insns.code[i] & BPF_X) {
      // callx: the helper's id is in a register; only guard mode resolves it, among those it was given.
      for (const helper of this.guard?.callx ?? []) this.#resolve(`h${helper}`, this.linkage.helper(helper));
      return;
    }
    if (insns.src[i] === BPF_PSEUDO_CALL) return;
    if (insns.src[i] === BPF_PSEUDO_KFUNC_CALL) {
      const impl = this.linkage.kfunc(id, insns.off[i]);
      if (impl === undefined) throw new JitRefusal('unsupported', i, `kfunc ${id} has no implementation`);
      this.#helper(kfuncName(id, insns.off[i]), impl);
      return;
    }
    if (id === FUNC_TAIL_CALL) {
      this.needsTable = true;
      this.tailCalls = true;
      if (this.knownProgArray(i) === undefined)
        this.#import('tailCallTarget', [T_I32, T_I32], [T_I32], tailCallTarget(this.linkage));
    } else if (id === FUNC_LOOP) {
      this.needsTable = true;
      this.#port('poll', [], []);
    } else if (this.inlineArray(i) === undefined) {
      if (id === FUNC_FOR_EACH_MAP_ELEM) this.#port('poll', [], []);
      const name = this.helperName(i);
      const sig = MAP_OPS[id];
      if (name.startsWith('m_')) {
        const fn = this.linkage.env.core[name.slice(2)] as CallableFunction;
        this.#helper(name, { kind: 'core', core: { export: name.slice(2), sig: sig[1] }, fn });
      } else this.#resolve(name, this.linkage.helper(id));
    }
  }

  /** How the call at `i` takes r1 to r5 and gives r0, in the letters of {@link CoreHelper}. */
  callSignature(i: number): string {
    const { insns } = this.program;
    const id = insns.imm[i];
    if (insns.code[i] & BPF_X || insns.src[i] === BPF_PSEUDO_CALL) return 'IIIII:I';
    if (insns.src[i] === BPF_PSEUDO_KFUNC_CALL)
      return this.#importIndex.get(kfuncName(id, insns.off[i]))?.sig ?? 'IIIII:I';
    if (id === FUNC_TAIL_CALL) return 'iii:I';
    if (id === FUNC_LOOP) return insns.off[i] === LOOP_INLINED ? 'IiII:I' : 'iiII:I';
    if (this.inlineArray(i) !== undefined) return 'ii:i';
    return this.#importIndex.get(this.helperName(i))?.sig ?? 'IIIII:I';
  }

  /** Argument registers that the helper, kfunc or function called at `i` reads. */
  argsOf(i: number): number {
    const { insns } = this.program;
    if (insns.src[i] === BPF_PSEUDO_CALL) {
      const callee = this.subprogAt.get(i + 1 + insns.imm[i]);
      if (callee === undefined) throw new JitRefusal('malformed', i, 'call of no function');
      return callee === 0 ? 1 : this.argCount[callee];
    }
    if (this.guard !== undefined || insns.src[i] !== 0) return 5;
    return helperArgCount(insns.imm[i]);
  }

  /** Name of the import behind the helper call at `i`: the operation of the one known map's type, or the helper itself. */
  helperName(i: number): string {
    const id = this.program.insns.imm[i];
    const op = MAP_OPS[id];
    const map = op === undefined ? undefined : this.mapOf(i);
    if (map !== undefined) {
      const name = (map.core ?? GENERIC_OPS)[op[0]];
      if (name !== undefined && typeof this.linkage.env.core[name] === 'function') return `m_${name}`;
    }
    return `h${id}`;
  }

  /** The demand of the call at `i` on the frame: none (the core has no use for it), an address, a push, or also a JavaScript helper's mailbox. */
  callNeeds(i: number): CallNeeds {
    const { insns } = this.program;
    if (insns.code[i] & BPF_X) return NEEDS_MAILBOX;
    if (insns.src[i] === BPF_PSEUDO_CALL) {
      const callee = this.subprogAt.get(i + 1 + insns.imm[i]) ?? 0;
      if (!this.usesSp[callee]) return NEEDS_NOTHING;
      return this.takesSp(callee) && !this.movesSp[callee] ? NEEDS_ADDRESS : NEEDS_FRAME;
    }
    if (insns.src[i] === BPF_PSEUDO_KFUNC_CALL) return this.#importNeeds(kfuncName(insns.imm[i], insns.off[i]));
    if (insns.imm[i] === FUNC_LOOP) return NEEDS_FRAME;
    // What the main function jumps to begins where it began; below other functions their callers' frames live on.
    if (insns.imm[i] === FUNC_TAIL_CALL) return i < this.program.subprogs[0].end ? NEEDS_NOTHING : NEEDS_FRAME;
    return this.inlineArray(i) !== undefined ? NEEDS_NOTHING : this.#importNeeds(this.helperName(i));
  }

  #importNeeds(name: string): CallNeeds {
    return this.#importIndex.get(name)?.sig === undefined ? NEEDS_MAILBOX : NEEDS_NOTHING;
  }

  /** Imports a helper; one that does not exist makes its call sites abort in guard mode, and refuses the program otherwise. */
  #resolve(name: string, impl: HelperImpl | undefined): void {
    if (impl !== undefined) this.#helper(name, impl);
    else if (this.guard === undefined) throw new JitRefusal('unsupported', -1, `helper ${name} has no implementation`);
  }
}

/** Made outside of the plan, which lives no longer than the translation. */
const tailCallTarget = (linkage: Linkage) => (map: number, index: number) => linkage.tailCallTarget(map, index >>> 0);

export const kfuncName = (btfId: number, fdIndex: number): string => `k${btfId}_${fdIndex}`;

const sigParams = (core: CoreHelper): number[] => {
  const args = core.sig.slice(0, core.sig.indexOf(':'));
  return Array.from(args, (c) => (c === 'I' ? [T_I64] : c === 'W' ? [T_I32, T_I32] : [T_I32])).flat();
};
const sigResults = (core: CoreHelper): number[] => {
  const result = core.sig.slice(core.sig.indexOf(':') + 1);
  return result === 'v' || result === '' ? [] : [result === 'I' ? T_I64 : T_I32];
};
