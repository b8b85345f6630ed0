/** Accesses to packets. */
import { PTR_TO_PACKET, PTR_TO_PACKET_END, PTR_TO_PACKET_META, SCALAR_VALUE } from '../../rules/reg-types.ts';
import { MAX_PACKET_OFF } from '../../rules/limits.ts';
import { A, ID, MASK_LO, OFF, TYPE, sminOf, umaxOf, varOffConst } from '../../verifier/state/row.ts';
import type { Inquiry } from '../inquiry.ts';
import { endStory, storyOf, tell, type Told } from '../story.ts';
import { accessOf } from '../trace/access.ts';
import { type Check, type EndCheck, checksBefore, endChecks } from '../trace/checks.ts';
import { type Place, regnoOf } from '../trace/record.ts';
import type { Link } from '../trace/trail.ts';
import { bytes, quoted, range } from '../words.ts';
import type { Cause, Detector, Finding } from './cause.ts';

export const PACKET = {
  PACKET_UNCHECKED: {
    title: 'the packet is read or written without a comparison with its end',
    page: 'Packets may be shorter than what a program expects. The verifier takes an access for safe only when the program has compared a pointer behind the last byte with data_end, on the path that leads there. Compare before the access, and leave when the packet is too short.',
    example: {
      bad: 'struct ethhdr *eth = (void *)(long)ctx->data;\nif (eth->h_proto == 0) return XDP_DROP;',
      good: 'struct ethhdr *eth = (void *)(long)ctx->data;\nif ((void *)(eth + 1) > (void *)(long)ctx->data_end) return XDP_DROP;\nif (eth->h_proto == 0) return XDP_DROP;',
    },
  },
  PACKET_SHORT: {
    title: 'a comparison with the end of the packet covers fewer bytes than are accessed',
    page: 'The program compares a pointer with data_end, but a byte that it accesses lies behind the compared pointer. Compare a pointer behind the last byte that is accessed: with `p + sizeof(*p) > data_end`, all of *p may be accessed. `>=` in place of `>` proves one byte more and refuses packets that just fit.',
  },
  PACKET_LENGTH_COMPARED: {
    title: 'the length of the packet is compared as a number, which proves nothing of pointers',
    page: 'A comparison of ctx->len, or of the difference data_end - data, with a number tells the verifier nothing of the packet pointers: ranges come from comparing a packet pointer with data_end only. Compare `data + n > data_end` in place of the length.',
  },
  PACKET_OFFSET_LARGE: {
    title: 'the compared packet pointer was moved by an offset that may exceed 65535',
    page: 'The program compares the pointer with data_end, but the offset that was added to it may be larger than 65535. Packets are not that long, the sum might overflow, and so the verifier draws nothing from the comparison. Bound the offset before it is added: mask it, or compare it with a constant and leave.',
  },
  PACKET_MOVED_AFTER_CHECK: {
    title: 'a packet pointer was moved after it was compared with the end of the packet',
    page: 'A variable offset was added to the pointer after the comparison. What the comparison proved holds for the pointer as it was. Add the offset first, then compare the new pointer with data_end.',
  },
  PACKET_OTHER_POINTER: {
    title: 'another packet pointer was compared with the end of the packet than the one that is used',
    page: 'Comparisons hold for the compared pointer and for those that differ from it by a constant. When an unknown offset was added, even the same one twice, the two pointers are unrelated for the verifier. Keep the compared pointer in a variable and access through it.',
  },
  PACKET_WRONG_BRANCH: {
    title: 'the access is on the path where the packet is known to be too short',
    page: 'The comparison with data_end is there, but the access happens where it says that the packet is too short. Turn the comparison round, or leave the function where the packet is too short.',
  },
  PACKET_STALE: {
    title: 'a packet pointer is used after a call that moves the packet',
    page: 'Helpers that change the packet (bpf_xdp_adjust_head, bpf_skb_store_bytes, bpf_skb_pull_data and others) may move it. All packet pointers become plain numbers, and whatever was compared before counts no more. Load data and data_end from the context again after the call, and compare again. Functions of the program that call such helpers do the same to their callers.',
    example: {
      bad: 'if (bpf_xdp_adjust_head(ctx, -20)) return XDP_DROP;\neth->h_proto = 0;',
      good: 'if (bpf_xdp_adjust_head(ctx, -20)) return XDP_DROP;\neth = (void *)(long)ctx->data;\nif ((void *)(eth + 1) > (void *)(long)ctx->data_end) return XDP_DROP;\neth->h_proto = 0;',
    },
  },
  PACKET_END_USED: {
    title: 'data_end is used as if it led to packet data',
    page: 'data_end is the address behind the last byte of the packet. It is there to be compared with; nothing may be read through it, and nothing added to it. Go forwards from data.',
  },
  PACKET_OFFSET_NEGATIVE: {
    title: 'the offset into the packet may be negative',
    page: 'The number that was added to the packet pointer is signed and may be below zero, so the access may lie in front of the packet. Use an unsigned number, mask it, or compare it with 0 as well.',
  },
  PACKET_READ_ONLY: {
    title: 'the packet is written by a program type that may only read it',
    page: 'Programs of this type see the packet, but only XDP, tc and a few others may change it. Write it in a program of such a type.',
  },
} as const satisfies Record<string, Cause>;

