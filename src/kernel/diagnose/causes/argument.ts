/** Arguments of helpers and kernel functions that are of another kind than what is taken. */
import { BPF_MAP_TYPE } from '../../../uapi/map-types.ts';
import { lazy } from '../../../util/lazy.ts';
import {
  CONST_PTR_TO_MAP,
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_UNTRUSTED,
  SCALAR_VALUE,
  baseType,
} from '../../rules/reg-types.ts';
import { A, TYPE, umaxOf, varOffConst } from '../../verifier/state/row.ts';
import type { Inquiry } from '../inquiry.ts';
import { storyOf, tell } from '../story.ts';
import type { Place } from '../trace/record.ts';
import { quoted, range, thing } from '../words.ts';
import type { Cause, Detector, Finding } from './cause.ts';
import { stalePacket } from './packet.ts';

export const ARGUMENT = {
  ARGUMENT_NUMBER_GIVEN: {
    title: 'a number is given where a pointer is taken',
    page: 'The function takes a pointer that the verifier knows: to the stack, a map value, a packet. A number is none, even when it is a good address of the kernel. Copy what is there to the stack with bpf_probe_read_kernel, and pass that.',
  },
  ARGUMENT_NULL_GIVEN: {
    title: 'NULL is given where a pointer is taken',
    page: 'The function does not take NULL here. Pass the address of a variable, or leave the call out.',
  },
  ARGUMENT_POINTER_GIVEN: {
    title: 'a pointer is given where a number is taken',
    page: 'The function takes a number, and the register holds an address. Check the order of the arguments; pass the value, not its address.',
  },
  ARGUMENT_KIND: {
    title: 'a pointer of another kind is given than the function takes',
    page: 'The function takes pointers to certain memory only: the context, a map, a map value, a socket and so on. Check the order of the arguments, and copy to the stack what lies elsewhere.',
  },
  KERNEL_MEMORY_GIVEN: {
    title: 'memory of a kernel object is given to a helper that takes memory of the program',
    page: 'Members of kernel objects can be read by loads, but helpers that take memory want it on the stack, in a map value or in a packet. Copy the member to a variable, and pass the address of that.',
  },
  POINTER_UNTRUSTED: {
    title: 'a kernel pointer is given that nobody vouches for',
    page: 'Kernel functions take objects that are certainly alive: arguments of the hook, what an acquiring function returned, or what was read in an RCU section from a member that is protected by RCU. Pointers that were read otherwise, or from an object that is not trusted itself, may be stale. Acquire a reference first.',
  },
  CONTEXT_MODIFIED: {
    title: 'the pointer to the context was moved',
    page: 'The context is accessed at constant offsets from its own pointer, because accesses are rewritten by the kernel. A pointer that was moved, by a constant in a register or by a variable, cannot be used. Compilers do this when they share code between two accesses: keep them apart with a barrier, or copy the members to variables first.',
  },
  MAP_MISMATCH: {
    title: 'the helper cannot work on a map of this type',
    page: 'Most helpers for maps go with some map types only. Use the helper of the type, or another type of map.',
  },
} as const satisfies Record<string, Cause>;

interface Given {
  readonly q: Inquiry;
  readonly regno: number;
  readonly place: Place;
  readonly row: Int32Array;
  readonly name: string;
  readonly call: string;
}

function given(q: Inquiry, regno: number): Given | undefined {
  if (regno < 1 || regno > 5) return undefined;
  const place = q.reg(regno);
  const name = quoted(q.argumentText(regno), `argument ${regno}`);
  return { q, regno, place, row: q.row(place), name, call: q.callee(q.insn) ?? 'the call' };
}

const told = ({ q, place, regno, call }: Given, found: Omit<Finding, 'path'>, note: string): Finding => ({
  values: { register: regno, call },
  ...found,
  path: tell([...storyOf(q, q.trail(place)), { step: q.last, event: q.event(q.last, 'fault', note) }]),
});

/** ARGS.TYPE_MISMATCH, MAY_WRITE_INTO and their like. */
export const argumentKind: Detector = (q) => {
  const regno = typeof q.args[0] === 'number' ? q.number(0) : q.number(1);
  const g = given(q, regno);
  if (g === undefined) return undefined;
  const { row, name, call } = g;
  const wanted = typeof q.args[2] === 'string' ? q.args[2] : '';
  if (row[TYPE] === SCALAR_VALUE) return stalePacket(q, g.place) ?? numberGiven(g);
  if (wanted === 'scalar') {
    return told(
      g,
      {
        cause: 'ARGUMENT_POINTER_GIVEN',
        label: 'a number is taken here',
        explanation: `${call} takes a number as argument ${regno}, and ${name} is a pointer to ${thing(q.env, row)}.`,
        fix: 'check the order of the arguments; pass the value, not its address',
      },
      'given as a number',
    );
  }
  if (baseType(row[TYPE]) === PTR_TO_BTF_ID && (wanted.includes('fp') || q.id === 'ARGS.MAY_WRITE_INTO')) {
    return told(
      g,
      {
        cause: 'KERNEL_MEMORY_GIVEN',
        label: `lies in ${thing(q.env, row)}`,
        explanation: `${name} leads into ${thing(q.env, row)}, and ${call} takes memory of the program there.`,
        fix: 'copy it to a variable on the stack, and pass the address of that',
      },
      `given to ${call}`,
    );
  }
  return told(
    g,
    {
      cause: 'ARGUMENT_KIND',
      label: `leads to ${thing(q.env, row)}`,
      explanation: `${name} leads to ${thing(q.env, row)}, and ${call} takes ${kinds(wanted)} as argument ${regno}.`,
      fix: `pass ${kinds(wanted)}: check the order of the arguments`,
    },
    `given to ${call}`,
  );
};

