/** CO-RE questions that types of Linux answer: each is a local type, and what a program asks about it. */
import { BtfBuilder } from '../../../src/btf/encode.ts';
import { BTF_INT_SIGNED } from '../../../src/btf/types.ts';
import { BPF_CORE_RELO_KIND as R, type CoreRelo } from '../../../src/lib/core-relo/kinds.ts';

const { TYPE_EXISTS, TYPE_MATCHES, TYPE_SIZE, FIELD_EXISTS, FIELD_BYTE_OFFSET, FIELD_BYTE_SIZE, FIELD_SIGNED } = R;
const { ENUMVAL_EXISTS, ENUMVAL_VALUE } = R;
const SHAPE = [TYPE_EXISTS, TYPE_MATCHES];
const FIELD = [FIELD_EXISTS, FIELD_BYTE_OFFSET, FIELD_BYTE_SIZE, FIELD_SIGNED];

export interface CoreCase {
  readonly name: string;
  /** Makes the local type: its id. */
  readonly type: (b: BtfBuilder) => number;
  readonly access?: string;
  readonly kinds: readonly number[];
}

const int = (b: BtfBuilder): number => b.int('int', 4, BTF_INT_SIGNED);
const u32 = (b: BtfBuilder): number => b.int('unsigned int', 4);
const u64 = (b: BtfBuilder): number => b.int('unsigned long', 8);
const char = (b: BtfBuilder): number => b.int('char', 1, BTF_INT_SIGNED);
const bytes = (b: BtfBuilder, n: number): number => b.array(b.int('unsigned char', 1), u32(b), n);

type Param = (b: BtfBuilder) => number;
const param = (type: number) => ({ name: '', type });
/** A pointer to a function under a name of the kernel. */
const callback = (typedef: string, ret: Param, ...params: Param[]): Omit<CoreCase, 'name'> => ({
  type: (b) =>
    b.typedef(
      typedef,
      b.ptr(
        b.funcProto(
          ret(b),
          params.map((p) => param(p(b))),
        ),
      ),
    ),
  kinds: SHAPE,
});
const nothing: Param = () => 0;
const voidPtr: Param = (b) => b.ptr(0);
const irqreturn: Param = (b) =>
  b.typedef(
    'irqreturn_t',
    b.enum('irqreturn', 4, [
      { name: 'IRQ_NONE', value: 0n },
      { name: 'IRQ_HANDLED', value: 1n },
    ]),
  );

/** A struct of the kernel's with some members, each in 64 bytes of its own. */
const struct =
  (name: string, members: Readonly<Record<string, Param>>): CoreCase['type'] =>
  (b) =>
    b.struct(
      name,
      64 * Object.keys(members).length,
      Object.entries(members).map(([member, type], i) => ({
        name: member,
        type: type(b),
        bitOffset: i * 512,
        bitfieldSize: 0,
      })),
    );
const shape = (type: CoreCase['type']): Omit<CoreCase, 'name'> => ({ type, kinds: SHAPE });
const field = (type: CoreCase['type']): Omit<CoreCase, 'name'> => ({ type, kinds: FIELD, access: '0:0' });
const ptrTo =
  (type: Param): Param =>
  (b) =>
    b.ptr(type(b));
const fwd =
  (name: string, union = false): Param =>
  (b) =>
    b.fwd(name, union);
const values =
  (names: readonly string[], size = 4) =>
  (b: BtfBuilder): number =>
    b.enum(
      'pid_type',
      size,
      names.map((name, i) => ({ name, value: BigInt(i) })),
    );

