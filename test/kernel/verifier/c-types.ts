/** C declarations as the data files write them, made into BTF: structs with special fields, functions with tagged arguments. */
import { BtfBuilder } from '../../../src/btf/encode.ts';
import type { BtfMember, BtfParam } from '../../../src/btf/types.ts';

/** BTF of some declarations, with ids by name. */
export interface CTypes {
  readonly btf: BtfBuilder;
  readonly types: ReadonlyMap<string, number>;
  readonly sizes: ReadonlyMap<string, number>;
  /** Functions in the order of their declaration, with their FUNC types. */
  readonly funcs: ReadonlyMap<string, number>;
}

interface Type {
  readonly id: number;
  readonly size: number;
  readonly align: number;
}

/** Name, size, encoding (1 signed, 4 bool). */
const INTS: Readonly<Record<string, readonly [name: string, size: number, encoding: number]>> = {
  int: ['int', 4, 1],
  char: ['char', 1, 1],
  short: ['short', 2, 1],
  long: ['long', 8, 1],
  bool: ['_Bool', 1, 4],
  u8: ['unsigned char', 1, 0],
  u16: ['unsigned short', 2, 0],
  u32: ['unsigned int', 4, 0],
  u64: ['unsigned long', 8, 0],
  s32: ['int', 4, 1],
  s64: ['long', 8, 1],
};

/** Structs that mean something to the kernel wherever they stand: words of 4 or 8 bytes. */
const KNOWN: Readonly<Record<string, readonly [member: 'u32' | 'u64', count: number]>> = {
  bpf_spin_lock: ['u32', 1],
  bpf_res_spin_lock: ['u32', 1],
  bpf_refcount: ['u32', 1],
  bpf_timer: ['u64', 2],
  bpf_wq: ['u64', 2],
  bpf_task_work: ['u64', 1],
  bpf_list_head: ['u64', 2],
  bpf_list_node: ['u64', 3],
  bpf_rb_root: ['u64', 2],
  bpf_rb_node: ['u64', 4],
};

/** `__arg_ctx` and the like, behind a parameter. */
const ARG_TAG = /^__arg_(\w+)$/;
/** What stands between the struct and the star: `struct task_struct __kptr *task`. */
const TYPE_TAG = /^__(kptr|kptr_untrusted|percpu_kptr|uptr|user|rcu|percpu)$/;
const TOKEN = /\s+|[A-Za-z_]\w*|\d+|"[^"]*"|\.\.\.|[{}();,*[\]:=]/y;

/**
 * Parses declarations: `struct s { int a; int (*f)(int a); };`, `union`, `enum e { A };`, `typedef int t;`,
 * `extern int v [__percpu];`, `[static] int f(struct s *p __arg_nonnull);`.
 */
export function parseC(text: string): CTypes {
  return new Parser(text).parse();
}

class Parser {
  readonly #b = new BtfBuilder();
  readonly #tokens: string[] = [];
  #at = 0;
  readonly #types = new Map<string, number>();
  readonly #sizes = new Map<string, number>();
  readonly #funcs = new Map<string, number>();
  /** Types by the words that name them: `u32`, `struct s`, `typedef`. */
  readonly #known = new Map<string, Type>();

  constructor(text: string) {
    for (TOKEN.lastIndex = 0; TOKEN.lastIndex < text.length; ) {
      const at = TOKEN.lastIndex;
      const token = TOKEN.exec(text)?.[0];
      if (token === undefined) throw new Error(`C: ${text.slice(at, at + 20)}`);
      if (token.trim() !== '') this.#tokens.push(token);
    }
  }

