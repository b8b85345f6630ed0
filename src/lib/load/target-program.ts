/** Programs whose functions are replaced or traced by others, and the types of those functions. */
import type { Btf } from '../../btf/btf.ts';
import type { BpfSyscall } from '../../uapi/attr/attr.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { readObjInfo } from '../../uapi/obj-info.ts';
import { btfById } from '../btf-by-id.ts';
import { BpfError } from '../errors.ts';

/** Where a program is attached that replaces or traces a function of another program (bpf_program__set_attach_target). */
export interface TargetFunction {
  /** The loaded program, or its descriptor. */
  readonly program: { readonly fd: number };
  /** Name of its function. Default: what the section names. */
  readonly function?: string;
}

/** The target of a program, with the types of its functions. */
export interface TargetProgram {
  readonly fd: number;
  readonly btf: Btf;
  readonly function: string | undefined;
}

/** Asks the kernel for the types of a target program. Throws BpfError when it has none, or the kernel does not show them. */
export function targetProgram(sys: BpfSyscall, op: string, target: TargetFunction): TargetProgram {
  const { fd } = target.program;
  const info = readObjInfo(sys, 'prog', fd);
  if (typeof info === 'number') throw new BpfError({ errno: -info, op, detail: 'the target is no program' });
  const id = Number(info.values.btf_id ?? 0);
  if (id === 0) throw new BpfError({ errno: ERRNO.EINVAL, op, detail: 'the target program was loaded without BTF' });
  const btf = btfById(sys, id);
  if (typeof btf === 'number') throw new BpfError({ errno: -btf, op, detail: `the target's BTF ${id} cannot be read` });
  return { fd, btf, function: target.function };
}

/** The target of one program of the options; undefined when they name none. */
export function targetOf(
  sys: BpfSyscall,
  targets: Readonly<Record<string, TargetFunction>> | undefined,
  { key, name }: { readonly key: string; readonly name: string },
): TargetProgram | undefined {
  const target = targets?.[key] ?? targets?.[name];
  return target === undefined ? undefined : targetProgram(sys, `target of ${name}`, target);
}