const CASES: Readonly<Record<string, Omit<CoreCase, 'name'>>> = {
  'a function without parameters': callback('initcall_t', int),
  'a parameter too many': callback('initcall_t', int, int),
  'a wider result': callback('initcall_t', u64),
  'a result without sign': callback('initcall_t', u32),
  'a pointer as result': callback('initcall_t', voidPtr),
  'no result': callback('initcall_t', nothing),
  'two parameters': callback('irq_handler_t', irqreturn, int, voidPtr),
  'two parameters, the first without sign': callback('irq_handler_t', irqreturn, u32, voidPtr),
  'two parameters, the second to an integer': callback('irq_handler_t', irqreturn, int, ptrTo(int)),
  'two parameters, the second an integer': callback('irq_handler_t', irqreturn, int, u64),
  'a result that is a plain integer': callback('irq_handler_t', int, int, voidPtr),
  'one parameter less': callback('irq_handler_t', irqreturn, int),
  'a typedef of the kernel over another type': { type: (b) => b.typedef('initcall_t', int(b)), kinds: SHAPE },
  'a typedef that the kernel lacks': callback('no_such_call_t', int),
  'a struct with one of two members': shape(struct('list_head', { next: ptrTo(fwd('list_head')) })),
  'a struct with a member that is not there': shape(struct('list_head', { other: ptrTo(fwd('list_head')) })),
  'a member behind a pointer to a union of that name': shape(
    struct('list_head', { next: ptrTo(fwd('list_head', true)) }),
  ),
  'a member behind a pointer to another struct': shape(struct('list_head', { next: ptrTo(fwd('hlist_node')) })),
  'a member that is no pointer': shape(struct('list_head', { next: u64 })),
  'a flavour of a struct': shape(struct('list_head___old', { next: ptrTo(fwd('list_head___old')) })),
  'an empty struct': shape(struct('task_struct', {})),
  "a union of a struct's name": { type: (b) => b.union('list_head', 0, []), kinds: SHAPE },
  'a forward declaration of a struct': { type: fwd('list_head'), kinds: SHAPE },
  'an array': shape(struct('ethhdr', { h_dest: (b) => bytes(b, 6) })),
  'an array that is shorter': shape(struct('ethhdr', { h_dest: (b) => bytes(b, 4) })),
  'an array of wider elements': shape(struct('ethhdr', { h_dest: (b) => b.array(u32(b), u32(b), 6) })),
  'an array of signed elements': shape(struct('ethhdr', { h_dest: (b) => b.array(char(b), u32(b), 6) })),
  'some names of an enumeration': { type: values(['PIDTYPE_PID', 'PIDTYPE_TGID']), kinds: SHAPE },
  'a name that an enumeration lacks': { type: values(['PIDTYPE_PID', 'PIDTYPE_OTHER']), kinds: SHAPE },
  'a wider enumeration': { type: values(['PIDTYPE_PID'], 8), kinds: SHAPE },
  'an enumeration of 64 bits': {
    type: (b) => b.enum64('pid_type', 4, [{ name: 'PIDTYPE_PID', value: 0n }]),
    kinds: SHAPE,
  },
  'a value of an enumeration': {
    type: values(['PIDTYPE_PGID___x']),
    access: '0',
    kinds: [ENUMVAL_EXISTS, ENUMVAL_VALUE],
  },
  'a value that an enumeration lacks': { type: values(['PIDTYPE_OTHER']), access: '0', kinds: [ENUMVAL_EXISTS] },
  'an integer by name': { type: u32, kinds: [...SHAPE, TYPE_SIZE] },
  'an integer by name, wider': { type: (b) => b.int('unsigned int', 8), kinds: SHAPE },
  'an integer by name, signed': { type: (b) => b.int('unsigned int', 4, BTF_INT_SIGNED), kinds: SHAPE },
  'a member that is an integer': field(struct('task_struct', { flags: u32 })),
  'a member that is a wider integer here': field(struct('task_struct', { flags: u64 })),
  'a member that is a pointer here': field(struct('task_struct', { flags: voidPtr })),
  'a member that is a pointer': field(struct('task_struct', { mm: voidPtr })),
  'a member that is an integer here': field(struct('task_struct', { mm: u64 })),
  'a member that is a struct': field(struct('task_struct', { tasks: struct('list_head', { next: voidPtr }) })),
  'a member that is another struct here': field(struct('task_struct', { tasks: struct('other', { next: voidPtr }) })),
  'a member that is an array': field(struct('task_struct', { comm: (b) => b.array(char(b), u32(b), 16) })),
  'a member that is a shorter array of wider elements here': field(
    struct('task_struct', { comm: (b) => b.array(u32(b), u32(b), 4) }),
  ),
  'a member that is an array of pointers here': field(
    struct('task_struct', { comm: (b) => b.array(b.ptr(0), u32(b), 2) }),
  ),
  'a member that is an enumeration': field(
    struct('bpf_map', { map_type: (b) => b.enum('bpf_map_type', 4, [{ name: 'BPF_MAP_TYPE_HASH', value: 1n }]) }),
  ),
  'a member that is an enumeration without a name here': field(
    struct('bpf_map', { map_type: (b) => b.enum('', 4, [{ name: 'BPF_MAP_TYPE_HASH', value: 1n }]) }),
  ),
  'a member that is another enumeration here': field(
    struct('bpf_map', { map_type: (b) => b.enum('other', 4, [{ name: 'BPF_MAP_TYPE_HASH', value: 1n }]) }),
  ),
  'a member that is an enumeration and an integer here': field(struct('bpf_map', { map_type: u32 })),
  'a member of floating point here': field(struct('bpf_map', { map_type: (b) => b.float('float', 4) })),
  'a bit field': field((b) =>
    b.struct('task_struct', 4, [{ name: 'in_execve', type: u32(b), bitOffset: 0, bitfieldSize: 1 }]),
  ),
};

export const CORE_CASES: readonly CoreCase[] = Object.entries(CASES).map(([name, c]) => ({ name, ...c }));

/** The BTF of a program that asks, and its relocation of instruction 0 with the offset of its path in the strings. */
export function encodeCase({ type, access = '0' }: CoreCase, kind: number) {
  const b = new BtfBuilder();
  const typeId = type(b);
  const main = b.func('main', b.funcProto(int(b), [{ name: 'ctx', type: b.ptr(0) }]), 1);
  const at = b.string(access);
  const relo: CoreRelo = { insn: 0, typeId, access, kind };
  return { btf: b.encode(), main, relo, record: Uint32Array.of(0, typeId, at, kind) };
}