/** The bytes that an access needs behind its pointer. */
function wanted(q: Inquiry, regno: number): number {
  const row = q.row(q.reg(regno));
  const access = accessOf(q.env.insns, q.insn);
  if (access !== undefined) return row[OFF] + access.off + access.size;
  // A helper: the size follows the memory.
  const size = q.row(q.reg(regno + 1));
  return row[OFF] + (size[TYPE] === SCALAR_VALUE ? umaxOf(size, 0) : 0);
}

/** ACCESS.PACKET_RANGE and ACCESS.PACKET_PAST_END: a packet pointer whose range does not cover the access. */
export const packetRange: Detector = (q) => {
  const place = q.reg(q.number(0));
  const row = q.row(place);
  if (row[TYPE] !== PTR_TO_PACKET && row[TYPE] !== PTR_TO_PACKET_META) return undefined;
  const trail = q.trail(place);
  const checks = endChecks(q.walk, checksBefore(q.walk, q.last), row[TYPE]);
  const same = checks.filter((c) => q.row(c.pointer, c.step)[ID] === row[ID]);
  const about = { place, row, trail, need: wanted(q, q.number(0)) };
  if (row[A] < 0) return wrongBranch(q, about);
  if (row[A] > 0) return short(q, about);
  const large = same.find((c) => furthest(q.row(c.pointer, c.step)) > MAX_PACKET_OFF);
  if (large !== undefined) return offsetLarge(q, about, large);
  const outside = same.findLast((c) => wentOutside(q, c));
  if (outside !== undefined) return wrongBranch(q, about);
  const moved = trail.find((l) => movedByVariable(q, l));
  const own = new Set(trail.map((l) => l.before?.[ID] ?? 0).concat(0, row[ID]));
  const stranger = checks.some((c) => !own.has(q.row(c.pointer, c.step)[ID]));
  if (moved !== undefined && !stranger && checks.some((c) => c.step < moved.step)) return movedAfter(q, about, moved);
  if (checks.length > 0) return otherPointer(q, about);
  const length = lengthChecks(q)[0];
  if (length !== undefined) return lengthCompared(q, about, length);
  return unchecked(q, about);
};

/** How far behind its base a pointer may lie. */
const furthest = (row: Int32Array): number => umaxOf(row, 0) + row[OFF];

interface About {
  readonly place: Place;
  readonly row: Int32Array;
  readonly trail: readonly Link[];
  /** Bytes that the access needs behind the pointer. */
  readonly need: number;
}

/** What the pointer is compared with. */
const endName = ({ row }: About): string => (row[TYPE] === PTR_TO_PACKET_META ? 'data' : 'data_end');

const wentOutside = (q: Inquiry, check: EndCheck): boolean => q.row(check.pointer, check.step + 1)[A] < 0;

