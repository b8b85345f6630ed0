/** Helper calls that Linux 6.18 was asked: one call each, in a program that stores r0. */
import { BPF_FUNC as F } from '../../../src/uapi/helper-ids.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';

/** `ctx`; an offset in the buffer; an offset in the read-only text; a number. */
export type Arg = 'ctx' | { readonly buf: number } | { readonly text: number } | number | bigint;

export interface OracleCase {
  readonly name: string;
  readonly progType: number;
  readonly helper: number;
  readonly args: readonly Arg[];
  /** Buffer before the call (zero beyond). */
  readonly buf?: Uint8Array;
  /** Read-only text. */
  readonly text?: string;
  /** Packet; an IPv4 UDP packet when left out. */
  readonly packet?: Uint8Array;
}

export const BUF_SIZE = 192;
const { BPF_PROG_TYPE_XDP: XDP, BPF_PROG_TYPE_SCHED_CLS: TC, BPF_PROG_TYPE_RAW_TRACEPOINT: RAW } = T;
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const bytes = (...parts: (Uint8Array | number[])[]): Uint8Array => Uint8Array.from(parts.flatMap((p) => [...p]));
const words = (...values: (number | bigint)[]): Uint8Array =>
  new Uint8Array(BigUint64Array.from(values, (v) => BigInt.asUintN(64, BigInt(v))).buffer);
const at = (offset: number, data: Uint8Array): Uint8Array => bytes(new Uint8Array(offset), data);

export const UDP4 = bytes(
  [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0],
  [0x45, 0, 0, 50, 0x12, 0x34, 0x40, 0, 64, 17, 0x14, 0x77, 10, 0, 0, 1, 10, 0, 0, 2],
  [0x04, 0xd2, 0x16, 0x2e, 0, 30, 0xab, 0xcd],
  Array.from({ length: 22 }, (_, i) => i * 7),
);
const VLAN4 = bytes(UDP4.subarray(0, 12), [0x81, 0, 0, 42], UDP4.subarray(12));
const IP6 = bytes(
  UDP4.subarray(0, 12),
  [0x86, 0xdd, 0x60, 0, 0, 0, 0, 8, 17, 64],
  new Uint8Array(32).fill(1),
  [1, 2, 3, 4, 0, 8, 0, 0],
);

const cases: OracleCase[] = [];
const add = (
  name: string,
  progType: number,
  helper: number,
  args: readonly Arg[],
  rest: Partial<OracleCase> = {},
): void => {
  cases.push({ name: `${name} ${cases.length}`, progType, helper, args, ...rest });
};

// Checksums.
const noise = Uint8Array.from({ length: 64 }, (_, i) => (i * 73 + 11) & 255);
for (const [from, to] of [
  [0, 4],
  [4, 0],
  [4, 4],
  [8, 20],
  [20, 20],
  [0, 64],
  [64, 0],
  [32, 32],
  [0, 0],
  [3, 4],
  [4, 6],
] as const) {
  for (const seed of [0, 1, 0xffff, 0x12345678, 0xffffffff]) {
    add(`csum_diff ${from} ${to} ${seed}`, TC, F.BPF_FUNC_csum_diff, [{ buf: 0 }, from, { buf: 64 }, to, seed], {
      buf: bytes(noise, noise.slice().reverse()),
    });
  }
}
add('csum_diff of ones', TC, F.BPF_FUNC_csum_diff, [{ buf: 0 }, 4, { buf: 64 }, 4, 0], {
  buf: bytes(new Uint8Array(128).fill(255)),
});
for (const flags of [0, 2, 4, 1, 0x10, 0x12, 0x14, 8]) {
  add(`l3_csum_replace ${flags}`, TC, F.BPF_FUNC_l3_csum_replace, [
    'ctx',
    24,
    flags & 0xf ? 0x0100000a : 0,
    0x0501a8c0,
    flags,
  ]);
}
add('l3_csum_replace odd', TC, F.BPF_FUNC_l3_csum_replace, ['ctx', 25, 1, 2, 2]);
add('l3_csum_replace far', TC, F.BPF_FUNC_l3_csum_replace, ['ctx', 63, 1, 2, 2]);
add('l3_csum_replace end', TC, F.BPF_FUNC_l3_csum_replace, ['ctx', 62, 1, 2, 2]);
add('l3_csum_replace from with diff', TC, F.BPF_FUNC_l3_csum_replace, ['ctx', 24, 5, 2, 0]);
for (const flags of [0, 2, 4, 0x10, 0x12, 0x14, 0x20, 0x24, 0x22, 0x64, 0x34, 3, 0x80, 0x90, 0x100]) {
  add(`l4_csum_replace ${flags}`, TC, F.BPF_FUNC_l4_csum_replace, [
    'ctx',
    40,
    flags & 0xf ? 0x0100000a : 0,
    0x0501a8c0,
    flags,
  ]);
  add(`l4_csum_replace zero field ${flags}`, TC, F.BPF_FUNC_l4_csum_replace, [
    'ctx',
    18,
    flags & 0xf ? 0x3412 : 0,
    0x3412,
    flags,
  ]);
}
add('csum_update', TC, F.BPF_FUNC_csum_update, ['ctx', 77]);
for (const level of [0, 1, 2, 3, 4]) add(`csum_level ${level}`, TC, F.BPF_FUNC_csum_level, ['ctx', level]);

