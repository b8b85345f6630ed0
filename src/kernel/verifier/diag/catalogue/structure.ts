/** Rejections before any instruction is explored: layout, jumps, BTF records, ld_imm64, maps, stack sizes. */
import { ERRNO } from '../../../../uapi/errno.ts';
import type { Rejection } from '../reject.ts';

const { EACCES, E2BIG, EINVAL, ENOENT, EPERM } = ERRNO;
const fixed = (text: string) => () => text;

export const STRUCTURE = {
  CALLS_NOT_PERMITTED: {
    errno: EPERM,
    text: fixed('loading/calling other bpf or kernel functions are allowed for CAP_BPF and CAP_SYS_ADMIN'),
    why: 'Functions, callbacks and kernel functions need CAP_BPF. Inline the code, or load with the capability.',
  },
  CALL_DESTINATION: {
    errno: EINVAL,
    text: fixed('call to invalid destination'),
    why: 'A call or function pointer names an instruction outside the program. Was the object linked, and the call relocated?',
  },
  TOO_MANY_SUBPROGS: {
    errno: E2BIG,
    text: fixed('too many subprograms'),
    why: 'A program may have at most 256 functions, the main one included.',
  },
  JUMP_OUT_OF_RANGE: {
    errno: EINVAL,
    text: (from: number, to: number) => `jump out of range from insn ${from} to ${to}`,
    why: 'A jump leaves the function that it stands in. Jumps stay inside one; call the other function instead.',
  },
  LAST_INSN: {
    errno: EINVAL,
    text: fixed('last insn is not an exit or jmp'),
    why: 'Execution would run from the end of a function into the next one. End each with an exit or a jump back.',
  },
  UNREACHABLE: {
    errno: EINVAL,
    text: (insn: number) => `unreachable insn ${insn}`,
    why: 'No path leads to this instruction. Remove it; compilers do so with -O1 and above.',
  },
  BACK_EDGE: {
    errno: EINVAL,
    text: (from: number, to: number) => `back-edge from insn ${from} to ${to}`,
    why: 'Without CAP_BPF a program must not have loops. Unroll them, or load with the capability.',
  },
  MIDDLE_OF_LDIMM64: {
    errno: EINVAL,
    text: (insn: number) => `jump into the middle of ldimm64 insn ${insn}`,
    why: 'A 64-bit load takes two slots; a jump lands on the second. The offset of the jump is wrong by one.',
  },
  LDX_RESERVED: {
    errno: EINVAL,
    text: fixed('BPF_LDX uses reserved fields'),
    why: 'A load has a mode other than MEM or MEMSX, or an immediate that is not zero.',
  },
  LDIMM64_INVALID: {
    errno: EINVAL,
    text: fixed('invalid bpf_ld_imm64 insn'),
    why: 'The second slot of a 64-bit load is missing, or has fields other than the immediate.',
  },
  LDIMM64_UNRECOGNIZED: {
    errno: EINVAL,
    text: fixed('unrecognized bpf_ld_imm64 insn'),
    why: 'The source register of a 64-bit load names no kind of constant that this kernel knows.',
  },
  FD_IDX_WITHOUT_ARRAY: {
    errno: ERRNO.EPROTO,
    text: fixed('fd_idx without fd_array is invalid'),
    why: 'The instruction names a map by its index in fd_array, but the load gave no such array.',
  },
  FD_ARRAY_FAULT: {
    errno: ERRNO.EFAULT,
    text: fixed(''),
    why: 'The index lies beyond the readable part of fd_array. The loader must give an array with all maps that the code names.',
  },
  NOT_A_MAP: {
    errno: EINVAL,
    text: (fd: number) => `fd ${fd} is not pointing to valid bpf_map`,
    why: 'The file descriptor is open, but it is no map. Was the program relocated with the right descriptors?',
  },
  BAD_MAP_FD: {
    errno: ERRNO.EBADF,
    text: (fd: number) => `fd ${fd} is not pointing to valid bpf_map`,
    why: 'No such file descriptor is open. Programs are relocated with the fds of their maps before they are loaded.',
  },
  TOO_MANY_MAPS: {
    errno: E2BIG,
    text: fixed('The total number of maps per program has reached the limit of 64'),
    why: 'A program may name at most 64 maps. Join maps of one kind, or use a map of maps.',
  },
  DIRECT_VALUE_OFFSET: {
    errno: EINVAL,
    text: (off: number) => `direct value offset of ${off} is not allowed`,
    why: 'The offset into the map value is beyond what any value can have (2^29).',
  },
  DIRECT_VALUE_TYPE: {
    errno: EINVAL,
    text: fixed('no direct value access support for this map type'),
    why: 'Only array maps of one element (and arenas) have values whose address is known at load time.',
  },
  DIRECT_VALUE_RANGE: {
    errno: EINVAL,
    text: (size: number, off: number) => `invalid access to map value pointer, value_size=${size} off=${off}`,
    why: 'The offset lies beyond the map value. Check the index against the size of the global variable.',
  },
  DIRECT_VALUE_MANY: {
    errno: ERRNO.ENOTSUPP,
    text: (size: number, off: number) => `invalid access to map value pointer, value_size=${size} off=${off}`,
    why: 'Direct value addresses exist only for arrays with exactly one element.',
  },
  DIRECT_VALUE_ARENA: {
    errno: ERRNO.ERANGE,
    text: (size: number, off: number) => `invalid access to map value pointer, value_size=${size} off=${off}`,
    why: 'The offset lies beyond the arena. Make the arena larger (max_entries counts pages).',
  },
  UNKNOWN_OPCODE: {
    errno: EINVAL,
    text: (code: number) => `unknown opcode ${code.toString(16).padStart(2, '0')}`,
    why: 'Linux 6.18 has no such instruction. Compile with an older -mcpu, v3 or v4.',
  },
  PSEUDO_BTF_NO_TYPE: {
    errno: ENOENT,
    text: (id: number) => `ldimm64 insn specifies invalid btf_id ${id}.`,
    why: 'The kernel BTF has no type of that number. Was the program relocated against another kernel?',
  },
  PSEUDO_BTF_KIND: {
    errno: EINVAL,
    text: (id: number) => `pseudo btf_id ${id} in ldimm64 isn't KIND_VAR or KIND_FUNC`,
    why: 'Only kernel variables and functions have addresses that a program may load.',
  },
  PSEUDO_BTF_SIZE: {
    errno: EINVAL,
    text: (name: string, err: number) => `ldimm64 unable to resolve the size of type '${name}': ${err}`,
    why: 'The type of the kernel variable has no size, so nothing is known about what may be read. Declare it with a type that is defined.',
  },
  PSEUDO_BTF_MODULE: {
    errno: EINVAL,
    text: fixed('invalid module BTF object FD specified.'),
    why: 'Variables of kernel modules are not available: the fd names no module BTF. Is the module loaded that the program was relocated against?',
  },
  NO_KERNEL_BTF: {
    errno: EINVAL,
    text: fixed('kernel is missing BTF, make sure CONFIG_DEBUG_INFO_BTF=y is specified in Kconfig.'),
    why: 'The program refers to kernel types, and no kernel BTF was given.',
  },
  KFUNC_WITHOUT_BTF: {
    errno: ERRNO.ENOTSUPP,
    text: fixed('calling kernel function is not supported without CONFIG_DEBUG_INFO_BTF'),
    why: 'Kernel functions are found by their type, and no kernel BTF was given.',
  },
  KFUNC_NOT_GPL: {
    errno: EINVAL,
    text: fixed('cannot call kernel function from non-GPL compatible program'),
    why: 'Kernel functions may be called only by programs under a GPL compatible licence.',
  },
  KFUNC_NO_FD_ARRAY: {
    errno: ERRNO.EPROTO,
    text: fixed('kfunc offset > 0 without fd_array is invalid\nfailed to find BTF for kernel function'),
    why: 'A function of a kernel module is named by an index in fd_array, but the load gave no such array.',
  },
  KFUNC_OFFSET: {
    errno: EINVAL,
    text: fixed('negative offset disallowed for kernel module function call\nfailed to find BTF for kernel function'),
    why: 'The offset of a kernel function call is an index in fd_array and must not be negative.',
  },
  KFUNC_MODULE: {
    errno: EINVAL,
    text: fixed('invalid module BTF fd specified\nfailed to find BTF for kernel function'),
    why: 'Functions of kernel modules are not available: the fd names no module BTF. Is the module loaded that the program was relocated against?',
  },
  KFUNC_NOT_FUNC: {
    errno: EINVAL,
    text: (id: number) => `kernel btf_id ${id} is not a function`,
    why: 'The call names a kernel type that is no function. Was the program relocated against another kernel?',
  },
  KFUNC_TOO_MANY: {
    errno: E2BIG,
    text: fixed('too many different kernel function calls'),
    why: 'A program may call at most 256 different kernel functions. Split it.',
  },
  FUNC_INFO_FIRST: {
    errno: EINVAL,
    text: (off: number) => `nonzero insn_off ${off} for the first func info record`,
    why: 'The first function begins at the first instruction, and so must the first func_info record. The section .BTF.ext is damaged.',
  },
  FUNC_INFO_ORDER: {
    errno: EINVAL,
    text: (off: number, prev: number) =>
      `same or smaller insn offset (${off}) than previous func info record (${prev})`,
    why: 'func_info records stand in the order of their instructions. The section .BTF.ext is damaged.',
  },
  FUNC_INFO_TYPE: {
    errno: EINVAL,
    text: (id: number) => `invalid type id ${id} in func info`,
    why: 'A func_info record names a type that is no function. The sections .BTF and .BTF.ext do not belong together.',
  },
  FUNC_INFO_PROTO: {
    errno: EINVAL,
    text: fixed(''),
    why: 'The FUNC type of a func_info record has no prototype. The section .BTF is damaged.',
  },
  FUNC_INFO_COUNT: {
    errno: EINVAL,
    text: fixed("number of funcs in func_info doesn't match number of subprogs"),
    why: 'Every function needs one func_info record. Compile all of the program with -g, or none of it.',
  },
  FUNC_INFO_LAYOUT: {
    errno: EINVAL,
    text: fixed("func_info BTF section doesn't match subprog layout in BPF program"),
    why: 'The func_info records begin at other instructions than the functions do. Was the code changed after it was compiled?',
  },
  LD_ABS_RETURN: {
    errno: EINVAL,
    text: fixed("LD_ABS is only allowed in functions that return 'int'."),
    why: 'LD_ABS ends the function with 0 when the packet is too short, so the function must return a number.',
  },
  TAIL_CALL_RETURN: {
    errno: EINVAL,
    text: fixed("tail_call is only allowed in functions that return 'int'."),
    why: 'A tail call returns what the other program returns, so the function must return a number.',
  },
  LD_ABS_NO_BTF: {
    errno: EINVAL,
    text: fixed('LD_ABS is not allowed in subprogs without BTF'),
    why: 'LD_ABS may end a function early; only BTF tells that its return value is a number.',
  },
  TAIL_CALL_NO_BTF: {
    errno: EINVAL,
    text: fixed('tail_call is not allowed in subprogs without BTF'),
    why: 'A tail call ends the function early; only BTF tells that its return value is a number.',
  },
  LINE_INFO_OFF: {
    errno: EINVAL,
    text: (i: number, off: number, prev: number, len: number) =>
      `Invalid line_info[${i}].insn_off:${off} (prev_offset:${prev} prog->len:${len})`,
    why: 'line_info records stand in the order of their instructions, and within the program. The section .BTF.ext is damaged.',
  },
  LINE_INFO_CODE: {
    errno: EINVAL,
    text: (i: number) => `Invalid insn code at line_info[${i}].insn_off`,
    why: 'A line_info record names the second slot of a 64-bit load. Was the code changed after it was compiled?',
  },
  LINE_INFO_STR: {
    errno: EINVAL,
    text: (i: number) => `Invalid line_info[${i}].line_off or .file_name_off`,
    why: 'A line_info record points outside the string section. The sections .BTF and .BTF.ext do not belong together.',
  },
  LINE_INFO_MISSING_FUNC: {
    errno: EINVAL,
    text: (func: number) => `missing bpf_line_info for func#${func}`,
    why: 'When there is line_info, every function begins with a record. Compile all of the program with -g.',
  },
  LINE_INFO_MISSING_FUNCS: {
    errno: EINVAL,
    text: (count: number, func: number) => `missing bpf_line_info for ${count} funcs starting from func#${func}`,
    why: 'When there is line_info, every function begins with a record. Compile all of the program with -g.',
  },
  EXCEPTION_CB_MULTIPLE: {
    errno: ERRNO.EEXIST,
    text: fixed('multiple exception callback tags for main subprog'),
    why: 'A program has one exception callback at most. Keep one __exception_cb annotation.',
  },
  EXCEPTION_CB_NOT_FOUND: {
    errno: ENOENT,
    text: (name: string) => `exception callback '${name}' could not be found in BTF`,
    why: 'The __exception_cb annotation names a function that the program does not have. Check its spelling.',
  },
  EXCEPTION_CB_LINKAGE: {
    errno: EINVAL,
    text: (name: string) => `exception callback '${name}' must have global linkage`,
    why: 'The exception callback is verified by itself, as global functions are. It must not be static.',
  },
  EXCEPTION_CB_FIRST: {
    errno: EINVAL,
    text: fixed('invalid exception callback insn_off in func_info: 0'),
    why: 'The main program cannot be its own exception callback. Write a function of its own.',
  },
  EXCEPTION_CB_NO_INFO: {
    errno: EINVAL,
    text: fixed('exception callback type id not found in func_info'),
    why: 'The exception callback has no func_info record, so it is not part of this program. Define it in the same object.',
  },
  STACK_COMBINED: {
    errno: EACCES,
    text: (calls: number, size: number) => `combined stack size of ${calls} calls is ${size}. Too large`,
    why: 'The functions that call each other share 512 bytes of stack. Move large variables into a per-CPU map.',
  },
  STACK_SUBPROG: {
    errno: EACCES,
    text: (subprog: number, size: number) => `stack size of subprog ${subprog} is ${size}. Too large`,
    why: 'One function may use at most 512 bytes of stack.',
  },
  STACK_TAIL_CALL: {
    errno: EACCES,
    text: (size: number) => `tail_calls are not allowed when call stack of previous frames is ${size} bytes. Too large`,
    why: 'Below a function that tail calls, the callers may use less than 256 bytes: 33 tail calls repeat them.',
  },
  FRAMES_TOO_DEEP: {
    errno: E2BIG,
    text: (frames: number) => `the call stack of ${frames} frames is too deep !`,
    why: 'Calls nest at most eight deep, recursion not at all. Inline small functions, or use bpf_loop.',
  },
  THROW_FROM_CALLBACK: {
    errno: EINVAL,
    text: (insn: number, subprog: number) =>
      `bpf_throw kfunc (insn ${insn}) cannot be called from callback subprog ${subprog}`,
    why: 'An exception cannot unwind through the helper that runs the callback. Return 1 from it, and throw after the helper.',
  },
  EXCEPTION_CB_CALLED: {
    errno: EINVAL,
    text: (insn: number) => `insn ${insn} cannot call exception cb directly`,
    why: 'The exception callback runs only when bpf_throw was called. Move shared code into a function that both call.',
  },
  EXCEPTION_CB_TAIL_CALL: {
    errno: EINVAL,
    text: fixed('cannot tail call within exception cb'),
    why: 'When the exception callback runs, there is no frame left that a tail call could replace. Return from it.',
  },
} as const satisfies Record<string, Rejection<never>>;