function movedByVariable(q: Inquiry, { motion, before, step }: Link): boolean {
  if (
    motion.kind !== 'arithmetic' ||
    motion.operand === undefined ||
    (before?.[TYPE] !== PTR_TO_PACKET && before?.[TYPE] !== PTR_TO_PACKET_META)
  )
    return false;
  const operand = q.row(motion.operand, step);
  return operand[TYPE] === SCALAR_VALUE && !varOffConst(operand, 0);
}

/** Comparisons of numbers that were made of the packet's length: data_end - data, or len. */
function lengthChecks(q: Inquiry): Check[] {
  return checksBefore(q.walk, q.last).filter((check) =>
    [check.dst, check.src].some((place) => place !== undefined && isLength(q, place, check.step)),
  );
}

function isLength(q: Inquiry, place: Place, step: number): boolean {
  if (q.row(place, step)[TYPE] !== SCALAR_VALUE) return false;
  return (
    q
      .trail(place, step)
      .some(
        ({ motion, before, step: at }) =>
          motion.kind === 'arithmetic' &&
          motion.operand !== undefined &&
          [before?.[TYPE], q.row(motion.operand, at)[TYPE]].includes(PTR_TO_PACKET_END),
      ) || lenMember(q, place, step)
  );
}

/** A number that was read from the context: `skb->len`. */
function lenMember(q: Inquiry, place: Place, step: number): boolean {
  const origin = q.trail(place, step).at(-1);
  return origin?.motion.kind === 'load' && /\blen\b/.test(q.expression(q.insnAt(origin.step))?.text ?? '');
}

function finish(q: Inquiry, about: About, told: Finding): Finding {
  const { row, need } = about;
  const values = { proved: Math.max(row[A], 0), wanted: need, offset: row[OFF], ...told.values };
  return { ...told, values };
}

function path(q: Inquiry, about: About, note: string, more: readonly Told[] = []): Finding['path'] {
  const ends = endStory(q, q.last, (c) => q.row(c.pointer, c.step)[ID] === about.row[ID], about.row[TYPE]);
  const fault = { step: q.last, event: q.event(q.last, 'fault', note) };
  return tell([...storyOf(q, about.trail), ...ends, ...more, fault]);
}

const subject = (q: Inquiry): string => quoted(q.expression(q.insn)?.text, 'this access');

function unchecked(q: Inquiry, about: About): Finding {
  const name = quoted(q.baseName(q.insn), 'the pointer');
  return finish(q, about, {
    cause: 'PACKET_UNCHECKED',
    label: `nothing has shown that the packet is this long`,
    explanation: `${subject(q)} needs ${bytes(about.need)} of the packet behind ${name}, and on this path nothing was compared with ${endName(about)}.`,
    fix: `compare before: if (${pointerText(q)} + ${about.need} > ${endName(about)}) return ...;`,
    path: path(q, about, `needs ${bytes(about.need)}, 0 are proved`),
  });
}

const pointerText = (q: Inquiry): string => {
  const base = q.baseName(q.insn);
  return base === undefined || !/^\w+$/.test(base) ? '(void *)p' : `(void *)${base}`;
};

function short(q: Inquiry, about: About): Finding {
  const { row, need } = about;
  const missing = need - row[A];
  const checked = endChecks(q.walk, checksBefore(q.walk, q.last), row[TYPE]).findLast(
    (c) => q.row(c.pointer, c.step)[ID] === row[ID] && q.row(c.pointer, c.step + 1)[A] === row[A],
  );
  if (need > MAX_PACKET_OFF) {
    return finish(q, about, {
      cause: 'LOOP_UNBOUNDED',
      label: 'no constant bounds the turns',
      explanation: `The loop goes through the packet with no constant bound: after ${row[A]} bytes the verifier knows no more, for ranges end at ${MAX_PACKET_OFF}.`,
      fix: 'bound the turns with a constant: for (int i = 0; i < LIMIT; i++), and leave at data_end',
      path: path(q, about, `byte ${need}`).slice(-3),
      ...(checked === undefined ? {} : { insn: q.insnAt(checked.step) }),
    });
  }
  const where = checked === undefined ? '' : ` by ${q.where(q.insnAt(checked.step))}`;
  return finish(q, about, {
    cause: 'PACKET_SHORT',
    label: `${bytes(missing)} more than what is proved`,
    explanation: `The packet is proved to hold ${bytes(row[A])} here${where}, and ${subject(q)} needs ${need}: ${missing === 1 ? 'off by one' : `${missing} more`}.`,
    fix: `compare with ${need} bytes in place of ${row[A]}${checked === undefined ? '' : ` in ${q.where(q.insnAt(checked.step))}`}`,
    path: path(q, about, `needs ${bytes(need)}, ${row[A]} are proved`),
  });
}

