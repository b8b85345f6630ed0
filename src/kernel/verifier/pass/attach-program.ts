/** Whether the program fits the function of another program that it replaces or traces (bpf_check_attach_target, btf_check_type_match). */
import type { Btf } from '../../../btf/btf.ts';
import { BTF_KIND, BTF_LINKAGE, type BtfType } from '../../../btf/types.ts';
import { BPF_ATTACH_TYPE as A } from '../../../uapi/attach-types.ts';
import { BPF_PROG_TYPE as P } from '../../../uapi/prog-types.ts';
import { ATTACH } from '../diag/catalogue/attach.ts';
import { ATTACH_PROGRAM as ON } from '../diag/catalogue/attach-program.ts';
import { reject, type Rejection } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import type { TargetFunction, TargetProgram } from '../result.ts';

/** What is asked of a program that is to stand on a function of another. */
export interface OnFunction {
  readonly progType: number;
  readonly expectedAttachType: number;
  readonly sleepable: boolean;
  /** FUNC type id of its main function, 0 without func_info; and its types. */
  readonly typeId: number;
  readonly btf: Btf | undefined;
  readonly changesPktData: boolean;
  readonly mightSleep: boolean;
}

/** Checks the target. */
export function checkProgramTarget(env: VerifierEnv): void {
  const { attachBtfId: id, target, progType, expectedAttachType, btf } = env.input;
  const [{ typeId, changesPktData, mightSleep }] = env.subprogs;
  const { sleepable } = env.query;
  if (id === 0) reject(env, ATTACH.NO_BTF_ID);
  if (target === undefined) reject(env, ON.KERNEL_FUNCTION);
  try {
    checkTarget({ progType, expectedAttachType, sleepable, typeId, btf, changesPktData, mightSleep }, target, id);
  } catch (e) {
    if (e instanceof Misfit) reject(env, e.row as Rejection<readonly unknown[]>, ...e.args);
    throw e;
  }
}

/** Whether a loaded program fits a function of another. */
export function fitsTarget(on: OnFunction, target: TargetProgram, id: number): boolean {
  try {
    checkTarget(on, target, id);
    return true;
  } catch (e) {
    if (e instanceof Misfit) return false;
    throw e;
  }
}

/** A program that does not fit, and why. */
class Misfit extends Error {
  constructor(
    readonly row: Rejection<never>,
    readonly args: readonly unknown[],
  ) {
    super();
  }
}

function refuse<A extends readonly unknown[]>(row: Rejection<A>, ...args: A): never {
  throw new Misfit(row, args);
}

function checkTarget(on: OnFunction, target: TargetProgram, id: number): void {
  const { btf } = target;
  if (btf === undefined) refuse(ON.UNTYPED);
  const type = btf.type(id);
  if (type === undefined) refuse(ATTACH.INVALID_ID, id);
  const replaces = on.progType === P.BPF_PROG_TYPE_EXT;
  const fn = target.functions.find((f) => f.typeId === id);
  if (fn === undefined) refuse(ON.NO_FUNCTION, type.name);
  if (fn.isExceptionCallback) refuse(ON.EXCEPTION_CALLBACK, replaces ? 'Extension' : 'FENTRY/FEXIT');
  if (replaces) checkReplaced(on, fn);
  checkNesting(on, target, replaces);
  checkKind(on, btf, type, replaces);
}

function checkReplaced(on: OnFunction, fn: TargetFunction): void {
  if (fn.unreliable) refuse(ON.STATIC);
  if (on.changesPktData && !fn.changesPktData) refuse(ON.CHANGES_PACKET);
  if (on.mightSleep && !fn.mightSleep) refuse(ON.MIGHT_SLEEP);
}

function checkNesting({ progType }: OnFunction, target: TargetProgram, replaces: boolean): void {
  if (progType === P.BPF_PROG_TYPE_TRACING) {
    if (target.tracesTracing) refuse(ON.NESTED);
  } else if (target.progType === progType) refuse(ON.RECURSIVE);
  const { expectedAttachType: attach } = target;
  const around = attach === A.BPF_TRACE_FENTRY || attach === A.BPF_TRACE_FEXIT;
  if (replaces && around && target.progType === P.BPF_PROG_TYPE_TRACING) refuse(ON.EXTENDS_TRACING);
}

const AROUND: ReadonlySet<number> = new Set([A.BPF_TRACE_FENTRY, A.BPF_TRACE_FEXIT, A.BPF_MODIFY_RETURN]);

