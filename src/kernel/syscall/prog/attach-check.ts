/** expected_attach_type, attach targets and privileges that PROG_LOAD accepts of each program type. */
import { BTF_MAX_TYPE } from '../../../btf/header.ts';
import type { ProgLoadAttr } from '../../../uapi/attr/attr.ts';
import type { LoadedProg } from '../../object/prog.ts';
import { attachesAs } from '../../rules/attach-as.ts';
import type { SyscallEnv } from '../env.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_PROG_TYPE as T } from '../../../uapi/prog-types.ts';
import type { Rules } from '../../rules/compile.ts';
import { capable } from '../../rules/prog-ops.ts';
import type { Caps } from '../../rules/prog-type.ts';

/** The attach type that 0 means (bpf_prog_load_fixup_attach_type). */
export function fixupAttachType(rules: Rules, type: number, expected: number): number {
  return expected === 0 ? (rules.progRow(type)?.defaultAttach ?? 0) : expected;
}

/** 0 or -EPERM. */
export function checkCaps(rules: Rules, type: number, caps: Caps): number {
  return (rules.progRow(type)?.loadCaps ?? []).every((cap) => capable(caps, cap)) ? 0 : -ERRNO.EPERM;
}

/** The attach target that the loader named. */
export type AttachTarget = 'none' | 'btf' | 'prog';

/** 0 or -EINVAL (bpf_prog_load_check_attach). */
export function checkAttach(rules: Rules, attr: ProgLoadAttr, expected: number, target: AttachTarget): number {
  const hasTarget = target !== 'none';
  const targetIsProg = target === 'prog';
  const row = rules.progRow(attr.prog_type);
  const btfId = attr.attach_btf_id ?? 0;
  if (btfId !== 0) {
    if (btfId > BTF_MAX_TYPE || !hasTarget || row?.attachBtf !== true) return -ERRNO.EINVAL;
  }
  if (hasTarget && !targetIsProg && btfId === 0) return -ERRNO.EINVAL;
  if (targetIsProg && attr.prog_type !== T.BPF_PROG_TYPE_TRACING && attr.prog_type !== T.BPF_PROG_TYPE_EXT)
    return -ERRNO.EINVAL;
  const allowed = row?.attachTypes;
  return allowed === undefined || allowed.includes(expected) ? 0 : -ERRNO.EINVAL;
}

/** Whether a program may be attached as an attach type says: 0 or -errno (bpf_prog_attach_check_attach_type). */
export function checkAttachAs({ caps }: SyscallEnv, { verified }: LoadedProg, attachType: number): number {
  const { progType, expectedAttachType } = verified;
  // Who may load such a program need not be allowed to attach it.
  if (progType === T.BPF_PROG_TYPE_CGROUP_SKB && !caps.netAdmin && !caps.sysAdmin) return -ERRNO.EPERM;
  return attachesAs(progType, expectedAttachType, attachType) ? 0 : -ERRNO.EINVAL;
}