  parse(): CTypes {
    while (this.#at < this.#tokens.length) this.#declaration();
    return { btf: this.#b, types: this.#types, sizes: this.#sizes, funcs: this.#funcs };
  }

  #peek(ahead = 0): string {
    return this.#tokens[this.#at + ahead] ?? '';
  }
  #next(): string {
    return this.#tokens[this.#at++] ?? '';
  }
  #eat(token: string): boolean {
    if (this.#peek() !== token) return false;
    this.#at++;
    return true;
  }
  #expect(token: string): void {
    const is = this.#next();
    if (is !== token) throw new Error(`C: expected ${token} before ${is} ${this.#peek()}`);
  }

  #declaration(): void {
    const kind = this.#peek();
    if ((kind === 'struct' || kind === 'union') && this.#peek(2) === '{') return this.#struct(kind);
    if (kind === 'enum' && this.#peek(2) === '{') return this.#enum();
    if (this.#eat('typedef')) {
      const type = this.#type();
      const name = this.#next();
      this.#name(name, { ...type, id: this.#b.typedef(name, type.id) }, name);
      return this.#expect(';');
    }
    if (this.#eat('extern')) {
      const type = this.#type();
      const name = this.#next();
      const id = this.#b.var(name, type.id, 1);
      this.#types.set(name, id);
      if (this.#eat('__percpu')) this.#b.datasec('.data..percpu', 8, [{ type: id, offset: 0, size: 8 }]);
      return this.#expect(';');
    }
    this.#function();
  }

  #name(words: string, type: Type, name: string): void {
    this.#known.set(words, type);
    this.#types.set(name, type.id);
    this.#sizes.set(name, type.size);
  }

  #struct(kind: string): void {
    this.#next();
    const name = this.#next();
    this.#expect('{');
    const members: BtfMember[] = [];
    const tags: [component: number, value: string][] = [];
    let size = 0;
    let align = 1;
    while (!this.#eat('}')) {
      const type = this.#type();
      const { name: member, type: whole } = this.#functionPointer(type) ?? this.#named(type);
      align = Math.max(align, whole.align);
      const at = kind === 'union' ? 0 : Math.ceil(size / whole.align) * whole.align;
      size = Math.max(size, at + whole.size);
      if (this.#eat('__contains')) {
        this.#expect('(');
        const node = this.#next();
        this.#expect(',');
        tags.push([members.length, `contains:${node}:${this.#next()}`]);
        this.#expect(')');
      }
      members.push({ name: member, type: whole.id, bitOffset: at * 8, bitfieldSize: 0 });
      this.#expect(';');
    }
    this.#expect(';');
    size = Math.ceil(size / align) * align;
    const id = this.#b.struct(name, size, members, kind === 'union');
    this.#name(`${kind} ${name}`, { id, size, align }, name);
    for (const [component, value] of tags) this.#b.declTag(value, id, component);
  }

  #enum(): void {
    this.#next();
    const name = this.#next();
    this.#expect('{');
    const values: { name: string; value: bigint }[] = [];
    while (!this.#eat('}')) {
      values.push({ name: this.#next(), value: BigInt(values.length) });
      this.#eat(',');
    }
    this.#expect(';');
    this.#name(`enum ${name}`, { id: this.#b.enum(name, 4, values), size: 4, align: 4 }, name);
  }

  #function(): void {
    const isStatic = this.#eat('static');
    const result = this.#type();
    const name = this.#next();
    const { params, tags } = this.#params();
    const id = this.#b.func(name, this.#b.funcProto(result.id, params), isStatic ? 0 : 1);
    for (const [component, value] of tags) this.#b.declTag(value, id, component);
    while (this.#eat('__exception_cb')) {
      this.#expect('(');
      this.#b.declTag(`exception_callback:${this.#next()}`, id, -1);
      this.#expect(')');
    }
    this.#expect(';');
    this.#types.set(name, id);
    this.#funcs.set(name, id);
  }

  /** `(*f)(int a)` behind the result. */
  #functionPointer(result: Type): { readonly name: string; readonly type: Type } | undefined {
    if (!this.#eat('(')) return undefined;
    this.#expect('*');
    const name = this.#next();
    this.#expect(')');
    return { name, type: { id: this.#b.ptr(this.#b.funcProto(result.id, this.#params().params)), size: 8, align: 8 } };
  }

  /** `a`, `a [3]`. */
  #named(type: Type): { readonly name: string; readonly type: Type } {
    const name = this.#next();
    return { name, type: this.#arrays(type) };
  }

  /** Parameters in brackets, and the tags behind them. */
  #params(): { readonly params: readonly BtfParam[]; readonly tags: readonly (readonly [number, string])[] } {
    this.#expect('(');
    const params: BtfParam[] = [];
    const tags: [component: number, value: string][] = [];
    while (!this.#eat(')')) {
      if (this.#eat('...')) params.push({ name: '', type: 0 });
      else if (this.#peek() === 'void' && this.#peek(1) === ')') this.#next();
      else {
        const result = this.#type();
        const pointer = this.#functionPointer(result);
        const type = pointer?.type ?? result;
        const unnamed = /^__|^[,)]$/.test(this.#peek());
        const param = pointer?.name ?? (unnamed ? `a${params.length}` : this.#next());
        for (let tag = ARG_TAG.exec(this.#peek()); tag !== null; tag = ARG_TAG.exec(this.#peek())) {
          tags.push([params.length, `arg:${tag[1]}`]);
          this.#next();
        }
        params.push({ name: param, type: type.id });
      }
      this.#eat(',');
    }
    return { params, tags };
  }

  /** `struct s __kptr *`, `const u8`, without the name. */
  #type(): Type {
    if (this.#eat('const')) {
      const of = this.#base();
      return this.#pointers({ ...of, id: this.#b.const(of.id) });
    }
    return this.#pointers(this.#base());
  }

  #pointers(of: Type): Type {
    let type = of;
    for (;;) {
      const tag = TYPE_TAG.exec(this.#peek());
      if (tag !== null) type = { ...type, id: this.#b.typeTag(tag[1], type.id) };
      else if (this.#peek() === '*') type = { id: this.#b.ptr(type.id), size: 8, align: 8 };
      else return type;
      this.#next();
    }
  }

  #arrays(of: Type): Type {
    const counts: number[] = [];
    while (this.#eat('[')) {
      counts.push(Number(this.#next()));
      this.#expect(']');
    }
    return counts.reduceRight<Type>(
      (type, count) => ({
        id: this.#b.array(type.id, this.#int('u32').id, count),
        size: type.size * count,
        align: type.align,
      }),
      of,
    );
  }

  #int(name: string): Type {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const [cName, size, encoding] = INTS[name];
    const type = { id: this.#b.int(cName, size, encoding), size, align: size };
    this.#known.set(name, type);
    return type;
  }

  #base(): Type {
    const word = this.#next();
    if (word === 'void') return { id: 0, size: 0, align: 1 };
    if (word === 'float') return { id: this.#b.float('float', 4), size: 4, align: 4 };
    if (INTS[word] !== undefined) return this.#int(word);
    const words = /^(struct|union|enum)$/.test(word) ? `${word} ${this.#next()}` : word;
    const known = this.#known.get(words);
    if (known !== undefined) return known;
    const name = words.split(' ')[1] ?? '';
    if (KNOWN[name] !== undefined) return this.#special(name);
    if (name === '') throw new Error(`C: unknown type ${words}`);
    // Declared, not defined.
    const type = { id: this.#b.fwd(name, word === 'union'), size: 0, align: 1 };
    this.#name(words, type, name);
    return type;
  }

  #special(name: string): Type {
    const [word, count] = KNOWN[name];
    const of = this.#int(word);
    const type = count === 1 ? of.id : this.#b.array(of.id, this.#int('u32').id, count);
    const size = of.size * count;
    const id = this.#b.struct(name, size, [{ name: '__opaque', type, bitOffset: 0, bitfieldSize: 0 }]);
    this.#name(`struct ${name}`, { id, size, align: of.size }, name);
    return { id, size, align: of.size };
  }
}
