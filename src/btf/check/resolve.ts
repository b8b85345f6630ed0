/** Types with those that they refer to: existence, sizes, loops (btf_check_all_types, btf_resolve). Iterative, 32 levels deep. */
import { ERRNO } from '../../uapi/errno.ts';
import { BTF_KIND, type BtfMember, type BtfType } from '../types.ts';
import type { CheckLog } from './log.ts';
import { memberLine, typeLine, varLine } from './log.ts';
import { checkMember, isRegularInt } from './member.ts';

const MAX_DEPTH = 32;

/** What a walk began with decides where it may stop: pointers end it behind structs, structs behind pointers. */
type Mode = 'undecided' | 'pointer' | 'embedding';

interface Frame {
  readonly t: BtfType;
  next: number;
}

const K = BTF_KIND;
const MODIFIERS: ReadonlySet<number> = new Set([K.TYPEDEF, K.VOLATILE, K.CONST, K.RESTRICT, K.TYPE_TAG]);
const isModifier = (t: BtfType): boolean => MODIFIERS.has(t.kind);
const isComposite = (t: BtfType): boolean => t.kind === K.STRUCT || t.kind === K.UNION;
/** Kinds that others cannot refer to as a type. */
const isSourceOnly = (t: BtfType): boolean => t.kind === K.VAR || t.kind === K.DECL_TAG || t.kind === K.DATASEC;
const needsResolve = (t: BtfType): boolean =>
  isModifier(t) ||
  t.kind === K.PTR ||
  isComposite(t) ||
  t.kind === K.ARRAY ||
  t.kind === K.VAR ||
  t.kind === K.FUNC ||
  t.kind === K.DECL_TAG ||
  t.kind === K.DATASEC;
const NO_SIZE: ReadonlySet<number> = new Set([K.UNKN, K.FWD, K.FUNC, K.FUNC_PROTO, K.DECL_TAG]);
const isSizeless = (t: BtfType): boolean => NO_SIZE.has(t.kind);

/** Checks every reference between types. */
export function checkReferences(types: readonly BtfType[], log: CheckLog): void {
  new Resolver(types, log).run();
}

class Resolver {
  /** Types whose walk has begun or ended. */
  readonly #visited = new Map<number, 'open' | 'done'>();
  /** Where modifiers, pointers and variables end. */
  readonly #target = new Map<number, number>();
  readonly #arraySize = new Map<number, number>();
  /** Index of the first parameter without a name, by prototype. */
  readonly #unnamed = new Map<number, number>();
  #stack: Frame[] = [];
  #mode: Mode = 'undecided';

  constructor(
    readonly types: readonly BtfType[],
    readonly log: CheckLog,
  ) {}

  run(): void {
    for (let id = 1; id < this.types.length; id++) {
      const t = this.#type(id) as BtfType;
      if (needsResolve(t) && !this.#done(id)) this.#resolve(t);
      if (t.kind === K.FUNC_PROTO) this.#checkProto(t);
    }
  }

  #type(id: number): BtfType | undefined {
    return this.types[id];
  }

