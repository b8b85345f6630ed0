/** Accesses to the context, and calls that this program may not make. */
import { BTF_KIND } from '../../../btf/types.ts';
import type { Btf } from '../../../btf/btf.ts';
import { OFF } from '../../verifier/state/row.ts';
import type { Inquiry } from '../inquiry.ts';
import { accessOf } from '../trace/access.ts';
import { bytes, quoted } from '../words.ts';
import type { Cause, Detector, Finding } from './cause.ts';

export const CONTEXT = {
  CONTEXT_FIELD: {
    title: 'a member of the context that programs of this type may not access',
    page: 'Each program type sees some members of its context only. Members for sockets, for instance, are there in some hooks and not in others. Use a helper that gives the same, or another type of program.',
  },
  CONTEXT_READ_ONLY: {
    title: 'a member of the context is written that may only be read',
    page: 'Few members of the context may be written. Others are changed by helpers, or by what the program returns.',
  },
  CONTEXT_SIZE: {
    title: 'a member of the context is accessed with a size that is not possible',
    page: 'Members are read as they are declared; some may be read in part, others only whole. Compilers narrow or widen loads: a volatile access of the declared type keeps its size.',
  },
  CONTEXT_OUTSIDE: {
    title: 'an access beyond the end of the context',
    page: 'The context of this program type is smaller than the offset. Is the program type the right one, and the struct that of this type?',
  },
  HELPER_NOT_FOR_TYPE: {
    title: 'a helper that programs of this type may not call',
    page: 'Each program type has its set of helpers. `skep` and the documentation of the kernel say which. Often another helper does the same, or another program type fits better.',
  },
  LICENSE_NOT_GPL: {
    title: 'a helper for programs under the GPL in a program under another licence',
    page: 'Some helpers and all kernel functions may be called by programs only whose license section says GPL, or a dual licence with it. The section is what counts: char license[] SEC("license") = "GPL".',
  },
  CALL_MAY_SLEEP: {
    title: 'a call that may sleep in a program, or a section, that may not',
    page: 'Only sleepable programs (sections with .s, as fentry.s) may call functions that sleep, and not while a lock is held or within an RCU section. Use the variant that does not sleep, or load the program as sleepable.',
  },
  HELPER_UNKNOWN: {
    title: 'a helper that this kernel does not have',
    page: 'No helper has this number here: it is newer than the kernel, or the number is what a failed relocation left. Guard the call with bpf_core_enum_value_exists, or do without it.',
  },
} as const satisfies Record<string, Cause>;

interface Member {
  readonly name: string;
  readonly off: number;
  readonly size: number;
}

/** The member of the context's struct at an offset, by the program's own types. */
function memberAt(
  q: Inquiry,
  off: number,
): { readonly struct: string; readonly member?: Member; readonly size: number } {
  const struct = q.env.ops.ctxStruct;
  const { btf } = q.env.input;
  const id = btf?.find(struct, BTF_KIND.STRUCT) ?? 0;
  if (btf === undefined || id === 0) return { struct, size: 0 };
  const member = membersOf(btf, id).find((m) => off >= m.off && off < m.off + Math.max(m.size, 1));
  return { struct, size: btf.sizeOf(id), ...(member === undefined ? {} : { member }) };
}

function membersOf(btf: Btf, id: number): Member[] {
  const type = btf.type(id);
  if (type === undefined || !('members' in type)) return [];
  return type.members.map((m) => ({ name: m.name, off: m.bitOffset >> 3, size: btf.resolveSize(m.type) }));
}

