/** Contexts of converted types: each field that a program may read has the value given, each that it may write comes back. */
import { describe, expect, test } from 'vitest';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { ProgramAbort } from '../../../src/util/errors.ts';
import { createRuntime, type Runtime } from '../../../src/kernel/boot/runtime.ts';
import type { CtxStruct } from '../../../src/kernel/rules/rows/ctx/row.ts';
import {
  BPF_SK_LOOKUP,
  BPF_SOCK,
  BPF_SOCK_ADDR,
  BPF_SOCK_OPS,
  SK_MSG_MD,
} from '../../../src/kernel/rules/rows/ctx/net.ts';
import { BPF_SOCKOPT, BPF_SYSCTL } from '../../../src/kernel/rules/rows/ctx/system.ts';
import { BPF_ATTACH_TYPE as A } from '../../../src/uapi/attach-types.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';
import { kernelBtf } from '../syscall/embedded.ts';

interface Kind {
  readonly struct: CtxStruct;
  readonly progType: number;
  readonly attach: readonly number[];
  /** Fields that no program of the type reads or writes. */
  readonly unread: readonly string[];
  readonly written: readonly string[];
  /** r0 of the writing program, where the type bounds it. */
  readonly ret?: number;
}

const ADDR = [
  A.BPF_CGROUP_INET4_CONNECT,
  A.BPF_CGROUP_INET6_CONNECT,
  A.BPF_CGROUP_UDP4_SENDMSG,
  A.BPF_CGROUP_UDP6_SENDMSG,
];
const KINDS: readonly Kind[] = [
  {
    struct: BPF_SYSCTL,
    progType: T.BPF_PROG_TYPE_CGROUP_SYSCTL,
    attach: [A.BPF_CGROUP_SYSCTL],
    unread: [],
    written: ['file_pos'],
  },
  {
    struct: BPF_SOCKOPT,
    progType: T.BPF_PROG_TYPE_CGROUP_SOCKOPT,
    attach: [A.BPF_CGROUP_GETSOCKOPT, A.BPF_CGROUP_SETSOCKOPT],
    unread: ['sk', 'optval', 'optval_end'],
    written: ['retval', 'optlen', 'level', 'optname'],
  },
  {
    struct: BPF_SOCK_ADDR,
    progType: T.BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
    attach: ADDR,
    unread: ['sk'],
    written: ['user_ip4', 'user_ip6', 'user_port', 'msg_src_ip4', 'msg_src_ip6'],
    ret: 1,
  },
  {
    struct: BPF_SOCK_OPS,
    progType: T.BPF_PROG_TYPE_SOCK_OPS,
    attach: [A.BPF_CGROUP_SOCK_OPS],
    unread: ['sk'],
    written: ['reply', 'sk_txhash'],
    ret: 1,
  },
  {
    struct: BPF_SOCK,
    progType: T.BPF_PROG_TYPE_CGROUP_SOCK,
    attach: [A.BPF_CGROUP_INET_SOCK_CREATE, A.BPF_CGROUP_INET4_POST_BIND, A.BPF_CGROUP_INET6_POST_BIND],
    unread: [],
    written: ['bound_dev_if', 'mark', 'priority'],
    ret: 1,
  },
  {
    struct: BPF_SK_LOOKUP,
    progType: T.BPF_PROG_TYPE_SK_LOOKUP,
    attach: [A.BPF_SK_LOOKUP],
    unread: ['sk'],
    written: [],
    ret: 1,
  },
  {
    struct: SK_MSG_MD,
    progType: T.BPF_PROG_TYPE_SK_MSG,
    attach: [A.BPF_SK_MSG_VERDICT],
    unread: ['sk', 'data', 'data_end'],
    written: [],
    ret: 1,
  },
];

const VALUE = 5;

const load = (sys: Runtime, kind: Kind, attach: number, asm: string): number =>
  sys.bpf(BPF_CMD.BPF_PROG_LOAD, {
    prog_type: kind.progType,
    expected_attach_type: attach,
    insns: encodeInsns(assemble(asm)),
    license: 'GPL',
  });
/** The first of the attach types with which the program loads. */
function loadAny(sys: Runtime, kind: Kind, asm: string): number {
  return kind.attach.map((attach) => load(sys, kind, attach, asm)).find((fd) => fd > 0) ?? -1;
}