  #done(id: number): boolean {
    return this.#visited.get(id) === 'done';
  }

  #resolve(root: BtfType): void {
    this.#stack = [];
    this.#mode = 'undecided';
    let error = this.#push(root);
    while (error === 0 && this.#stack.length > 0) error = this.#step(this.#stack[this.#stack.length - 1]);
    if (error === ERRNO.E2BIG) this.log.failType(root, `Exceeded max resolving depth:${MAX_DEPTH}`, ERRNO.E2BIG);
    if (error === ERRNO.EEXIST) this.log.failType(root, 'Loop detected', ERRNO.EEXIST);
  }

  #push(t: BtfType): number {
    if (this.#stack.length === MAX_DEPTH) return ERRNO.E2BIG;
    if (this.#visited.has(t.id)) return ERRNO.EEXIST;
    this.#visited.set(t.id, 'open');
    this.#stack.push({ t, next: 0 });
    if (this.#mode === 'undecided') {
      if (t.kind === K.PTR) this.#mode = 'pointer';
      else if (isComposite(t) || t.kind === K.ARRAY) this.#mode = 'embedding';
    }
    return 0;
  }

  #pop(target: number): number {
    const { t } = this.#stack.pop() as Frame;
    this.#visited.set(t.id, 'done');
    this.#target.set(t.id, target);
    return 0;
  }

  /** Whether the walk need not go into `t` now. */
  #isSink(t: BtfType): boolean {
    if (this.#mode === 'pointer') return !isModifier(t) && t.kind !== K.PTR;
    if (this.#mode === 'embedding') return !isModifier(t) && t.kind !== K.ARRAY && !isComposite(t);
    return !needsResolve(t);
  }

  #mustVisit(t: BtfType): boolean {
    return !this.#isSink(t) && !this.#done(t.id);
  }

  #step(frame: Frame): number {
    const { t } = frame;
    if (isModifier(t)) return this.#modifier(t);
    switch (t.kind) {
      case K.PTR:
        return this.#pointer(t);
      case K.VAR:
        return this.#variable(t);
      case K.ARRAY:
        return this.#array(t);
      case K.STRUCT:
      case K.UNION:
        return this.#struct(frame);
      case K.DATASEC:
        return this.#datasec(frame);
      case K.DECL_TAG:
        return this.#declTag(t);
      default:
        return this.#func(t);
    }
  }

  /** Size and final id of a type, undefined when it has none (btf_type_id_size). */
  #sized(id: number): { id: number; size: number } | undefined {
    const t = this.#type(id);
    if (t === undefined || isSizeless(t)) return undefined;
    if (t.kind === K.ARRAY) return { id, size: this.#arraySize.get(id) ?? 0 };
    if (t.kind === K.PTR) return { id, size: 8 };
    if (!isModifier(t) && t.kind !== K.VAR) return { id, size: t.size };
    const end = this.#type(this.#target.get(id) ?? 0);
    if (end === undefined || isSizeless(end) || end.kind === K.UNKN) return undefined;
    return {
      id: end.id,
      size: end.kind === K.PTR ? 8 : end.kind === K.ARRAY ? (this.#arraySize.get(end.id) ?? 0) : end.size,
    };
  }

  /** Final type behind modifiers, or the type itself. */
  #end(id: number): BtfType {
    return this.#type(this.#done(id) ? (this.#target.get(id) ?? id) : id) as BtfType;
  }

  #refer(t: BtfType): BtfType {
    const next = this.#type(t.type);
    if (next === undefined || isSourceOnly(next)) this.log.failType(t, 'Invalid type_id');
    return next;
  }

  #modifier(t: BtfType): number {
    const next = this.#refer(t);
    if (this.#mustVisit(next)) return this.#push(next);
    return this.#pop(this.#sizedOrOpaque(t, next));
  }

  /** The target of a modifier or pointer: something with a size, void, a forward declaration or a function. */
  #sizedOrOpaque(t: BtfType, next: BtfType): number {
    const sized = this.#sized(next.id);
    if (sized) return sized.id;
    const end = this.#end(next.id);
    if (end.kind !== K.UNKN && end.kind !== K.FWD && end.kind !== K.FUNC_PROTO) this.log.failType(t, 'Invalid type_id');
    return end.id;
  }

  /** A pointer behind a modifier that was resolved while structs were walked is still to be followed. */
  #behindModifier(next: BtfType): number | undefined {
    if (!isModifier(next)) return undefined;
    const end = this.#end(next.id);
    return end.kind === K.PTR && this.#mustVisit(end) ? this.#push(end) : undefined;
  }

  #pointer(t: BtfType): number {
    const next = this.#refer(t);
    if (this.#mustVisit(next)) return this.#push(next);
    return this.#behindModifier(next) ?? this.#pop(this.#sizedOrOpaque(t, next));
  }

  #variable(t: BtfType): number {
    const next = this.#refer(t);
    if (this.#mustVisit(next)) return this.#push(next);
    const pushed = this.#behindModifier(next);
    if (pushed !== undefined) return pushed;
    const sized = this.#sized(next.id);
    if (sized === undefined) this.log.failType(t, 'Invalid type_id');
    return this.#pop(sized.id);
  }

  #array(t: BtfType): number {
    const { elemType, indexType, nelems } = t.array as NonNullable<BtfType['array']>;
    const index = this.#type(indexType);
    if (index === undefined || isSourceOnly(index) || isSizeless(index)) this.log.failType(t, 'Invalid index');
    if (this.#mustVisit(index)) return this.#push(index);
    const indexEnd = this.#type(this.#sized(indexType)?.id ?? 0);
    if (indexEnd === undefined || indexEnd.kind !== K.INT || !isRegularInt(indexEnd))
      this.log.failType(t, 'Invalid index');
    const elem = this.#type(elemType);
    if (elem === undefined || isSourceOnly(elem)) this.log.failType(t, 'Invalid elem');
    if (this.#mustVisit(elem)) return this.#push(elem);
    const sized = this.#sized(elemType);
    if (sized === undefined) this.log.failType(t, 'Invalid elem');
    const end = this.#type(sized.id) as BtfType;
    if (end.kind === K.INT && !isRegularInt(end)) this.log.failType(t, 'Invalid array of int');
    if (nelems > 0 && sized.size > Math.floor(0xffffffff / nelems))
      this.log.failType(t, 'Array size overflows U32_MAX');
    this.#arraySize.set(t.id, sized.size * nelems);
    return this.#pop(t.id);
  }

  /** Members one after the other; each is measured once its type is resolved. */
  #struct(frame: Frame): number {
    const { t } = frame;
    for (; frame.next < t.members.length; frame.next++) {
      const m = t.members[frame.next];
      const type = this.#type(m.type);
      if (type === undefined || isSourceOnly(type) || isSizeless(type)) this.#failMember(t, m, 'Invalid member');
      if (this.#mustVisit(type)) return this.#push(type);
      this.#measure(t, m, type);
    }
    return this.#pop(t.id);
  }

  #measure(t: BtfType, m: BtfMember, type: BtfType): void {
    const end = isModifier(type) || type.kind === K.VAR ? this.#end(type.id) : type;
    const why = checkMember(t, m, end, this.#arraySize.get(end.id) ?? 0);
    if (why !== undefined) this.#failMember(t, { ...m, type: end.id }, why);
  }

  /** In this phase the struct is named again before its member. */
  #failMember(t: BtfType, m: BtfMember, why: string): never {
    if (why.startsWith('Unsupported')) this.log.failType(t, why);
    this.log.line(typeLine(t));
    this.log.fail(`${memberLine(t, m)} ${why}`);
  }

  #datasec(frame: Frame): number {
    const { t } = frame;
    for (; frame.next < t.vars.length; frame.next++) {
      const v = t.vars[frame.next];
      const fail = (why: string): never => {
        this.log.line(typeLine(t));
        return this.log.fail(`${varLine(v)} ${why}`);
      };
      const type = this.#type(v.type);
      if (type === undefined || type.kind !== K.VAR) return fail('Not a VAR kind member');
      if (this.#mustVisit(type)) return this.#push(type);
      const sized = this.#sized(type.type);
      if (sized === undefined) return fail('Invalid type');
      if (v.size < sized.size) return fail('Invalid size');
    }
    return this.#pop(t.id);
  }

  #declTag(t: BtfType): number {
    const next = this.#type(t.type);
    const targets: readonly number[] = [K.FUNC, K.STRUCT, K.UNION, K.VAR, K.TYPEDEF];
    if (next === undefined || !targets.includes(next.kind)) this.log.failType(t, 'Invalid type_id');
    if (this.#mustVisit(next)) return this.#push(next);
    if (t.componentIdx !== -1) {
      const whole = next.kind === K.VAR || next.kind === K.TYPEDEF;
      const count = next.kind === K.FUNC ? (this.#type(next.type)?.vlen ?? 0) : next.vlen;
      if (whole || t.componentIdx >= count) this.log.failType(t, 'Invalid component_idx');
    }
    return this.#pop(t.type);
  }

  #func(t: BtfType): number {
    const proto = this.#type(t.type);
    if (proto?.kind !== K.FUNC_PROTO) this.log.failType(t, 'Invalid type_id');
    let unnamed = this.#unnamed.get(proto.id);
    if (unnamed === undefined) {
      unnamed = proto.params.findIndex((p) => p.name === '' && p.type !== 0);
      this.#unnamed.set(proto.id, unnamed);
    }
    if (unnamed >= 0) this.log.failType(t, `Invalid arg#${unnamed + 1}`);
    return this.#pop(t.type);
  }

  #checkProto(t: BtfType): void {
    if (t.type !== 0 && !this.#hasSize(t.type)) this.log.failType(t, 'Invalid return type');
    const variadic = t.vlen > 0 && t.params[t.vlen - 1].type === 0;
    if (variadic && t.params[t.vlen - 1].name !== '') this.log.failType(t, `Invalid arg#${t.vlen}`);
    t.params.slice(0, variadic ? -1 : undefined).forEach((p, i) => {
      const bad = (p.name !== '' && !/^[A-Za-z_.][A-Za-z0-9_.]*$/.test(p.name)) || !this.#hasSize(p.type);
      if (bad) this.log.failType(t, `Invalid arg#${i + 1}`);
    });
  }

  #hasSize(id: number): boolean {
    const t = this.#type(id);
    if (t === undefined || isSourceOnly(t)) return false;
    if (needsResolve(t) && !this.#done(id)) this.#resolve(t);
    return this.#sized(id) !== undefined;
  }
}
