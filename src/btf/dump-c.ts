/** BTF as a C header (`bpftool btf dump ... format c`): definitions in order of need, forward declarations where they suffice. */
import { Budget } from '../util/budget.ts';
import type { Btf } from './btf.ts';
import { DeclWriter } from './dump-decl.ts';
import { DumpOrder } from './dump-order.ts';
import { type Routine, runRoutine } from './trampoline.ts';
import { BTF_KIND, type BtfType } from './types.ts';

export interface DumpCOptions {
  /** Only these types and what they need; all types unless given. */
  readonly ids?: Iterable<number>;
  /** Include guard and CO-RE attribute around the definitions, as bpftool has them. Default: true. */
  readonly header?: boolean;
}

const HEAD = `#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

`;
const TAIL = `#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif /* __VMLINUX_H__ */
`;

/** Compiler-made base types that only some compilers know, and what they are. */
const MISSING_BASE: ReadonlyMap<string, string> = new Map([
  ['__Poly8_t', 'unsigned char'],
  ['__Poly16_t', 'unsigned short'],
  ['__Poly64_t', 'unsigned long long'],
  ['__Poly128_t', 'unsigned __int128'],
]);

/** The whole dump as text. Throws FormatError for types that C cannot express. */
export function dumpC(btf: Btf, options: DumpCOptions = {}): string {
  const dumper = new Dumper(btf);
  if (options.ids) for (const id of options.ids) dumper.dump(id);
  else for (let id = 1; id < btf.nrTypes; id++) dumper.dump(id);
  const body = dumper.out.join('');
  return options.header === false ? body : HEAD + body + TAIL;
}

const EMITTING = 1;
const EMITTED = 2;

/** Weight of a step, in bytes. */
const STEP = 16;

class Dumper {
  readonly out: string[] = [];
  readonly #order: DumpOrder;
  readonly #writer: DeclWriter;
  /** EMITTING and EMITTED by id. */
  readonly #state: Uint8Array;
  readonly #declared = new Set<number>();
  readonly #budget: Budget;

  constructor(readonly btf: Btf) {
    this.#state = new Uint8Array(btf.nrTypes);
    this.#order = new DumpOrder(btf);
    this.#writer = new DeclWriter(btf);
    this.#budget = new Budget('BTF', btf.bytes.length);
  }

  dump(id: number): void {
    for (const definition of this.#order.definitions(id)) runRoutine(this.#emit(definition, 0));
  }

  #print(text: string): void {
    this.out.push(`${text};\n\n`);
  }

  #typedef(t: BtfType): void {
    if (t.name === '__builtin_va_list') return;
    const name = this.#writer.idents.of(t.id, t.name);
    // Some compilers leave this one pointing at void.
    if (t.type === 0 && name === '__gnuc_va_list') this.#print('typedef __builtin_va_list __gnuc_va_list');
    else this.#print(`typedef ${this.#writer.decl(t.type, name, 0)}`);
  }

  /** Emits a type; `container` is the named struct or typedef that is being written and asks for it, 0 at the top. */
  *#emit(id: number, container: number): Routine<void> {
    // Anonymous types are walked anew at each use: hostile ones double at every level.
    this.#budget.spend(STEP, 'anonymous types');
    const t = this.btf.type(id);
    if (t === undefined || this.#state[id] === EMITTED) return;
    if (this.#state[id] === EMITTING) {
      this.#declareInside(t, container);
      return;
    }
    switch (t.kind) {
      case BTF_KIND.INT: {
        const alias = MISSING_BASE.get(t.name);
        if (alias) this.#print(`typedef ${alias} ${t.name}`);
        this.#state[id] = EMITTED;
        return;
      }
      case BTF_KIND.ENUM:
      case BTF_KIND.ENUM64:
        if (container === 0) this.#print(this.#writer.enumBody(t, 0));
        this.#state[id] = EMITTED;
        return;
      case BTF_KIND.PTR:
      case BTF_KIND.VOLATILE:
      case BTF_KIND.CONST:
      case BTF_KIND.RESTRICT:
      case BTF_KIND.TYPE_TAG:
        yield this.#emit(t.type, container);
        return;
      case BTF_KIND.ARRAY:
        yield this.#emit(t.array?.elemType ?? 0, container);
        return;
      case BTF_KIND.FWD:
        this.#print(this.#writer.tag(t));
        this.#state[id] = EMITTED;
        return;
      case BTF_KIND.TYPEDEF:
        this.#state[id] = EMITTING;
        yield this.#emit(t.type, id);
        if (!this.#declared.has(id)) this.#typedef(t);
        this.#state[id] = EMITTED;
        return;
      case BTF_KIND.STRUCT:
      case BTF_KIND.UNION:
        yield this.#emitComposite(t, container);
        return;
      case BTF_KIND.FUNC_PROTO:
        yield this.#emit(t.type, container);
        for (const p of t.params) if (this.#state[p.type] !== EMITTED) yield this.#emit(p.type, container);
        return;
      default:
        return;
    }
  }

  *#emitComposite(t: BtfType, container: number): Routine<void> {
    this.#state[t.id] = EMITTING;
    if (container === 0 || t.name === '') {
      const inside = t.name === '' ? container : t.id;
      for (const m of t.members) if (this.#state[m.type] !== EMITTED) yield this.#emit(m.type, inside);
    } else if (!this.#declared.has(t.id) && t.id !== container) {
      this.#declare(t);
    }
    if (container === 0) {
      this.#print(this.#writer.structBody(t, 0));
      this.#state[t.id] = EMITTED;
    } else {
      this.#state[t.id] = 0;
    }
  }

  #declare(t: BtfType): void {
    this.#print(this.#writer.tag(t));
    this.#declared.add(t.id);
  }

  /** A type that is being written is needed by something inside it: a declaration suffices. */
  #declareInside(t: BtfType, container: number): void {
    if (this.#declared.has(t.id)) return;
    if (t.kind === BTF_KIND.TYPEDEF) {
      this.#typedef(t);
      this.#declared.add(t.id);
    } else if ((t.kind === BTF_KIND.STRUCT || t.kind === BTF_KIND.UNION) && t.id !== container && t.name !== '') {
      this.#declare(t);
    }
  }
}
