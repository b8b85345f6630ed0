/** Registers and stack bytes that were never set, return values, stack sizes. */
import { BPF_EXIT, BPF_JMP } from '../../../isa/opcodes.ts';
import { NOT_INIT, SCALAR_VALUE } from '../../rules/reg-types.ts';
import { TYPE, sminOf, smaxOf } from '../../verifier/state/row.ts';
import { storyOf, tell } from '../story.ts';
import { quoted, range, thing } from '../words.ts';
import { branchStory } from './branches.ts';
import type { Cause, Detector, Finding } from './cause.ts';

export const REGISTER = {
  REGISTER_CLOBBERED: {
    title: 'a register is read after a call that does not keep it',
    page: 'Calls leave nothing in R1 to R5. Compilers know that; inline assembly must name the registers as clobbered, and must not expect arguments to survive a call. Keep the value in R6 to R9, or on the stack.',
  },
  ARGUMENT_UNSET: {
    title: 'a function is called with fewer arguments than it takes, or a program reads arguments that it does not get',
    page: 'A program gets one argument, the context, in R1. Callbacks and functions get as many as they are called with. What else they read was never set. Check the prototypes: a declaration with empty brackets passes nothing.',
  },
  RETURN_UNSET: {
    title: 'a function ends without having set what it returns',
    page: 'On this path nothing was returned: a return without a value, or the end of a function that is not void. Return a value on every path; programs return an int.',
  },
  VARIABLE_UNSET: {
    title: 'a variable is read that was not set on this path',
    page: 'On some path the variable is read before anything was stored in it. Give it a value where it is declared.',
  },
  STACK_UNSET: {
    title: 'bytes of the stack are read that were not written on this path',
    page: 'Programs without CAP_PERFMON may read only what they wrote. A struct that is passed to a helper must be set as a whole, the padding between its members included: `struct key k = {}` may leave padding unset, __builtin_memset does not.',
  },
  STACK_PADDING: {
    title: 'the padding of a struct on the stack was not set',
    page: 'The members are set, but not the bytes that the compiler leaves between them, and a helper reads all of the struct. Clear it with __builtin_memset before the members are set, or pack it.',
  },
  RETURN_RANGE: {
    title: 'the program returns a value that its type does not know',
    page: 'The kernel takes only some values from programs of this type. The returned number must be known to be one of them on every path: return constants, or compare before.',
  },
  RETURN_POINTER: {
    title: 'a pointer is returned',
    page: 'The program would give an address of the kernel to its caller, or returns what is not a number. Return a number.',
  },
  STACK_LIMIT: {
    title: 'the functions of a call chain use more than 512 bytes of stack together',
    page: 'All functions that may be active at the same time share 512 bytes of stack. Move large variables to a per-CPU array map, or split the chain of calls; inlining a function shares its bytes with its caller.',
  },
  FRAME_LIMIT: {
    title: 'one function uses more than 512 bytes of stack',
    page: 'A frame has 512 bytes. Move large variables to a per-CPU array map of one element.',
  },
  CALLS_TOO_DEEP: {
    title: 'calls are nested deeper than eight functions',
    page: 'The kernel follows eight nested functions, callbacks included. Recursion is not possible. Flatten the calls.',
  },
} as const satisfies Record<string, Cause>;

/** REGS.REG_NOT_READABLE. */
export const notReadable: Detector = (q): Finding | undefined => {
  const regno = q.number(0);
  const place = q.reg(regno);
  if (q.row(place)[TYPE] !== NOT_INIT) return undefined;
  const trail = q.trail(place);
  const youngest = trail[0];
  const { insns } = q.env;
  const fault = { step: q.last, event: q.event(q.last, 'fault', `R${regno} holds nothing`) };
  const path = tell([...storyOf(q, trail), ...branchStory(q, 2), fault]);
  if (insns.code[q.insn] === (BPF_JMP | BPF_EXIT) || (regno === 0 && /\breturn\b/.test(q.site(q.insn).text))) {
    return {
      cause: 'RETURN_UNSET',
      label: 'nothing is returned here',
      explanation: `${q.lines.functionAt(q.insn)} ends here without having set what it returns.`,
      fix: 'return a value on every path',
      path,
    };
  }
  if (youngest?.motion.kind === 'clobbered' && youngest.step >= 0) {
    const call = q.callee(q.insnAt(youngest.step)) ?? 'the call';
    return {
      cause: 'REGISTER_CLOBBERED',
      label: `R${regno} did not survive ${call}`,
      explanation: `R${regno} is read, and ${call} in ${q.where(q.insnAt(youngest.step))} did not keep it: calls leave nothing in R1 to R5.`,
      fix: 'keep the value in another variable over the call; name clobbered registers in inline assembly',
      path,
      values: { register: regno, call },
    };
  }
  if (regno >= 1 && regno <= 5) {
    const call = q.callee(q.insn);
    const who =
      call === undefined
        ? `${q.lines.functionAt(q.insn)} reads its argument ${regno}`
        : `${call} takes an argument ${regno}`;
    return {
      cause: 'ARGUMENT_UNSET',
      label: `argument ${regno} was not given`,
      explanation: `${who}, and nothing was put into R${regno} on this path.`,
      fix:
        call === undefined
          ? 'programs get one argument, the context: read what you need from there'
          : `check how ${call} is declared, and pass all its arguments`,
      path,
      values: { register: regno },
    };
  }
  return {
    cause: 'VARIABLE_UNSET',
    label: 'not set on this path',
    explanation: `${quoted(q.expression(q.insn)?.text, `R${regno}`)} is read, and nothing was stored in R${regno} on this path.`,
    fix: 'give the variable a value where it is declared',
    path,
    values: { register: regno },
  };
};