// Packet data.
for (const [off, len] of [
  [0, 14],
  [40, 24],
  [41, 24],
  [64, 1],
  [100, 4],
  [0xffffffff, 4],
  [0x7fffffff, 4],
] as const) {
  add(`skb_load_bytes ${off} ${len}`, TC, F.BPF_FUNC_skb_load_bytes, ['ctx', off, { buf: 0 }, len], { buf: noise });
  add(`skb_store_bytes ${off} ${len}`, TC, F.BPF_FUNC_skb_store_bytes, ['ctx', off, { buf: 0 }, len, 0], {
    buf: noise,
  });
  add(`xdp_load_bytes ${off} ${len}`, XDP, F.BPF_FUNC_xdp_load_bytes, ['ctx', off, { buf: 0 }, len], { buf: noise });
  add(`xdp_store_bytes ${off} ${len}`, XDP, F.BPF_FUNC_xdp_store_bytes, ['ctx', off, { buf: 0 }, len], { buf: noise });
  for (const header of [0, 1, 2]) {
    add(
      `load_bytes_relative ${off} ${len} ${header}`,
      TC,
      F.BPF_FUNC_skb_load_bytes_relative,
      ['ctx', off, { buf: 0 }, len, header],
      { buf: noise },
    );
  }
}
for (const flags of [1, 2, 3, 4])
  add(`skb_store_bytes flags ${flags}`, TC, F.BPF_FUNC_skb_store_bytes, ['ctx', 20, { buf: 0 }, 6, flags], {
    buf: noise,
  });
for (const len of [0, 14, 64, 65, 1000]) add(`skb_pull_data ${len}`, TC, F.BPF_FUNC_skb_pull_data, ['ctx', len]);
for (const off of [0, 4, -4, 14, 50, 51, -216, -217, -256, 100, 1 << 20])
  add(`xdp_adjust_head ${off}`, XDP, F.BPF_FUNC_xdp_adjust_head, ['ctx', off]);
for (const off of [0, 4, -4, -3, -32, -36, -216, -217, -252, -256])
  add(`xdp_adjust_meta ${off}`, XDP, F.BPF_FUNC_xdp_adjust_meta, ['ctx', off]);
for (const off of [0, 1, 10, -10, -50, -51, 3456, 3457, 4096])
  add(`xdp_adjust_tail ${off}`, XDP, F.BPF_FUNC_xdp_adjust_tail, ['ctx', off]);
add('xdp_get_buff_len', XDP, F.BPF_FUNC_xdp_get_buff_len, ['ctx']);
for (const len of [0, 13, 14, 20, 60, 64, 70, 100, 70000])
  add(`skb_change_tail ${len}`, TC, F.BPF_FUNC_skb_change_tail, ['ctx', len, 0]);
