/** Accesses through what is no pointer, or not any more. */
import {
  CONST_PTR_TO_MAP,
  MEM_RDONLY,
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  SCALAR_VALUE,
  baseType,
} from '../../rules/reg-types.ts';
import { A, REF_OBJ_ID, TYPE, umaxOf, varOffConst } from '../../verifier/state/row.ts';
import type { CausalEvent } from '../diagnosis.ts';
import type { Inquiry } from '../inquiry.ts';
import { storyOf, tell } from '../story.ts';
import { accessOf } from '../trace/access.ts';
import type { Place } from '../trace/record.ts';
import type { Link } from '../trace/trail.ts';
import { quoted, range, thing } from '../words.ts';
import { branchStory } from './branches.ts';
import type { Cause, Detector, Finding } from './cause.ts';
import { stalePacket } from './packet.ts';

export const POINTER = {
  NULL_DEREFERENCED: {
    title: 'the pointer is NULL on this path',
    page: 'On the path that was walked, a comparison has found that the pointer is NULL, or the program set it to NULL, and it is used all the same. Use it on the other branch, or leave the function where it is NULL.',
  },
  OBJECT_RELEASED: {
    title: 'an object is used after it was released',
    page: 'A call took the object over: bpf_ringbuf_submit, bpf_sk_release and others end the life of what they are given. From then on the pointer is a plain number. Use the object before it is given away, and copy what is needed later to a variable.',
  },
  NUMBER_FROM_HELPER: {
    title: 'a helper gives an address as a plain number',
    page: 'The helper returns a number for the verifier, even when it is the address of a kernel object. Memory behind it is read with bpf_probe_read_kernel (or BPF_CORE_READ). For the current task bpf_get_current_task_btf gives a pointer that may be followed.',
  },
  KERNEL_ADDRESS: {
    title: 'an address of the kernel is followed without bpf_probe_read_kernel',
    page: 'The value was read from memory or registers of the kernel as a number. It may well be a good address, but the verifier does not know what lies there. Read through it with bpf_probe_read_kernel, BPF_CORE_READ, or, for user memory, bpf_probe_read_user; or use a program type whose arguments are typed (fentry, tp_btf).',
  },
  POINTER_FROM_MAP: {
    title: 'a pointer that was kept in a map comes back as a plain number',
    page: 'Map values are bytes. A pointer that is stored there and loaded again is a number for the verifier, and what it led to may be gone. Keep the data itself in the map, a key to look up again, or a kernel pointer (__kptr) with bpf_kptr_xchg.',
  },
  ADDRESS_FROM_PACKET: {
    title: 'a number from the packet is used as a pointer',
    page: 'What a packet holds is a number. To follow an offset that the packet gives, add it to a packet pointer, bounded, and compare with data_end.',
  },
  POINTER_MADE_NUMBER: {
    title: 'arithmetic has made a plain number of a pointer',
    page: 'Pointers may be moved by addition and subtraction only. Masking, shifting, multiplying, or 32-bit operations leave a number. Compute the offset apart from the pointer, and add it.',
  },
  POINTER_OVERWRITTEN: {
    title: 'the stack slot that held the pointer was written over',
    page: 'A pointer on the stack is known only as long as no byte of its eight is written by something else. Here a store or a helper wrote into the slot. Check the sizes of what is written next to it.',
  },
  CONSTANT_ADDRESS: {
    title: 'a constant is used as an address',
    page: 'The program goes through a constant. Often it is the address of a variable or symbol that the loader did not resolve, or a cast of a number. Use maps, globals or the context.',
  },
  ARGUMENT_NUMBER: {
    title: 'an argument of a global function is a number, not a pointer',
    page: 'Global functions are verified on their own, for any arguments. Parameters that are integers, or pointers that the verifier cannot describe, hold numbers. Declare the parameter as a pointer to a struct, and mark it with __arg_nonnull or __arg_ctx where it applies; or make the function static.',
  },
  NUMBER_DEREFERENCED: {
    title: 'a number is used as a pointer',
    page: 'The register holds a number. Only pointers that the verifier knows (the context, the stack, map values, packets, kernel objects and so on) may be followed.',
  },
  NULL_UNCHECKED: {
    title: 'a pointer that may be NULL is used without a test',
    page: 'Lookups, allocations and acquiring functions give NULL when they fail. The verifier wants a comparison with NULL on the path before the pointer is used, whatever the program knows of the map or the key.',
    example: {
      bad: '__u64 *n = bpf_map_lookup_elem(&counters, &key);\n*n += 1;',
      good: '__u64 *n = bpf_map_lookup_elem(&counters, &key);\nif (n) *n += 1;',
    },
  },
  ARGUMENT_NULLABLE: {
    title: 'a pointer argument of a global function may be NULL',
    page: 'Global functions are verified on their own, for whatever their callers may pass. A pointer argument may be NULL then, even when every caller passes an address. Test it in the function, mark the parameter with __arg_nonnull, or make the function static, so that it is verified with each call.',
  },
  NULL_OTHER_CHECKED: {
    title: 'another pointer was tested for NULL than the one that is used',
    page: 'The program tests a pointer for NULL, but not this one: a second lookup, even with the same key, gives another pointer that may be NULL again. Test each result, or keep and reuse the first.',
  },
  NULL_CHECK_LATE: {
    title: 'the test for NULL comes after the use',
    page: 'The pointer is compared with NULL, but only after it was used. Move the test in front.',
  },
  NULL_ARITHMETIC: {
    title: 'arithmetic on a pointer that may be NULL',
    page: 'A pointer that may be NULL cannot be moved: NULL plus an offset would look like a good address. Test it for NULL first, and add afterwards. Compilers sometimes move the addition up; a barrier after the test keeps it there.',
  },
  MEMORY_READ_ONLY: {
    title: 'memory is written that programs may only read',
    page: 'The memory belongs to the kernel, or to a read-only map. Copy it to the stack or to a map, and change it there.',
  },
} as const satisfies Record<string, Cause>;