const KINDS: Readonly<Record<string, string>> = {
  ctx: 'the context',
  fp: 'memory on the stack, in a map value or a packet',
  map_ptr: 'a map',
  map_value: 'a map value',
  func: 'a function of the program',
  sock: 'a socket',
  sock_common: 'a socket',
  ringbuf_mem: 'a reserved record',
  scalar: 'a number',
};

const kinds = (wanted: string): string => KINDS[wanted.split(',')[0]] ?? 'another pointer';

function numberGiven(g: Given): Finding {
  const { q, row, name, call, regno } = g;
  if (varOffConst(row, 0) && umaxOf(row, 0) === 0) {
    const tested = q.trail(g.place).find((l) => l.motion.kind === 'refined' && (l.before?.[TYPE] ?? 0) > SCALAR_VALUE);
    const found = tested === undefined ? '' : `, as ${q.where(q.insnAt(tested.step))} has found on this path`;
    return told(
      g,
      {
        cause: 'ARGUMENT_NULL_GIVEN',
        label: 'NULL here',
        explanation: `${name} is NULL${found}, and ${call} takes none as argument ${regno}.`,
        fix: tested === undefined ? 'pass the address of a variable' : `call ${call} where it is not NULL only`,
      },
      `given to ${call}`,
    );
  }
  const origin = q.trail(g.place).at(-1);
  const from =
    origin?.motion.kind === 'load' && baseType(q.row(origin.motion.base, origin.step)[TYPE]) === PTR_TO_CTX
      ? ' that the context gives'
      : '';
  return told(
    g,
    {
      cause: 'ARGUMENT_NUMBER_GIVEN',
      label: 'a number, not a pointer',
      explanation: `${name} is a number${from} (${range(row)}), and ${call} takes ${kinds(typeof q.args[2] === 'string' ? q.args[2] : '')} as argument ${regno}.`,
      fix: 'copy what is there to the stack with bpf_probe_read_kernel(), and pass that; or pass the address of the variable',
    },
    `given to ${call}`,
  );
}

const mapTypes = lazy(() => new Map<number, string>(Object.entries(BPF_MAP_TYPE).map(([name, type]) => [type, name])));

/** CALL.MAP_FUNC_MISMATCH. */
export const mapMismatch: Detector = (q) => {
  const regno = [1, 2, 3, 4, 5].find((n) => q.row(q.reg(n))[TYPE] === CONST_PTR_TO_MAP);
  const g = regno === undefined ? undefined : given(q, regno);
  if (g === undefined) return undefined;
  const map = q.env.maps[g.row[A]];
  const type = mapTypes().get(map?.type ?? -1) ?? 'this type';
  return told(
    g,
    {
      cause: 'MAP_MISMATCH',
      label: type,
      explanation: `Map ${map?.name ?? ''} is a ${type}, and ${g.call} does not work on that type.`,
      fix: `use the helper of that type, or another type of map`,
      values: { map: map?.name ?? '', type, call: g.call },
    },
    `given to ${g.call}`,
  );
};

/** KFUNC.NOT_TRUSTED, NOT_RCU and KFUNC.BTF_REG: an object of the kernel that nobody vouches for. */
export const untrusted: Detector = (q) => {
  const first = q.number(0);
  const regno = q.id === 'KFUNC.BTF_REG' ? first + 1 : first;
  const g = given(q, regno);
  if (g === undefined) return undefined;
  const { row, name, call } = g;
  if (row[TYPE] === SCALAR_VALUE) return numberGiven(g);
  if (baseType(row[TYPE]) !== PTR_TO_BTF_ID) return undefined;
  const why = (row[TYPE] & PTR_UNTRUSTED) !== 0 ? 'was read without protection' : 'may be gone by now';
  return told(
    g,
    {
      cause: 'POINTER_UNTRUSTED',
      label: 'nobody vouches for it',
      explanation: `${name} leads to ${thing(q.env, row)} that ${why}, and ${call} takes objects that are certainly alive.`,
      fix: 'acquire a reference first, or pass what the hook gave or an acquiring function returned',
    },
    `given to ${call}`,
  );
};

/** ACCESS.PTR_MODIFIED, PTR_VARIABLE and PTR_NEGATIVE on the context. */
export const contextModified: Detector = (q) => {
  const regno = [0, 1, 2]
    .map((i) => q.number(i))
    .find((n) => n >= 1 && n <= 10 && baseType(q.row(q.reg(n))[TYPE]) === PTR_TO_CTX);
  const place = regno === undefined ? contextPlace(q) : q.reg(regno);
  if (place === undefined) return undefined;
  const moved = q.trail(place).find((l) => l.motion.kind === 'arithmetic');
  const line = moved === undefined ? '' : ` in ${q.where(q.insnAt(moved.step))}`;
  const story =
    moved === undefined
      ? []
      : [{ step: moved.step, event: q.event(moved.step, 'moved', 'the pointer to the context is moved') }];
  return {
    cause: 'CONTEXT_MODIFIED',
    label: 'the context, moved',
    explanation: `The pointer to the context was moved${line}, and the context is accessed at constant offsets from its own pointer only.`,
    fix: 'access members of the context by name, each for itself; copy them to variables first',
    path: tell([...story, { step: q.last, event: q.event(q.last, 'fault', 'accessed through the moved pointer') }]),
  };
};

/** The register of the access, or of a call, that holds the context. */
function contextPlace(q: Inquiry): Place | undefined {
  const { insns } = q.env;
  const candidates = [insns.src[q.insn], insns.dst[q.insn], 1, 2, 3, 4, 5];
  const found = candidates.find((n) => n <= 10 && baseType(q.row(q.reg(n))[TYPE]) === PTR_TO_CTX);
  return found === undefined ? undefined : q.reg(found);
}