/** CALL.RETURN_RANGE, RETURN_NOT_KNOWN, SUBPROG_RETURN, RETURN_LEAKS. */
export const returned: Detector = (q) => {
  const place = q.reg(0);
  const row = q.row(place);
  const trail = q.trail(place);
  const origin = trail.at(-1);
  const fault = { step: q.last, event: q.event(q.last, 'fault', 'returned') };
  const story = storyOf(q, trail);
  const path = tell([...story, ...branchStory(q, 2, origin?.step ?? 0), fault]);
  // The line that gave the value says more than the closing brace.
  const said = trail.find((l) => l.step >= 0 && /\breturn\b/.test(q.lines.at(q.insnAt(l.step))?.text ?? ''));
  const at = said ?? (origin !== undefined && origin.step >= 0 ? origin : undefined);
  const insn = at === undefined ? {} : { insn: q.insnAt(at.step) };
  if (row[TYPE] !== SCALAR_VALUE) {
    return {
      cause: 'RETURN_POINTER',
      label: `returns ${thing(q.env, row)}`,
      explanation: `What is returned is a pointer to ${thing(q.env, row)}, and a program returns a number.`,
      fix: 'return a number',
      path,
      ...insn,
    };
  }
  const { min, max } = wantedRange(q.args, q.env.ops.retRange(q.env.query));
  return {
    cause: 'RETURN_RANGE',
    label: `${range(row)}, and ${min === max ? String(min) : `${min} to ${max}`} is allowed`,
    explanation: `The program may return ${range(row)}, and its type allows ${min === max ? `${min} only` : `${min} to ${max}`}.`,
    fix: min === max ? `return ${min}` : `return a constant from ${min} to ${max}, or compare before`,
    path,
    values: { least: sminOf(row, 0), most: smaxOf(row, 0), min, max },
    ...insn,
  };
};

function wantedRange(
  args: readonly unknown[],
  rule: { min: number; max: number } | undefined,
): { min: number; max: number } {
  const [min, max] = args.slice(-2);
  if (typeof min === 'number' && typeof max === 'number') return { min, max };
  return rule ?? { min: 0, max: 0 };
}

/** STRUCTURE.STACK_COMBINED, STACK_SUBPROG, STACK_TAIL_CALL, FRAMES_TOO_DEEP. */
export const stackLimit: Detector = (q) => {
  const { subprogs } = q.env;
  const named = subprogs.map((s, i) => ({ name: s.name || `func#${i}`, depth: s.stackDepth, start: s.start }));
  const large = [...named].sort((a, b) => b.depth - a.depth).filter((s) => s.depth > 0);
  const list = large.map((s) => `${s.name} ${s.depth}`).join(', ');
  const worst = large[0];
  const one = worst !== undefined && worst.depth > 512;
  const sum = q.number(1);
  return {
    cause: one ? 'FRAME_LIMIT' : 'STACK_LIMIT',
    label: worst === undefined ? '' : `${worst.depth} bytes of stack`,
    explanation: one
      ? `${worst.name} uses ${worst.depth} bytes of stack, and a function may have 512.`
      : `The calls need ${sum > 0 ? sum : 'too many'} bytes of stack together, and 512 are there. Bytes of each function: ${list}.`,
    fix: `move the large variables of ${worst?.name ?? 'the functions'} to a per-CPU array map`,
    path: [],
    values: Object.fromEntries(large.slice(0, 8).map((s) => [s.name, s.depth])),
    ...(worst === undefined ? {} : { insn: worst.start }),
  };
};
