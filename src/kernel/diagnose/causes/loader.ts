/** What loaders refuse before a verifier is asked, and what a kernel lacks: pages for those who explain them. */
import type { Cause } from './cause.ts';

export const LOADER = {
  CORE_UNRESOLVED: {
    title: 'a CO-RE relocation that the types of the kernel do not answer',
    page: 'The program was compiled against types with a struct, member or enumerator that the kernel does not have, or has in another shape. Look at what it is called in this kernel, and choose at run time: bpf_core_field_exists, bpf_core_type_exists and bpf_core_enum_value_exists give 0 where it is missing, and the code behind them is left out.',
    example: {
      bad: 'n = BPF_CORE_READ(inode, i_atime.tv_sec);',
      good: 'if (bpf_core_field_exists(struct inode, i_atime_sec))\n  n = BPF_CORE_READ(inode, i_atime_sec);\nelse\n  n = BPF_CORE_READ((struct inode___old *)inode, i_atime.tv_sec);',
    },
  },
  KERNEL_LACKS: {
    title: 'a kernel function or variable that this kernel does not have',
    page: 'A weak kernel function or variable may be missing, and code that uses it must stand behind a test: if (bpf_ksym_exists(name)). The loader sets the test to false where it is missing, and the verifier leaves that code out. Without __weak the object cannot be loaded at all.',
  },
  MAP_REFUSED: {
    title: 'a map that the kernel does not create as it is defined',
    page: 'Each map type has rules for its flags, sizes and types. The message names the one that is broken. Change the definition of the map in the section .maps.',
  },
  SECTION_UNKNOWN: {
    title: 'a section name that says no program type',
    page: 'Loaders take the type of a program from the name of its section: SEC("xdp"), SEC("tc"), SEC("kprobe/name"). A name that they do not know leaves the type open. Use a known name, or say the type to the loader.',
  },
  NOT_LOADABLE: {
    title: 'the loader gave up before the verifier was asked',
    page: 'The object, or what the program needs of it, could not be prepared. The message says what was missing.',
  },
} as const satisfies Record<string, Cause>;
