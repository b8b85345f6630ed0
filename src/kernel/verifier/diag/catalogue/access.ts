/** Rejections of memory accesses. */
import { ERRNO } from '../../../../uapi/errno.ts';
import type { Rejection } from '../reject.ts';

const BOUNDS =
  'The access is not proved to lie within the memory that the pointer leads to. Compare the index with the size first.';
const LEAK = 'A kernel address would become readable by a program without CAP_PERFMON.';
const MODIFIED =
  'Pointers of this kind may only be used as they were given. Put the offset into the load or store instead of adding it to the pointer.';

const leak = (what: string) => ({
  errno: ERRNO.EACCES,
  text: (regno: number) => `R${regno} leaks addr into ${what}`,
  why: LEAK,
});

export const ACCESS = {
  INVALID_MEM_ACCESS: {
    errno: ERRNO.EACCES,
    text: (regno: number, type: string) => `R${regno} invalid mem access '${type}'`,
    why: 'The register holds no pointer that may be dereferenced: a number, or a pointer that may be NULL.',
  },
  CANNOT_WRITE: {
    errno: ERRNO.EACCES,
    text: (regno: number, type: string) => `R${regno} cannot write into ${type}`,
    why: 'The memory is read-only for programs. Copy it to the stack, or to a map, and change it there.',
  },
  WRITE_MAP_KEY: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `write to change key R${regno} not allowed`,
    why: 'The key of a map element cannot be changed in place. Delete the element and insert another with the new key.',
  },
  LEAK_MAP: leak('map'),
  LEAK_MEM: leak('mem'),
  LEAK_CTX: leak('ctx'),
  LEAK_PACKET: leak('packet'),
  LEAK_FLOW_KEYS: leak('flow keys'),
  MISALIGNED: {
    errno: ERRNO.EACCES,
    text: (what: string, tnum: string, regOff: number, off: number, size: number) =>
      `misaligned ${what}access off ${tnum}+${regOff}+${off} size ${size}`,
    why: 'The address must be a multiple of the size of the access. Align the member, or read it byte by byte.',
  },
  MISALIGNED_PACKET: {
    errno: ERRNO.EACCES,
    text: (tnum: string, regOff: number, off: number, size: number) =>
      `misaligned packet access off 2+${tnum}+${regOff}+${off} size ${size}`,
    why: 'With strict alignment the address must be a multiple of the size, counting the two bytes that align IP headers.',
  },
  NEGATIVE_INDEX: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} min value is negative, either use unsigned index or do a if (index >=0) check.`,
    why: 'The index may be negative here. Make it unsigned, mask it, or compare it with 0 first.',
  },
  MIN_OUTSIDE: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} min value is outside of the allowed memory range`,
    why: BOUNDS,
  },
  MAX_OUTSIDE: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} max value is outside of the allowed memory range`,
    why: BOUNDS,
  },
  UNBOUNDED: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} unbounded memory access, make sure to bounds check any such access`,
    why: BOUNDS,
  },
  MAP_WRITE_FORBIDDEN: {
    errno: ERRNO.EACCES,
    text: (vs: number, off: number, size: number) =>
      `write into map forbidden, value_size=${vs} off=${off} size=${size}`,
    why: 'The map was created read-only for programs (BPF_F_RDONLY_PROG), as .rodata is. Drop the flag, or keep what changes in another map.',
  },
  MAP_READ_FORBIDDEN: {
    errno: ERRNO.EACCES,
    text: (vs: number, off: number, size: number) =>
      `read from map forbidden, value_size=${vs} off=${off} size=${size}`,
    why: 'The map was created write-only for programs (BPF_F_WRONLY_PROG). Drop the flag, or keep what is read in another map.',
  },
  FIELD_INDIRECT: {
    errno: ERRNO.EACCES,
    text: (field: string) => `${field} cannot be accessed indirectly by helper`,
    why: 'Kernel pointers in map values are only changed by loads, stores and bpf_kptr_xchg. Pass a part of the value that holds none to the helper.',
  },
  FIELD_VARIABLE: {
    errno: ERRNO.EACCES,
    text: (field: string) => `${field} access cannot have variable offset`,
    why: 'Which kernel pointer of the value is meant must be known when the program is loaded. Address it with a constant.',
  },
  FIELD_MISALIGNED: {
    errno: ERRNO.EACCES,
    text: (field: string, expected: number, off: number) =>
      `${field} access misaligned expected=${expected} off=${off}`,
    why: 'A kernel pointer in a map value is read and written as a whole: eight bytes, from its own offset.',
  },
  FIELD_SIZE: {
    errno: ERRNO.EACCES,
    text: (field: string) => `${field} access size must be BPF_DW`,
    why: 'A kernel pointer in a map value is read and written as a whole: eight bytes, from its own offset.',
  },
  FIELD_DIRECT: {
    errno: ERRNO.EACCES,
    text: (field: string) => `${field} cannot be accessed directly by load/store`,
    why: 'This member of the map value (a lock, timer, list and the like) belongs to the kernel; only its helpers may touch it. Access the others.',
  },
  KPTR_STORE: {
    errno: ERRNO.EACCES,
    text: () => 'store to referenced kptr disallowed',
    why: 'The member owns a reference, which a plain store would lose. Exchange the pointer with bpf_kptr_xchg.',
  },
  KPTR_STORE_UPTR: {
    errno: ERRNO.EACCES,
    text: () => 'store to uptr disallowed',
    why: 'A user pointer is set by user space only, when it updates the element. The program can read it.',
  },
  KPTR_IMM: {
    errno: ERRNO.EACCES,
    text: (off: number) => `BPF_ST imm must be 0 when storing to kptr at off=${off}`,
    why: 'A constant would become a kernel pointer. Only NULL can be stored this way.',
  },
  KPTR_INSN: {
    errno: ERRNO.EACCES,
    text: () => 'kptr in map can only be accessed using BPF_MEM instruction mode',
    why: 'Kernel pointers in map values are only loaded and stored plainly, not by atomic or sign-extending instructions. Use bpf_kptr_xchg to exchange one.',
  },
  PACKET_RANGE: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} offset is outside of the packet`,
    why: 'Compare the pointer with data_end first: the packet may be shorter than what is read here.',
  },
  PACKET_PAST_END: {
    errno: ERRNO.EINVAL,
    text: (regno: number) => `R${regno} offset is outside of the packet`,
    why: 'On this path the pointer is known to be at or beyond the end of the packet. Was the comparison with data_end meant the other way round?',
  },
  PACKET_WRITE: {
    errno: ERRNO.EACCES,
    text: () => 'cannot write into packet',
    why: 'Programs of this type only read packets. Use a type that may write, such as tc or XDP.',
  },
  PTR_NEGATIVE: {
    errno: ERRNO.EACCES,
    text: (type: string, regno: number, off: number) => `negative offset ${type} ptr R${regno} off=${off} disallowed`,
    why: MODIFIED,
  },
  PTR_MODIFIED: {
    errno: ERRNO.EACCES,
    text: (type: string, regno: number, off: number) =>
      `dereference of modified ${type} ptr R${regno} off=${off} disallowed`,
    why: MODIFIED,
  },
  PTR_VARIABLE: {
    errno: ERRNO.EACCES,
    text: (type: string, tnum: string) => `variable ${type} access var_off=${tnum} disallowed`,
    why: MODIFIED,
  },
  CTX: {
    errno: ERRNO.EACCES,
    text: (off: number, size: number) => `invalid bpf_context access off=${off} size=${size}`,
    why: 'Programs of this type may not access this part of the context, or not with this size, or only read it. Access a whole member that this type offers.',
  },
  CTX_RELEASED: {
    errno: ERRNO.EACCES,
    text: (off: number) => `invalid bpf_context access off=${off}. Reference may already be released`,
    why: 'The object that this argument comes with was given away. Load it before, and use it before it is given away.',
  },
  FLOW_KEYS: {
    errno: ERRNO.EACCES,
    text: (off: number, size: number) => `invalid access to flow keys off=${off} size=${size}`,
    why: 'The access is outside struct bpf_flow_keys. Access its members only.',
  },
  SOCK: {
    errno: ERRNO.EACCES,
    text: (regno: number, type: string, off: number, size: number) =>
      `R${regno} invalid ${type} access off=${off} size=${size}`,
    why: 'This part of the socket structure is not accessible, or not with this size. Access a whole member of the UAPI struct; bpf_sk_fullsock and bpf_tcp_sock give more of them.',
  },
  BUFFER_NEGATIVE: {
    errno: ERRNO.EACCES,
    text: (regno: number, what: string, off: number, size: number) =>
      `R${regno} invalid ${what} buffer access: off=${off}, size=${size}`,
    why: 'The access is before the buffer. Begin at its pointer.',
  },
  BUFFER_VARIABLE: {
    errno: ERRNO.EACCES,
    text: (regno: number, off: number, tnum: string) =>
      `R${regno} invalid variable buffer offset: off=${off}, var_off=${tnum}`,
    why: 'The buffer is addressed with constants. Unroll the loop, or copy the buffer to the stack.',
  },
  DIFFERENT_POINTERS: {
    errno: ERRNO.EINVAL,
    text: () => 'same insn cannot be used with different pointers',
    why: 'The instruction is rewritten for one kind of pointer; give the paths an instruction each.',
  },
  ATOMIC_OP: {
    errno: ERRNO.EINVAL,
    text: (imm: number) => `BPF_ATOMIC uses invalid atomic opcode ${(imm >>> 0).toString(16).padStart(2, '0')}`,
    why: 'No atomic operation has this number. Was the program compiled for another instruction set? -mcpu=v3 has those of this kernel.',
  },
  ATOMIC_SIZE: {
    errno: ERRNO.EINVAL,
    text: () => 'invalid atomic operand size',
    why: 'Atomic operations are 32 or 64 bits wide. Use an int or a long.',
  },
  ATOMIC_STORES: {
    errno: ERRNO.EACCES,
    text: (regno: number, type: string) => `BPF_ATOMIC stores into R${regno} ${type} is not allowed`,
    why: 'Atomic operations are not possible on this kind of memory. Use them on map values, or on the stack.',
  },
  ATOMIC_LOADS: {
    errno: ERRNO.EACCES,
    text: (regno: number, type: string) => `BPF_ATOMIC loads from R${regno} ${type} is not allowed`,
    why: 'Atomic operations are not possible on this kind of memory. Use them on map values, or on the stack.',
  },
} as const satisfies Record<string, Rejection<never>>;

/** Kernel BTF pointers. */
export const BTF_ACCESS = {
  SPECIAL_FIELD: {
    errno: ERRNO.EACCES,
    text: (field: string) => `direct access to ${field} is disallowed`,
    why: 'This member of an allocated object belongs to the kernel: use its functions.',
  },
  PERFMON: {
    errno: ERRNO.EPERM,
    text: (name: string) => `'struct ${name}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN`,
    why: 'Reading kernel structures needs CAP_PERFMON. Load the program with that capability.',
  },
  GPL: {
    errno: ERRNO.EINVAL,
    text: (name: string) => `Cannot access kernel 'struct ${name}' from non-GPL compatible program`,
    why: "Kernel structures are read by programs under a GPL compatible licence only. Set the license string of the object to one, for example to 'GPL'.",
  },
  NEGATIVE: {
    errno: ERRNO.EACCES,
    text: (regno: number, name: string, off: number) => `R${regno} is ptr_${name} invalid negative access: off=${off}`,
    why: 'The access is before the structure. A pointer to a member does not lead back to its container: keep the pointer to the whole.',
  },
  VARIABLE: {
    errno: ERRNO.EACCES,
    text: (regno: number, name: string, off: number, tnum: string) =>
      `R${regno} is ptr_${name} invalid variable offset: off=${off}, var_off=${tnum}`,
    why: 'Kernel structures are addressed with constants. Use bpf_probe_read_kernel where the offset varies.',
  },
  USER: {
    errno: ERRNO.EACCES,
    text: (regno: number, name: string, off: number) => `R${regno} is ptr_${name} access user memory: off=${off}`,
    why: 'The pointer leads to user memory; use bpf_probe_read_user.',
  },
  PERCPU: {
    errno: ERRNO.EACCES,
    text: (regno: number, name: string, off: number) => `R${regno} is ptr_${name} access percpu memory: off=${off}`,
    why: 'The pointer stands for a copy on each CPU, so it must be said which one is meant. Use bpf_per_cpu_ptr or bpf_this_cpu_ptr first.',
  },
  READ_ONLY: {
    errno: ERRNO.EACCES,
    text: () => 'only read is supported',
    why: 'Kernel structures cannot be written through this pointer. Some have functions of the kernel that change them.',
  },
  NO_WRITE: {
    errno: ERRNO.EACCES,
    text: (name: string, off: number) => `no write support to ${name} at off ${off}`,
    why: 'Programs may write only a few members of this structure, and not this one. Read it, or look for a function of the kernel that changes it.',
  },
  WRITE_BEYOND_MEMBER: {
    errno: ERRNO.EACCES,
    text: (off: number, size: number, name: string, end: number) =>
      `write access at off ${off} with size ${size} beyond the member of ${name} ended at ${end}`,
    why: 'One store may not change two members. Write each with its own size.',
  },
  WRITE_ONLY_TO: {
    errno: ERRNO.EACCES,
    text: (name: string) => `only access to ${name} is supported`,
    why: 'The kernel lets implementations of this table write one structure only. All others are read-only for them.',
  },
  WRITE_BEYOND: {
    errno: ERRNO.EACCES,
    text: (off: number, size: number) => `write access at off ${off} with size ${size}`,
    why: 'The store is outside the structure. Write its members only.',
  },
  MAP_READ_ONLY: {
    errno: ERRNO.EACCES,
    text: (name: string) => `only read from ${name} is supported`,
    why: 'The kernel structure of a map can only be read. Its elements are changed through bpf_map_lookup_elem and bpf_map_update_elem.',
  },
  MAP_NEGATIVE: {
    errno: ERRNO.EACCES,
    text: (regno: number, name: string, off: number) => `R${regno} is ${name} invalid negative access: off=${off}`,
    why: 'The access is before the structure. A pointer to a member does not lead back to its container: keep the pointer to the whole.',
  },
  MAP_TYPE: {
    errno: ERRNO.ENOTSUPP,
    text: (type: number) => `map_ptr access not supported for map type ${type}`,
    why: "The kernel structure of this map type is not described by the kernel's BTF. Read what the map's definition says, as constants.",
  },
  NO_BTF: {
    errno: ERRNO.ENOTSUPP,
    text: () => 'map_ptr access not supported without CONFIG_DEBUG_INFO_BTF',
    why: 'Kernel structures are read by their types, and no kernel BTF is available. Give one, or do not read the struct of the map.',
  },
  BEYOND_STRUCT: {
    errno: ERRNO.EACCES,
    text: (name: string, off: number, size: number) => `access beyond struct ${name} at off ${off} size ${size}`,
    why: 'The access is outside the structure. Was the program compiled for another kernel? CO-RE relocates member offsets.',
  },
  BEYOND_MEMBER: {
    errno: ERRNO.EACCES,
    text: (member: string, end: number, name: string, off: number, size: number) =>
      `access beyond the end of member ${member} (mend:${end}) in struct ${name} with off ${off} size ${size}`,
    why: 'One access may not span two members. Read each with its own size.',
  },
  FIELD_SIZE: {
    errno: ERRNO.EFAULT,
    text: (field: string) => `field ${field} doesn't have size`,
    why: 'The member has a type behind more than 32 typedefs, modifiers and arrays.',
  },
  NO_FIELD: {
    errno: ERRNO.EINVAL,
    text: (name: string, off: number) => `struct ${name} doesn't have field at offset ${off}`,
    why: 'There is padding at this offset. Was the program compiled for another kernel? CO-RE relocates member offsets.',
  },
  CANNOT_ACCESS: {
    errno: ERRNO.EACCES,
    text: (member: string, moff: number, name: string, off: number, size: number) =>
      `cannot access ptr member ${member} with moff ${moff} in struct ${name} with off ${off} size ${size}`,
    why: 'A pointer is read as a whole, in eight bytes. Use bpf_probe_read_kernel for a part of it.',
  },
  NOT_STRUCT: {
    errno: ERRNO.EINVAL,
    text: (name: string) => `Type '${name}' is not a struct`,
    why: 'The pointer does not lead to a structure whose layout is known. Read through bpf_probe_read_kernel.',
  },
} as const satisfies Record<string, Rejection<never>>;