function offsetLarge(q: Inquiry, about: About, check: EndCheck): Finding {
  const compared = q.row(check.pointer, check.step);
  const moved = about.trail.find((l) => movedByVariable(q, l));
  const operand = moved?.motion.kind === 'arithmetic' ? moved.motion.operand : undefined;
  const name = moved === undefined ? undefined : q.expression(q.insnAt(moved.step))?.text;
  const offset = operand === undefined || moved === undefined ? [] : storyOf(q, q.trail(operand, moved.step));
  const line = q.where(q.insnAt(check.step));
  const less =
    compared[OFF] < about.need
      ? ` And it compares ${bytes(compared[OFF])} behind the offset, where ${about.need} are needed.`
      : '';
  return finish(q, about, {
    cause: 'PACKET_OFFSET_LARGE',
    label: 'the comparison gave no range: the offset is unbounded',
    explanation: `The comparison in ${line} proves nothing: the offset in it may be ${range(compared)}${compared[OFF] > 0 ? ` and ${compared[OFF]} more` : ''}, and only offsets up to ${MAX_PACKET_OFF} count.${less}`,
    fix: `bound the offset before it is added${name === undefined ? '' : ` in \`${name}\``}: if (offset > 1500) return ...;`,
    path: path(q, about, 'no byte is proved behind this pointer', offset),
    values: { most: umaxOf(compared, 0), limit: MAX_PACKET_OFF },
  });
}

function movedAfter(q: Inquiry, about: About, moved: Link): Finding {
  const operand = moved.motion.kind === 'arithmetic' ? moved.motion.operand : undefined;
  const by = operand === undefined ? 'an unknown number' : range(q.row(operand, moved.step));
  const checks = endStory(q, moved.step, () => true, about.row[TYPE]).slice(-1);
  return finish(q, about, {
    cause: 'PACKET_MOVED_AFTER_CHECK',
    label: 'moved since it was compared',
    explanation: `The pointer was moved by ${by} in ${q.where(q.insnAt(moved.step))}, after the comparison with ${endName(about)}, and the new pointer was not compared.`,
    fix: `compare the pointer with ${endName(about)} after ${q.where(q.insnAt(moved.step))}`,
    path: path(q, about, 'no byte is proved behind the new pointer', checks),
  });
}

function otherPointer(q: Inquiry, about: About): Finding {
  const checks = endStory(q, q.last, () => true, about.row[TYPE]).slice(-2);
  return finish(q, about, {
    cause: 'PACKET_OTHER_POINTER',
    label: 'this pointer was not compared',
    explanation: `${subject(q)} goes through another pointer than the one that was compared with ${endName(about)}: an unknown offset lies between the two.`,
    fix: 'keep the compared pointer in a variable, and access through it',
    path: path(q, about, 'no byte is proved behind this pointer', checks),
  });
}

function lengthCompared(q: Inquiry, about: About, check: Check): Finding {
  const event = q.event(check.step, 'unbounded', 'compares a length, which is no packet pointer');
  return finish(q, about, {
    cause: 'PACKET_LENGTH_COMPARED',
    label: 'only a length was compared',
    explanation: `${q.where(q.insnAt(check.step))} compares the length of the packet as a number. That proves nothing of the pointer that ${subject(q)} goes through.`,
    fix: `compare the pointer: if (${pointerText(q)} + ${about.need} > ${endName(about)}) return ...;`,
    path: path(q, about, `needs ${bytes(about.need)}, 0 are proved`, [{ step: check.step, event }]),
  });
}

function wrongBranch(q: Inquiry, about: About): Finding {
  const checks = endChecks(q.walk, checksBefore(q.walk, q.last), about.row[TYPE]).filter((c) => wentOutside(q, c));
  const check = checks.at(-1);
  const line = check === undefined ? 'an earlier comparison' : q.where(q.insnAt(check.step));
  return finish(q, about, {
    cause: 'PACKET_WRONG_BRANCH',
    label: 'here the packet is known to be too short',
    explanation: `On this path the comparison in ${line} has found that the pointer is at or behind the end of the packet, and ${subject(q)} is done all the same.`,
    fix: `turn the comparison in ${line} round, or return where the packet is too short`,
    path: path(q, about, 'done where the packet is too short'),
  });
}

/** A number where a packet pointer was: some call moved the packet. */
export function stalePacket(q: Inquiry, place: Place): Finding | undefined {
  const trail = q.trail(place);
  const lost = q.lostPointer(trail);
  if (lost?.motion.kind !== 'spoiled' || lost.before === undefined) return undefined;
  const type = lost.before[TYPE];
  if (type !== PTR_TO_PACKET && type !== PTR_TO_PACKET_META && type !== PTR_TO_PACKET_END) return undefined;
  const call = q.callee(q.insnAt(lost.step)) ?? 'a call';
  const argument = q.callee(q.insn) !== undefined && regnoOf(place) >= 1 && regnoOf(place) <= 5;
  const name = quoted(argument ? q.argumentText(regnoOf(place)) : q.baseName(q.insn), 'this pointer');
  const line = q.where(q.insnAt(lost.step));
  const checks = endStory(q, lost.step, (c) => q.row(c.pointer, c.step)[ID] === (lost.before as Int32Array)[ID]);
  const fault = { step: q.last, event: q.event(q.last, 'fault', 'goes through that number') };
  return {
    cause: 'PACKET_STALE',
    label: `${name} is not a packet pointer any more`,
    explanation: `${name} led into the packet until ${line}: ${call} may move the packet, and makes all packet pointers invalid.`,
    fix: `load data and data_end again after ${line}, and compare again`,
    path: tell([...storyOf(q, trail), ...checks, fault]),
    values: { call },
  };
}

/** ACCESS.INVALID_MEM_ACCESS through data_end. */
export const packetEnd: Detector = (q) => {
  const place = q.reg(q.number(0));
  if (q.row(place)[TYPE] !== PTR_TO_PACKET_END) return undefined;
  const name = quoted(q.baseName(q.insn), 'data_end');
  return {
    cause: 'PACKET_END_USED',
    label: `${name} is the end of the packet`,
    explanation: `${name} is the address behind the last byte of the packet: nothing may be accessed through it.`,
    fix: 'go forwards from data, and compare with data_end',
    path: tell([
      ...storyOf(q, q.trail(place)),
      { step: q.last, event: q.event(q.last, 'fault', 'accesses what is behind the packet') },
    ]),
  };
};

/** ACCESS.NEGATIVE_INDEX on packet pointers. */
export const packetNegative: Detector = (q) => {
  const place = q.reg(q.number(0));
  const row = q.row(place);
  if (row[TYPE] !== PTR_TO_PACKET || sminOf(row, 0) >= 0) return undefined;
  return {
    cause: 'PACKET_OFFSET_NEGATIVE',
    label: 'may lie in front of the packet',
    explanation: `The offset that was added to the packet pointer may be ${range(row)}.`,
    fix: 'make the offset unsigned, mask it, or compare it with 0 as well',
    path: tell([
      ...storyOf(q, q.trail(place)),
      { step: q.last, event: q.event(q.last, 'fault', 'may lie in front of the packet') },
    ]),
    values: { least: sminOf(row, 0), mask: row[MASK_LO] },
  };
};

/** ACCESS.PACKET_WRITE. */
export const packetWrite: Detector = (q) => ({
  cause: 'PACKET_READ_ONLY',
  label: 'writes the packet',
  explanation: `Programs of this type may read the packet only, and ${subject(q)} writes it.`,
  fix: 'write the packet in a program type that may, such as XDP or tc',
  path: [q.event(q.last, 'fault', 'writes the packet')],
});
