/** Rejections of loads of constants, packet loads and malformed memory instructions. */
import { ERRNO } from '../../../../uapi/errno.ts';
import type { Rejection } from '../reject.ts';

const reserved = (what: string) => ({
  errno: ERRNO.EINVAL,
  text: () => `${what} uses reserved fields`,
  why: 'A field of the instruction that must be zero is not. Compilers do not write such code: the encoding is damaged, or from a newer instruction set.',
});

export const LOAD = {
  STX_RESERVED_FIELDS: reserved('BPF_STX'),
  ST_RESERVED_FIELDS: reserved('BPF_ST'),
  LD_IMM64_RESERVED_FIELDS: reserved('BPF_LD_IMM64'),
  LD_ABS_RESERVED_FIELDS: reserved('BPF_LD_[ABS|IND]'),
  MISSING_FUNC_INFO: {
    errno: ERRNO.EINVAL,
    text: () => 'missing btf func_info',
    why: 'The address of a function can only be taken when BTF describes the functions of the program.',
  },
  CALLBACK_NOT_STATIC: {
    errno: ERRNO.EINVAL,
    text: () => 'callback function not static',
    why: 'A callback is verified with what its helper passes, which global functions are not. Make it static.',
  },
  LD_ABS_PROG_TYPE: {
    errno: ERRNO.EINVAL,
    text: () => 'BPF_LD_[ABS|IND] instructions not allowed for this program type',
    why: 'Only socket filters and tc programs have the packet that these loads read. Use direct packet access, or bpf_skb_load_bytes.',
  },
  LD_ABS_R6: {
    errno: ERRNO.EINVAL,
    text: () => 'at the time of BPF_LD_ABS|IND R6 != pointer to skb',
    why: 'These loads read the packet through R6, which must hold the context.',
  },
} as const satisfies Record<string, Rejection<never>>;
