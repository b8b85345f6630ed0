/** The BTF id of what a tracing, LSM, iterator or struct_ops program attaches to (attach_btf_id). */
import type { Btf } from '../../btf/btf.ts';
import { BTF_KIND } from '../../btf/types.ts';
import { BPF_ATTACH_TYPE as A, BPF_ATTACH_TYPE_NEWER as N } from '../../uapi/attach-types.ts';
import { BPF_PROG_TYPE as P } from '../../uapi/prog-types.ts';
import { type BpfError, loaderError } from '../errors.ts';
import type { TargetProgram } from '../load/target-program.ts';
import type { ProgramSpec } from '../spec.ts';

export interface AttachTarget {
  readonly btfId: number;
  readonly expectedAttachType: number;
}

/** Attach types of programs for many functions at once, whose targets are named when they are attached. */
const TRAMPOLINE_MULTI: ReadonlySet<number> = new Set([
  N.BPF_TRACE_FENTRY_MULTI,
  N.BPF_TRACE_FEXIT_MULTI,
  N.BPF_TRACE_FSESSION_MULTI,
]);

/** Prefix and kind of the kernel's own type for a hook. */
function hookType(program: ProgramSpec): { prefix: string; kind: number } {
  switch (program.expectedAttachType) {
    case A.BPF_TRACE_RAW_TP:
      return { prefix: 'btf_trace_', kind: BTF_KIND.TYPEDEF };
    case A.BPF_LSM_MAC:
    case A.BPF_LSM_CGROUP:
      return { prefix: 'bpf_lsm_', kind: BTF_KIND.FUNC };
    case A.BPF_TRACE_ITER:
      return { prefix: 'bpf_iter_', kind: BTF_KIND.FUNC };
    default:
      return { prefix: '', kind: BTF_KIND.FUNC };
  }
}

const refuse = (program: ProgramSpec, code: 'EINVAL' | 'ESRCH' | 'ENOENT' | 'EOPNOTSUPP', detail: string): BpfError =>
  loaderError(`resolve ${program.key}`, code, detail);

/** Resolves the target in the kernel's BTF, or in the BTF of the program that is traced or replaced. Throws BpfError. */
export function attachTarget(
  program: ProgramSpec,
  kernel: Btf | undefined,
  target: TargetProgram | undefined,
): AttachTarget {
  if (program.type === P.BPF_PROG_TYPE_STRUCT_OPS) return structOpsTarget(program, kernel);
  if (TRAMPOLINE_MULTI.has(program.expectedAttachType))
    throw refuse(
      program,
      'EOPNOTSUPP',
      `section ${program.section} needs a kernel newer than 6.18, whose rules are not known here`,
    );
  const none = { btfId: 0, expectedAttachType: program.expectedAttachType };
  if (!program.attachBtf) return none;
  const wanted = target?.function ?? program.attachTo;
  if (wanted === '')
    throw refuse(program, 'EINVAL', `section ${program.section} does not name what the program attaches to`);
  if (target !== undefined) {
    const id = target.btf.find(wanted, BTF_KIND.FUNC);
    if (id === 0) throw refuse(program, 'ENOENT', `the target program has no function ${wanted}`);
    return { ...none, btfId: id };
  }
  if (program.type === P.BPF_PROG_TYPE_EXT)
    throw refuse(program, 'EINVAL', `it replaces ${wanted} of another program, which was not given (attachTargets)`);
  if (kernel === undefined) throw refuse(program, 'ESRCH', 'the kernel has no BTF to find the attach target in');
  const { prefix, kind } = hookType(program);
  const name = program.attachTo.includes(':')
    ? program.attachTo.slice(program.attachTo.indexOf(':') + 1)
    : program.attachTo;
  const id = kernel.find(prefix + name, kind);
  if (id === 0) throw refuse(program, 'ESRCH', `${prefix}${name} is not found in the kernel's BTF`);
  return { ...none, btfId: id };
}

/** struct_ops programs name the kernel's struct and the member that they implement. */
function structOpsTarget(program: ProgramSpec, kernel: Btf | undefined): AttachTarget {
  const ops = program.structOps;
  if (ops === undefined) {
    throw refuse(program, 'EINVAL', 'no struct_ops map refers to this program');
  }
  const name = ops.typeName.replace(/___.*$/, '');
  const id = kernel?.find(name, BTF_KIND.STRUCT) ?? 0;
  if (kernel === undefined || id === 0)
    throw refuse(program, 'ESRCH', `struct ${name} is not found in the kernel's BTF`);
  const member = kernel.type(id)?.members.findIndex((m) => m.name === ops.memberName) ?? -1;
  if (member < 0) throw refuse(program, 'ENOENT', `struct ${name} of the kernel has no member ${ops.memberName}`);
  return { btfId: id, expectedAttachType: member };
}