/** ACCESS.INVALID_MEM_ACCESS through a number. */
export const numberDereferenced: Detector = (q) => {
  const place = q.reg(q.number(0));
  const row = q.row(place);
  if (row[TYPE] !== SCALAR_VALUE) return undefined;
  return stalePacket(q, place) ?? released(q, place) ?? madeNumber(q, place) ?? byOrigin(q, place);
};

const fault = (q: Inquiry, note: string) => ({ step: q.last, event: q.event(q.last, 'fault', note) });

function released(q: Inquiry, place: Place): Finding | undefined {
  const trail = q.trail(place);
  const lost = q.lostPointer(trail);
  if (lost?.motion.kind !== 'spoiled' || lost.before === undefined || lost.before[REF_OBJ_ID] === 0) return undefined;
  const call = q.callee(q.insnAt(lost.step)) ?? 'a call';
  const name = quoted(q.baseName(q.insn), 'this pointer');
  const line = q.where(q.insnAt(lost.step));
  return {
    cause: 'OBJECT_RELEASED',
    label: `${name} was given away in ${line}`,
    explanation: `${name} led to ${thing(q.env, lost.before)} until ${line}: ${call} took it over, and it is used afterwards.`,
    fix: `do this before ${line}`,
    path: tell([...storyOf(q, trail), fault(q, 'used afterwards')]),
    values: { call },
  };
}