describe.each(['jit', 'interp'] as const)('%s', (engine) => {
  const sys = createRuntime({ memory: 64 << 20, kernelBtf, engine });
  const run = (fd: number, ctx: Uint8Array) => sys.program(fd)!.runContext(ctx);

  test.each(KINDS)('$struct.name: what is read and written', (kind) => {
    const { struct } = kind;
    const unread: string[] = [];
    const written: string[] = [];
    for (const [name, { off, size, unit: element = size, reg }] of Object.entries(struct.fields)) {
      if (mustBeZero(struct, name)) continue;
      const unit = Math.min(element, size);
      const cast = unit === 8 ? 'u64' : unit === 2 ? 'u16' : 'u32';
      // The port of these lies in the upper half of its word.
      const at = off + size - unit;
      const below = name === 'remote_port' && size === 4 ? 2 : 0;
      // Values go through the context itself, as r0 of these types is bounded.
      const keep = `r0 = 1\nif w2 == ${VALUE << (below * 8)} goto same\nr0 = 0\nsame:\nexit`;
      const reader = reg === undefined ? loadAny(sys, kind, `r2 = *(${cast} *)(r1 +${at})\n${keep}`) : -1;
      const ctx = new Uint8Array(struct.size);
      if (struct.name === 'bpf_sock_ops') ctx[struct.fields.is_fullsock.off] = 1;
      const before = ctx.slice();
      if (reader > 0) {
        expect(run(reader, ctx).r0[0], `${name} of zeros`).toBe(0);
        ctx[at + below] = VALUE;
        const { r0, ctx: left } = run(reader, ctx);
        expect([name, r0[0]]).toEqual([name, 1]);
        expect([name, left]).toEqual([name, ctx]);
      } else unread.push(name);
      const writer = loadAny(sys, kind, `r2 = ${VALUE}\n*(${cast} *)(r1 +${at}) = r2\nr0 = ${kind.ret ?? 1}\nexit`);
      if (writer <= 0 || reg !== undefined) continue;
      written.push(name);
      before[at] = VALUE;
      const clean = new Uint8Array(struct.size);
      if (struct.name === 'bpf_sock_ops') clean[struct.fields.is_fullsock.off] = 1;
      expect([name, run(writer, clean).ctx]).toEqual([name, before]);
    }
    expect(unread.sort()).toEqual(kind.unread.toSorted());
    expect(written.sort()).toEqual(kind.written.toSorted());
  });

  test('short contexts are refused with what they take', () => {
    for (const kind of KINDS) {
      const fd = loadAny(sys, kind, `r0 = ${kind.ret ?? 1}\nexit`);
      const { name, size } = kind.struct;
      expect(() => run(fd, new Uint8Array(size - 1))).toThrow(
        `struct ${name} takes ${size} bytes, and ${size - 1} were given`,
      );
    }
    const kprobe = load(sys, { ...KINDS[0], progType: T.BPF_PROG_TYPE_KPROBE }, 0, 'r0 = 0\nexit');
    expect(() => run(kprobe, new Uint8Array(8))).toThrow('struct bpf_user_pt_regs_t takes 168 bytes, and 8 were given');
    const record = load(sys, { ...KINDS[0], progType: T.BPF_PROG_TYPE_TRACEPOINT }, 0, 'r0 = *(u32 *)(r1 +20)\nexit');
    expect(() => run(record, new Uint8Array(23))).toThrow('takes 24 bytes, and 23 were given');
    expect(run(record, new Uint8Array(24)).r0[0]).toBe(0);
  });

  test('the data of a socket option lie behind the context', () => {
    const asm = `
      r2 = *(u64 *)(r1 +8)
      r3 = *(u64 *)(r1 +16)
      r4 = r2
      r4 += 4
      r0 = 0
      if r4 > r3 goto out
      r5 = *(u8 *)(r2 +3)
      r5 += 1
      *(u8 *)(r2 +3) = r5
      r0 = 1
    out:
      exit
    `;
    const fd = load(sys, KINDS[1], A.BPF_CGROUP_SETSOCKOPT, asm);
    const ctx = new Uint8Array(40 + 4);
    ctx[43] = 9;
    const { r0, ctx: left } = run(fd, ctx);
    expect([r0[0], left[43]]).toEqual([1, 10]);
    expect(run(fd, new Uint8Array(40 + 3)).r0[0]).toBe(0);
  });

  test('what a context cannot hold is refused by name', () => {
    const ops = load(sys, KINDS[3], A.BPF_CGROUP_SOCK_OPS, 'r0 = 1\nexit');
    const ctx = new Uint8Array(224);
    ctx[208] = 1;
    expect(() => run(ops, ctx)).toThrow(/bpf_sock_ops.skb_len \(offset 208\) needs a packet/);
    const pointer = new Uint8Array(224);
    pointer[184] = 1;
    expect(() => run(ops, pointer)).toThrow(/bpf_sock_ops.sk \(offset 184\) is an address/);
    const wide = new Uint8Array(224);
    wide[22] = 1;
    expect(() => run(ops, wide)).toThrow('bpf_sock_ops.family (offset 20) holds 16 bits');
    const port = new Uint8Array(224);
    port[64] = 1;
    expect(() => run(ops, port)).toThrow('bpf_sock_ops.remote_port (offset 64) holds 16 bits above its lower 16');
    const tail = new Uint8Array(225);
    tail[224] = 1;
    expect(() => run(ops, tail)).toThrow('struct bpf_sock_ops has 224 bytes, and those behind it must be zero');
    const xdp = load(sys, { ...KINDS[0], progType: T.BPF_PROG_TYPE_XDP }, 0, 'r0 = 2\nexit');
    expect(() => run(xdp, new Uint8Array(24))).toThrow(ProgramAbort);
    expect(() => run(xdp, new Uint8Array(24))).toThrow(/packet runner/);
  });

  test('sock_ops sees its TCP socket only when it is locked', () => {
    const asm = 'r2 = *(u32 *)(r1 +76)\nr0 = 1\nif w2 == 33 goto same\nr0 = 0\nsame:\nexit';
    const fd = load(sys, KINDS[3], A.BPF_CGROUP_SOCK_OPS, asm);
    const ctx = new Uint8Array(224);
    ctx[76] = 33;
    expect(run(fd, ctx).r0[0]).toBe(0);
    ctx[72] = 1;
    expect(run(fd, ctx).r0[0]).toBe(1);
    // BPF_SOCK_OPS_TSTAMP_ACK_CB
    ctx[0] = 19;
    expect(run(fd, ctx).r0[0]).toBe(0);
  });
});

/** Fields of a packet that is not there, and padding. */
const mustBeZero = (struct: CtxStruct, name: string): boolean =>
  (struct.name === 'bpf_sock_ops' && name.startsWith('skb_')) || name === 'remote_port_pad';