add('skb_change_tail flags', TC, F.BPF_FUNC_skb_change_tail, ['ctx', 50, 1]);
for (const len of [0, 4, 14, 32, 70000]) add(`skb_change_head ${len}`, TC, F.BPF_FUNC_skb_change_head, ['ctx', len, 0]);
add('skb_change_head flags', TC, F.BPF_FUNC_skb_change_head, ['ctx', 4, 1]);
for (const packet of [UDP4, VLAN4]) {
  add('vlan_push', TC, F.BPF_FUNC_skb_vlan_push, ['ctx', 0x0081, 5], { packet });
  add('vlan_push ad', TC, F.BPF_FUNC_skb_vlan_push, ['ctx', 0xa888, 5], { packet });
  add('vlan_push other', TC, F.BPF_FUNC_skb_vlan_push, ['ctx', 1, 5], { packet });
  add('vlan_pop', TC, F.BPF_FUNC_skb_vlan_pop, ['ctx'], { packet });
}
for (const packet of [UDP4, IP6, VLAN4]) {
  add('change_proto to 6', TC, F.BPF_FUNC_skb_change_proto, ['ctx', 0xdd86, 0], { packet });
  add('change_proto to 4', TC, F.BPF_FUNC_skb_change_proto, ['ctx', 0x0008, 0], { packet });
  add('change_proto flags', TC, F.BPF_FUNC_skb_change_proto, ['ctx', 0xdd86, 1], { packet });
}
for (const type of [0, 1, 3, 4, 7]) add(`change_type ${type}`, TC, F.BPF_FUNC_skb_change_type, ['ctx', type]);
add('set_hash', TC, F.BPF_FUNC_set_hash, ['ctx', 1234]);

// Room behind the headers (mode 0) or behind the MAC header (mode 1).
for (const packet of [UDP4, IP6, VLAN4]) {
  for (const mode of [0, 1, 2]) {
    for (const diff of [0, 4, 8, 20, -4, -8, -20, -64, 4096, 5000]) {
      add(`adjust_room ${diff} mode ${mode}`, TC, F.BPF_FUNC_skb_adjust_room, ['ctx', diff, mode, 0], { packet });
    }
  }
  for (const flags of [1, 2, 4, 6, 8, 10, 12, 16, 18, 24, 32, 34, 64, 128, 256, 384, 1 << 12, 1n << 32n]) {
    for (const diff of [8, 20, -20]) {
      for (const mode of [0, 1])
        add(
          `adjust_room ${diff} mode ${mode} flags ${flags}`,
          TC,
          F.BPF_FUNC_skb_adjust_room,
          ['ctx', diff, mode, flags],
          { packet },
        );
    }
  }
  add('skb_ecn_set_ce', TC, F.BPF_FUNC_skb_ecn_set_ce, ['ctx'], { packet });
}
const ECT4 = UDP4.slice();
ECT4[15] = 2;
ECT4[24] = 0x14;
ECT4[25] = 0x75;
const ECT6 = IP6.slice();
ECT6[15] = 0x20;
for (const packet of [ECT4, ECT6]) add('skb_ecn_set_ce capable', TC, F.BPF_FUNC_skb_ecn_set_ce, ['ctx'], { packet });
for (const helper of [
  F.BPF_FUNC_get_cgroup_classid,
  F.BPF_FUNC_get_route_realm,
  F.BPF_FUNC_get_socket_uid,
  F.BPF_FUNC_skb_cgroup_id,
]) {
  add(`answer about the sender ${helper}`, TC, helper, ['ctx']);
}
for (const [len, diff, flags] of [
  [0, 0, 0],
  [100, 0, 0],
  [0, 60000, 0],
  [0, 70000, 0],
  [0, -40, 0],
  [0, 0, 1],
  [0, 0, 2],
  [70000, 0, 0],
  [0, -100, 0],
] as const) {
  for (const [type, ifindex] of [
    [TC, 0],
    [XDP, 0],
    [TC, 1],
    [TC, 77],
    [XDP, 77],
  ] as const) {
    add(
      `check_mtu ${len} ${diff} ${flags} if ${ifindex}`,
      type,
      F.BPF_FUNC_check_mtu,
      ['ctx', ifindex, { buf: 0 }, diff, flags],
      { buf: words(len) },
    );
  }
}