function madeNumber(q: Inquiry, place: Place): Finding | undefined {
  const trail = q.trail(place);
  const lost = q.lostPointer(trail);
  if (lost?.before === undefined || (lost.motion.kind !== 'arithmetic' && lost.motion.kind !== 'copy'))
    return undefined;
  const text = q.expression(q.insnAt(lost.step))?.text;
  return {
    cause: 'POINTER_MADE_NUMBER',
    label: 'a plain number since it was computed with',
    explanation: `The pointer to ${thing(q.env, lost.before)} became a plain number in ${q.where(q.insnAt(lost.step))}${text === undefined ? '' : `, by \`${text}\``}.`,
    fix: 'compute the offset apart from the pointer, and add it to the pointer with 64 bits',
    path: tell([...storyOf(q, trail), fault(q, 'goes through that number')]),
  };
}

/** What the number was when it came into being. */
function byOrigin(q: Inquiry, place: Place): Finding | undefined {
  const row = q.row(place);
  const trail = q.trail(place);
  const origin = trail.at(-1);
  if (origin === undefined) return undefined;
  const told = (cause: string, explanation: string, fix: string, more: readonly CausalEvent[] = []): Finding => ({
    cause,
    label: 'a number, not a pointer',
    explanation,
    fix,
    path: [...more, ...tell([...storyOf(q, trail), fault(q, 'goes through that number')])],
  });
  const name = quoted(q.baseName(q.insn), 'this');
  if (varOffConst(row, 0) && umaxOf(row, 0) === 0) return nullHere(q, trail);
  const { motion, step } = origin;
  if (motion.kind === 'load') return loadedNumber(q, origin, name, told);
  if (motion.kind === 'result') {
    const call = q.callee(q.insnAt(step)) ?? 'a call';
    const fix =
      call === 'bpf_get_current_task'
        ? 'use bpf_get_current_task_btf(), or read through it with BPF_CORE_READ'
        : 'read through it with bpf_probe_read_kernel()';
    return told('NUMBER_FROM_HELPER', `${name} holds what ${call} gave, which is a number for the verifier.`, fix);
  }
  if (motion.kind === 'written') return writtenNumber(q, origin, name, told);
  if (motion.kind === 'entry' && !isProgramEntry(q, origin)) {
    return told(
      'ARGUMENT_NUMBER',
      `${name} is an argument of ${q.lines.functionAt(q.insn)}, which is verified for any number in it.`,
      'declare the parameter as a pointer to the struct, or make the function static',
    );
  }
  if (motion.kind === 'constant') {
    return told(
      'CONSTANT_ADDRESS',
      `${name} is the constant ${range(origin.after)} on this path, which is no address that a program may use.`,
      'go through a map value, a global variable, the context or the stack',
    );
  }
  return told(
    'NUMBER_DEREFERENCED',
    `${name} is a number here (${range(row)}), which leads nowhere.`,
    'use a pointer that the verifier knows',
  );
}

type Told = (cause: string, explanation: string, fix: string, more?: readonly CausalEvent[]) => Finding;

const isProgramEntry = (q: Inquiry, { step }: Link): boolean => step < 0 && q.env.state.frames[0].subprogno === 0;

function loadedNumber(q: Inquiry, origin: Link, name: string, told: Told): Finding | undefined {
  const { motion, step } = origin;
  if (motion.kind !== 'load') return undefined;
  const base = baseType(q.row(motion.base, step)[TYPE]);
  const line = q.where(q.insnAt(step));
  const probe =
    'read through it with bpf_probe_read_kernel() or BPF_CORE_READ(), bpf_probe_read_user() for user memory';
  if (base === PTR_TO_CTX) {
    return told(
      'KERNEL_ADDRESS',
      `${name} is an address that the context gives as a number (${line}). The verifier does not know what lies there.`,
      probe,
    );
  }
  if (base === PTR_TO_MAP_VALUE || base === PTR_TO_MAP_KEY) {
    return told(
      'POINTER_FROM_MAP',
      `${name} was loaded from ${thing(q.env, q.row(motion.base, step))} in ${line}: what a map holds are numbers.`,
      'keep the data or a key in the map, or a kernel pointer (__kptr)',
    );
  }
  if (base === PTR_TO_BTF_ID || base === PTR_TO_MEM) {
    return told(
      'KERNEL_ADDRESS',
      `${name} was read from ${thing(q.env, q.row(motion.base, step))} in ${line} as a number.`,
      probe,
    );
  }
  return told(
    'ADDRESS_FROM_PACKET',
    `${name} was read from ${thing(q.env, q.row(motion.base, step))} in ${line}: it is a number that others chose.`,
    'add it, bounded, to a pointer that the verifier knows',
  );
}

/** From the stack, where a helper or a store has put it. */
function writtenNumber(q: Inquiry, origin: Link, name: string, told: Told): Finding {
  const insn = q.insnAt(origin.step);
  const call = q.callee(insn);
  const line = q.where(insn);
  const held = q.row(origin.place, origin.step)[TYPE] > SCALAR_VALUE;
  if (!held && call !== undefined && /probe_read|get_func_arg|core_read/.test(call)) {
    return told(
      'KERNEL_ADDRESS',
      `${name} is an address that ${call} read in ${line}: a number, of which the verifier does not know where it leads.`,
      'read through it with another bpf_probe_read_kernel()',
    );
  }
  return told(
    'POINTER_OVERWRITTEN',
    `${name} was loaded from the stack, and ${call ?? 'a store'} wrote these bytes in ${line}.`,
    'check the sizes of what is written next to the pointer on the stack',
  );
}

function nullHere(q: Inquiry, trail: readonly Link[]): Finding {
  const name = quoted(q.baseName(q.insn), 'the pointer');
  const tested = trail.find(
    (l) => l.motion.kind === 'refined' && l.before !== undefined && l.before[TYPE] > SCALAR_VALUE,
  );
  const origin = trail.at(-1);
  const how =
    tested !== undefined
      ? `the comparison in ${q.where(q.insnAt(tested.step))} has found that it is NULL on this path`
      : origin !== undefined && origin.step >= 0
        ? `${q.where(q.insnAt(origin.step))} sets it to NULL on this path`
        : 'it is NULL on this path';
  return {
    cause: 'NULL_DEREFERENCED',
    label: `${name} is NULL here`,
    explanation: `${name} is used, but ${how}.`,
    fix: `use ${name} where it is not NULL only: turn the test round, or return where it is NULL`,
    path: tell([...storyOf(q, trail), ...branchStory(q, 3), fault(q, 'goes through NULL')]),
  };
}

/** ACCESS.MAP_WRITE_FORBIDDEN and CALL.MAP_WRITE_FORBIDDEN. */
export const readOnlyMap: Detector = (q) => {
  const access = accessOf(q.env.insns, q.insn);
  const regno = access?.regno ?? [1, 2, 3, 4, 5].find((n) => isMap(q.row(q.reg(n))[TYPE]));
  if (regno === undefined) return undefined;
  const place = q.reg(regno);
  const name = q.env.maps[q.row(place)[A]]?.name ?? '';
  const rodata = name.endsWith('.rodata');
  return {
    cause: 'MEMORY_READ_ONLY',
    label: 'may only be read',
    explanation: rodata
      ? `This writes a constant: variables that are const lie in map ${name}, which programs may only read.`
      : `Map ${name} was created with BPF_F_RDONLY_PROG: programs may only read it.`,
    fix: rodata ? 'drop const from the variable' : 'drop the flag, or keep what changes in another map',
    path: tell([...storyOf(q, q.trail(place)), fault(q, 'writes it')]),
    values: { map: name },
  };
};

const isMap = (type: number): boolean => baseType(type) === CONST_PTR_TO_MAP || baseType(type) === PTR_TO_MAP_VALUE;

/** Kernel memory that may only be read: ACCESS.CANNOT_WRITE. */
export const readOnly: Detector = (q) => {
  const place = q.reg(q.number(0));
  const row = q.row(place);
  if ((row[TYPE] & MEM_RDONLY) === 0) return undefined;
  return {
    cause: 'MEMORY_READ_ONLY',
    label: 'may only be read',
    explanation: `${quoted(q.baseName(q.insn), 'The pointer')} leads to ${thing(q.env, row)} that programs may only read.`,
    fix: 'copy it to the stack or to a map, and change the copy',
    path: tell([...storyOf(q, q.trail(place)), fault(q, 'writes it')]),
  };
};