function checkKind(on: OnFunction, btf: Btf, type: BtfType, replaces: boolean): void {
  const { expectedAttachType: attach } = on;
  if (!replaces && attach === A.BPF_TRACE_RAW_TP) refuse(ON.NOT_AROUND);
  if (!replaces && !AROUND.has(attach)) refuse(ATTACH.UNSUPPORTED_TYPE);
  if (type.kind !== BTF_KIND.FUNC) refuse(ATTACH.NOT_FUNCTION, type.id);
  if (replaces) checkSameType(on, btf, type);
  if (btf.kind(type.type) !== BTF_KIND.FUNC_PROTO) refuse(ATTACH.NO_PROTO);
  if (on.sleepable) refuse(ATTACH.NOT_SLEEPABLE, type.name);
  if (attach === A.BPF_MODIFY_RETURN) refuse(ON.MODIFIES);
}

/** A function, for messages and comparison. */
interface Typed {
  readonly btf: Btf;
  readonly name: string;
  readonly proto: BtfType;
}

function checkSameType({ btf, typeId }: OnFunction, targetBtf: Btf, target: BtfType): void {
  const own = btf?.type(typeId);
  if (btf === undefined || own === undefined) refuse(ON.NO_BTF);
  for (const fn of [own, target]) if (fn.linkage !== BTF_LINKAGE.GLOBAL) refuse(ON.NOT_GLOBAL, fn.name);
  const [a, b] = [typed(btf, own), typed(targetBtf, target)];
  if (a === undefined || b === undefined) refuse(ATTACH.NO_PROTO);
  const [m, n] = [a.proto.params.length, b.proto.params.length];
  if (m !== n) refuse(ON.ARG_COUNT, a.name, m, b.name, n);
  const [returned, wanted] = [plain(a.btf, a.proto.type), plain(b.btf, b.proto.type)];
  if (shape(returned) !== shape(wanted)) refuse(ON.RETURN, kindName(returned), a.name, kindName(wanted), b.name);
  for (let i = 0; i < m; i++) checkSameArg(i, a, b);
}

const typed = (btf: Btf, { name, type }: BtfType): Typed | undefined => {
  const proto = btf.type(type);
  return proto?.kind === BTF_KIND.FUNC_PROTO ? { btf, name, proto } : undefined;
};

function checkSameArg(i: number, a: Typed, b: Typed): void {
  const [s, t] = [plain(a.btf, a.proto.params[i].type), plain(b.btf, b.proto.params[i].type)];
  if (shape(s) !== shape(t)) refuse(ON.ARG_KIND, i, a.name, kindName(s), b.name, kindName(t));
  if (s !== undefined && t !== undefined && HAS_SIZE.has(s.kind) && s.size !== t.size)
    refuse(ON.ARG_SIZE, i, a.name, s.size, b.name, t.size);
  // Global functions take numbers and the context.
  if (s === undefined || SCALARS.has(s.kind)) return;
  if (s.kind !== BTF_KIND.PTR || t === undefined) refuse(ON.ARG_TYPE, i, a.name);
  const [p, q] = [plain(a.btf, s.type), plain(b.btf, t.type)];
  if (p?.kind !== BTF_KIND.STRUCT) refuse(ON.ARG_NO_CONTEXT, i, a.name);
  if (q?.kind !== BTF_KIND.STRUCT) refuse(ON.ARG_NO_CONTEXT, i, b.name);
  if (p.name !== q.name) refuse(ON.ARG_CONTEXT, i, a.name, p.name, b.name, q.name);
}

/** A type behind modifiers; undefined for void. */
const plain = (btf: Btf, id: number): BtfType | undefined => btf.type(btf.skipModifiers(id));

/** What of a type is compared: its kind, the number of its parts, and the flag. */
const shape = (t: BtfType | undefined): string => (t === undefined ? '' : `${t.kind} ${t.vlen} ${t.kindFlag}`);

const SCALARS: ReadonlySet<number> = new Set([BTF_KIND.INT, BTF_KIND.ENUM, BTF_KIND.ENUM64]);
const HAS_SIZE: ReadonlySet<number> = new Set([
  ...SCALARS,
  BTF_KIND.STRUCT,
  BTF_KIND.UNION,
  BTF_KIND.DATASEC,
  BTF_KIND.FLOAT,
]);

const KIND_NAMES = new Map(Object.entries(BTF_KIND).map(([name, kind]) => [kind as number, name]));
const kindName = (t: BtfType | undefined): string => (t === undefined ? 'UNKN' : (KIND_NAMES.get(t.kind) ?? 'UNKN'));