/** ACCESS.CTX. */
export const contextAccess: Detector = (q) => {
  const access = accessOf(q.env.insns, q.insn);
  if (access === undefined) return undefined;
  const off = q.row(q.reg(access.regno))[OFF] + access.off;
  const { struct, member, size } = memberAt(q, off);
  const name = quoted(
    member === undefined ? q.expression(q.insn)?.text : `${struct}.${member.name}`,
    `offset ${off} of ${struct}`,
  );
  const verdict = (write: boolean, at: number, width: number): boolean =>
    q.env.ops.isValidAccess({ off: at, size: width, write, signExtend: false }, q.env.query, {
      regType: 0,
      ctxFieldSize: 0,
    });
  const fault = [
    q.event(q.last, 'fault', `${access.write ? 'writes' : 'reads'} ${bytes(access.size)} at offset ${off}`),
  ];
  const values = { offset: off, width: access.size, struct };
  const type = q.env.ops.short;
  if (size > 0 && off + access.size > size) {
    return {
      cause: 'CONTEXT_OUTSIDE',
      label: `${struct} has ${bytes(size)}`,
      explanation: `The access reaches to byte ${off + access.size}, and struct ${struct}, the context of ${type} programs, has ${size}.`,
      fix: 'check the program type, and the struct of its context',
      path: fault,
      values,
    };
  }
  const whole = member ?? { off, size: access.size };
  if (access.write && verdict(false, whole.off, whole.size)) {
    return {
      cause: 'CONTEXT_READ_ONLY',
      label: 'may only be read',
      explanation: `${name} may be read by ${type} programs, but not written.`,
      fix: 'use a helper that changes it, or return a verdict instead',
      path: fault,
      values,
    };
  }
  if (member !== undefined && verdict(access.write, member.off, member.size)) {
    return {
      cause: 'CONTEXT_SIZE',
      label: `${bytes(member.size)} wide`,
      explanation: `${name} is ${bytes(member.size)} at offset ${member.off}; this accesses ${bytes(access.size)} at offset ${off}.`,
      fix: 'access the whole member, as it is declared',
      path: fault,
      values,
    };
  }
  return {
    cause: 'CONTEXT_FIELD',
    label: `not for ${type} programs`,
    explanation: `Programs of type ${type} may not ${access.write ? 'write' : 'read'} ${name}.`,
    fix: 'use a helper that gives the same, or another program type',
    path: fault,
    values,
  };
};

const refused =
  (cause: string, say: (call: string, q: Inquiry) => Omit<Finding, 'cause' | 'path' | 'values'>): Detector =>
  (q) => {
    const call = q.callee(q.insn) ?? 'the function';
    return { cause, ...say(call, q), path: [q.event(q.last, 'fault', `calls ${call}`)], values: { call } };
  };

/** CALL.HELPER_NOT_ALLOWED. */
export const helperNotForType = refused('HELPER_NOT_FOR_TYPE', (call, q) => ({
  label: `not for ${q.env.ops.short} programs`,
  explanation: `${call} may not be called by programs of type ${q.env.ops.short}.`,
  fix: 'use another helper that gives the same, or another program type',
}));

/** CALL.GPL_ONLY, STRUCTURE.KFUNC_NOT_GPL. */
export const notGpl = refused('LICENSE_NOT_GPL', (call, q) => ({
  label: 'for programs under the GPL',
  explanation: `${call} may be called by programs under the GPL only, and the licence of this one is "${q.env.input.license}".`,
  fix: 'char license[] SEC("license") = "GPL"; if that is its licence',
}));

/** CALL.MIGHT_SLEEP, KFUNC.SLEEPABLE and their sections. */
export const maySleep = refused('CALL_MAY_SLEEP', (call) => ({
  label: 'may sleep',
  explanation: `${call} may sleep, which is not possible here.`,
  fix: 'use a function that does not sleep, or a sleepable program (a section with .s), outside of locks and RCU sections',
}));

/** CALL.INVALID_FUNC. */
export const helperUnknown = refused('HELPER_UNKNOWN', (_, q) => ({
  label: 'no such helper',
  explanation: `No helper of this kernel has the number ${q.env.insns.imm[q.insn]}.`,
  fix: 'guard the call by what the kernel has, or leave it out',
}));