// Redirects: verdicts only.
for (const flags of [0, 1, 2, 1n << 32n]) {
  add(`redirect xdp ${flags}`, XDP, F.BPF_FUNC_redirect, [1, flags]);
  add(`redirect tc ${flags}`, TC, F.BPF_FUNC_redirect, [1, flags]);
  add(`redirect_peer ${flags}`, TC, F.BPF_FUNC_redirect_peer, [1, flags]);
}

// Text to numbers.
for (const text of [
  '0',
  '12',
  '-12',
  ' 42x',
  '0x1f',
  '0X1F',
  '017',
  '08',
  '-0x10',
  '+5',
  '',
  ' ',
  '-',
  '--1',
  'abc',
  '0xg',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '-9223372036854775809',
  '18446744073709551615',
  '18446744073709551616',
  '\t\n7',
  '1 2',
  'fF',
]) {
  for (const base of [0, 8, 10, 16]) {
    add(
      `strtol ${JSON.stringify(text)} ${base}`,
      TC,
      F.BPF_FUNC_strtol,
      [{ buf: 0 }, Math.max(text.length, 1), base, { buf: 64 }],
      { buf: ascii(text) },
    );
    add(
      `strtoul ${JSON.stringify(text)} ${base}`,
      TC,
      F.BPF_FUNC_strtoul,
      [{ buf: 0 }, Math.max(text.length, 1), base, { buf: 64 }],
      { buf: ascii(text) },
    );
  }
}
for (const flags of [2, 7, 32, 0x1_0000_000an])
  add(`strtol base ${flags}`, TC, F.BPF_FUNC_strtol, [{ buf: 0 }, 3, flags, { buf: 64 }], { buf: ascii('123') });
add('strtol longer than digits', TC, F.BPF_FUNC_strtol, [{ buf: 0 }, 8, 10, { buf: 64 }], {
  buf: ascii('0000012345678'),
});
for (const [a, b] of [
  ['abc', 'abc'],
  ['abc', 'abd'],
  ['abd', 'abc'],
  ['ab', 'abc'],
  ['', 'a'],
  ['\xff', 'a'],
] as const) {
  for (const n of [1, 2, 3, 8])
    add(`strncmp ${a} ${b} ${n}`, RAW, F.BPF_FUNC_strncmp, [{ buf: 0 }, n, { text: 0 }], { buf: ascii(a), text: b });
}

