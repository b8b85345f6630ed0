/** BPF_LINK_CREATE on hooks that are not there yet: what is wrong with the attribute is said first, in the kernel's order. */
import type { LinkCreateAttr } from '../../../uapi/attr/attr.ts';
import { BPF_ATTACH_TYPE as A } from '../../../uapi/attach-types.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import * as F from '../../../uapi/flags.ts';
import { BPF_PROG_TYPE as T, bpfProgTypeName } from '../../../uapi/prog-types.ts';
import type { LoadedProg } from '../../object/prog.ts';
import { fdCgroup, fdMap, isSockMap, type SyscallEnv } from '../env.ts';

type Given = LinkCreateAttr['link_create'];
/** -errno, or what this kernel lacks to make the link. */
type Answer = number | { readonly lacking: string };

const MPROG = F.BPF_F_BEFORE | F.BPF_F_AFTER | F.BPF_F_ID | F.BPF_F_LINK;
/** Address families, and hooks of the two that have programs (enum nf_inet_hooks). */
const NFPROTO_IPV4 = 2;
const NFPROTO_IPV6 = 10;
const INET_HOOKS = 5;
const INT_MAX = 0x7fff_ffff;

/** Answers for a program whose type and attach type go together. */
export function linkElsewhere(env: SyscallEnv, prog: LoadedProg, attr: Given): Answer {
  const { progType: type } = prog.verified;
  const flags = attr.flags ?? 0;
  const target = attr.target_fd ?? 0;
  const lacking = { lacking: `hooks for ${bpfProgTypeName(type)} programs` };
  switch (type) {
    case T.BPF_PROG_TYPE_FLOW_DISSECTOR:
    case T.BPF_PROG_TYPE_SK_LOOKUP:
      if (flags !== 0) return -ERRNO.EINVAL;
      // No descriptor of this kernel is a network namespace.
      return env.fds.get(target) === undefined && target > 2 ? -ERRNO.EBADF : -ERRNO.EINVAL;
    case T.BPF_PROG_TYPE_SK_MSG:
    case T.BPF_PROG_TYPE_SK_SKB: {
      if (flags !== 0) return -ERRNO.EINVAL;
      const map = fdMap(env, target);
      return typeof map === 'number' ? map : isSockMap(map) ? lacking : -ERRNO.EINVAL;
    }
    case T.BPF_PROG_TYPE_XDP:
      return env.hasDevice((attr.target_ifindex ?? 0) || target) ? lacking : -ERRNO.EINVAL;
    case T.BPF_PROG_TYPE_SCHED_CLS:
      if (!env.hasDevice((attr.target_ifindex ?? 0) || target)) return -ERRNO.ENODEV;
      // Devices of the simulated host are no netkits.
      if (attr.attach_type === A.BPF_NETKIT_PRIMARY || attr.attach_type === A.BPF_NETKIT_PEER) return -ERRNO.ENXIO;
      return (flags & ~MPROG) === 0 ? lacking : -ERRNO.EINVAL;
    case T.BPF_PROG_TYPE_NETFILTER:
      return netfilter(attr, flags) || lacking;
    default:
      return (flags & ~(MPROG | F.BPF_F_PREORDER)) === 0 ? onCgroup(env, target, lacking) : -ERRNO.EINVAL;
  }
}

/** What is wrong with the descriptor of a control group, or what is lacking to attach there. */
function onCgroup(env: SyscallEnv, fd: number, lacking: Answer): Answer {
  const group = fdCgroup(env, fd);
  return typeof group === 'number' ? group : lacking;
}

/** bpf_nf_link_attach */
function netfilter({ netfilter: given = {} }: Given, flags: number): number {
  const { pf = 0, hooknum = 0, priority = 0, flags: own = 0 } = given;
  if (flags !== 0) return -ERRNO.EINVAL;
  if (pf !== NFPROTO_IPV4 && pf !== NFPROTO_IPV6) return -ERRNO.EAFNOSUPPORT;
  if (hooknum >= INET_HOOKS) return -ERRNO.EPROTO;
  if ((own & ~F.BPF_F_NETFILTER_IP_DEFRAG) !== 0) return -ERRNO.EOPNOTSUPP;
  return priority === -INT_MAX - 1 || priority === INT_MAX ? -ERRNO.ERANGE : 0;
}