// Formats: bpf_snprintf(str, str_size, fmt, data, data_len).
const formats: [string, (number | bigint)[]][] = [
  ['plain', []],
  ['%d', [-5]],
  ['%u', [-5]],
  ['%x %X', [255, 255]],
  ['%5d|%-5d|%05d', [42, 42, 42]],
  ['%+d % d', [7, 7]],
  ['%ld %lld', [-1n, 1n << 40n]],
  ['%lu', [-1n]],
  ['%llx', [0x123456789abcdefn]],
  ['%i', [0x1_0000_0001n]],
  ['%%', []],
  ['100%% %d', [1]],
  ['%c%c', [65, 66]],
  ['%3c|%-3c|', [65, 66]],
  ['%s', [0]],
  ['%d', []],
  ['%d %d', [1]],
  ['%z', [1]],
  ['%f', [1]],
  ['%', []],
  ['%l', [1]],
  ['%hd', [1]],
  ['%-08x|', [0xab]],
  ['%08x', [0xab]],
  ['%08d', [-42]],
  ['%2147483647d', [1]],
  ['a\nb\tc', []],
  ['%px', [0x1234]],
  ['%020lx', [0xabcdef]],
  ['%-20lx|', [0xabcdef]],
  ['%o', [8]],
  ['%#x', [8]],
  ['%.3d', [8]],
  ['%5%', []],
  ['%lx', [-1n]],
  ['%lls', [1]],
  ['%pI4', [0]],
  ['%pi4', [0]],
  ['%pI6', [0]],
  ['%pz', [1]],
  ['%0+5d|%+05d', [3, 3]],
  ['%-+5d|', [3]],
  ['% 5d', [3]],
  ['\x01', []],
  ['%*d', [1, 2]],
];
for (const [text, values] of formats) {
  for (const size of [64, 8, 1, 0]) {
    if (size !== 64 && text.length % 3) continue;
    add(
      `snprintf ${JSON.stringify(text)} ${size}`,
      RAW,
      F.BPF_FUNC_snprintf,
      [{ buf: 0 }, size, { text: 0 }, { buf: 64 }, values.length * 8],
      { buf: at(64, words(...values)), text },
    );
  }
}
// What stands behind a pointer or a string, and what of a pointer does not fit.
for (const text of [
  '%pI4b!',
  '%pI4xyz9 q',
  '%pI6c!',
  '%pi6z',
  'abc%pI4',
  '%pKa!',
  '%px_',
  '%pSR!',
  '%pBa!',
  'a%pB',
  '%pka',
])
  for (const size of [64, 5, 4, 3, 1, 0])
    add(
      `snprintf ${JSON.stringify(text)} of 0, ${size}`,
      RAW,
      F.BPF_FUNC_snprintf,
      [{ buf: 0 }, size, { text: 0 }, { buf: 64 }, 8],
      { text, buf: at(64, words(text.startsWith('%px') ? 0x1234 : 0)) },
    );
for (const text of ['%sx', '%5sx', '%s!', '%s x', '%pksx', '%pus_', '%cx', '%dx'])
  add(`snprintf ${text}`, RAW, F.BPF_FUNC_snprintf, [{ buf: 0 }, 64, { text: 0 }, { buf: 64 }, 8], { text });
add('snprintf odd length', RAW, F.BPF_FUNC_snprintf, [{ buf: 0 }, 8, { text: 0 }, { buf: 64 }, 7], { text: '%d' });

// Reads that fail.
for (const address of [0, 8, 4096, 1n << 40n, -1n, -4096n]) {
  add(`probe_read_kernel ${address}`, RAW, F.BPF_FUNC_probe_read_kernel, [{ buf: 0 }, 16, address], { buf: noise });
  add(`probe_read_kernel_str ${address}`, RAW, F.BPF_FUNC_probe_read_kernel_str, [{ buf: 0 }, 16, address], {
    buf: noise,
  });
}
for (const [name, helper] of Object.entries({
  probe_read_user: F.BPF_FUNC_probe_read_user,
  probe_read_kernel: F.BPF_FUNC_probe_read_kernel,
  probe_read_user_str: F.BPF_FUNC_probe_read_user_str,
  probe_read_kernel_str: F.BPF_FUNC_probe_read_kernel_str,
}))
  for (const address of [0, 1, 4096]) add(`${name} of nothing at ${address}`, RAW, helper, [{ buf: 0 }, 0, address]);
for (const size of [1, 4, 5, 16]) {
  add(`probe_read_kernel_str ${size}`, RAW, F.BPF_FUNC_probe_read_kernel_str, [{ buf: 0 }, size, { text: 0 }], {
    buf: noise,
    text: 'word',
  });
  add(`probe_read_kernel ${size}`, RAW, F.BPF_FUNC_probe_read_kernel, [{ buf: 0 }, size, { text: 0 }], {
    buf: noise,
    text: 'word',
  });
}

// Bytes beyond ASCII stand outside of conversions.
for (const text of ['h\u00f6he %d', '\u20ac', '%s\u00e9', '%\u00e9', 'a\u007f', '%p\u00b0'])
  add(`snprintf ${text}`, RAW, F.BPF_FUNC_snprintf, [{ buf: 0 }, 64, { text: 0 }, { buf: 64 }, 8], { text });

export const ORACLE_CASES: readonly OracleCase[] = cases;
