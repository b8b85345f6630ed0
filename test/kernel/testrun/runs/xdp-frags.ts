/** XDP packets longer than the linear part of a page-sized frame: what helpers see of fragments, and what comes back. */
import { BPF_F_XDP_HAS_FRAGS } from '../../../../src/uapi/flags.ts';
import { BPF_PROG_TYPE as T } from '../../../../src/uapi/prog-types.ts';
import type { RecordedRun } from '../recorded-run-cases.ts';

const XDP = { progType: T.BPF_PROG_TYPE_XDP, progFlags: BPF_F_XDP_HAS_FRAGS };
const SIZES = [3520, 3521, 7617, 8001, 73152];
const md = (...words: number[]): Uint8Array =>
  new Uint8Array(Uint32Array.from({ length: 6 }, (_, i) => words[i] ?? 0).buffer);

/** Notes r0 and what helpers say of the packet's lengths. */
const NOTE = `
  r7 = map[out][0] ll
  *(u64 *)(r7 +0) = r0
  r1 = r6
  call bpf_xdp_get_buff_len
  *(u64 *)(r7 +8) = r0
  r2 = *(u32 *)(r6 +0)
  r3 = *(u32 *)(r6 +4)
  r3 -= r2
  *(u64 *)(r7 +16) = r3
  r0 = 2
  exit
`;
const call = (helper: string, ...args: (string | number)[]): string =>
  `r1 = r6\n${args.map((arg, i) => `r${i + 2} = ${arg}`).join('\n')}\ncall ${helper}`;
/** 32 bytes of the value of \`map[out]\` behind the notes. */
const bytes = (helper: string, off: number, len: number): string => `
  r6 = r1
  r3 = map[out][0] + 24 ll
  r1 = r6
  r2 = ${off}
  r4 = ${len}
  call ${helper}
`;

/** Bytes to store, in place. */
const FILL = `
  r3 = map[out][0] ll
  r4 = 0x0102030405060708 ll
  *(u64 *)(r3 +24) = r4
  *(u64 *)(r3 +32) = r4
  *(u64 *)(r3 +40) = r4
  *(u64 *)(r3 +48) = r4
  r1 = r6
`;

function runs(): RecordedRun[] {
  const out: RecordedRun[] = [];
  const add = (name: string, data: number, asm: string, more: Partial<RecordedRun> = {}): void => {
    out.push({ ...XDP, name: `xdp of ${data} bytes: ${name}`, data, asm: `r6 = r1\n${asm}\n${NOTE}`, ...more });
  };
  for (const size of SIZES) {
    for (const off of [
      0,
      3500,
      3519,
      3520,
      3521,
      7600,
      7615,
      7616,
      7999,
      65535,
      65536,
      size - 33,
      size - 32,
      size - 31,
    ])
      for (const len of [1, 32])
        for (const what of ['load', 'store']) {
          const asm = bytes(`bpf_xdp_${what}_bytes`, off, len);
          add(`${what}_bytes(${off}, ${len})`, size, what === 'load' ? asm : `${FILL}${asm}`);
        }
    for (const n of [
      1,
      64,
      100,
      192,
      256,
      257,
      4095,
      4096,
      0,
      -1,
      -64,
      -480,
      -481,
      -4096,
      -4097,
      -5000,
      -size + 14,
      -size + 13,
    ])
      add(`adjust_tail(${n})`, size, call('bpf_xdp_adjust_tail', n));
    for (const n of [1, 100, 3506, 3507, -216, -217]) add(`adjust_head(${n})`, size, call('bpf_xdp_adjust_head', n));
    add('adjust_meta(-8)', size, call('bpf_xdp_adjust_meta', -8), { ctx: md(0, size), ctxOut: 24 });
    add('shrink, then grow', size, `${call('bpf_xdp_adjust_tail', -100)}\n${call('bpf_xdp_adjust_tail', 50)}`);
    add('grow twice, zeros', size, `${call('bpf_xdp_adjust_tail', 40)}\n${call('bpf_xdp_adjust_tail', 40)}`);
    add('head, then tail', size, `${call('bpf_xdp_adjust_head', 20)}\n${call('bpf_xdp_adjust_tail', -4090)}`);
    add('three times', size, call('bpf_xdp_adjust_tail', -1000), { attr: { repeat: 3 } });
    add(
      'check_mtu',
      size,
      `*(u32 *)(r10 -4) = 0\nr3 = r10\nr3 += -4\nr1 = r6\nr2 = 0\nr4 = 0\nr5 = 0\ncall bpf_check_mtu`,
    );
    for (const n of [100, 3520, 3521, size, size + 1]) {
      const flags = (BigInt(n) << 32n) | 0xffff_ffffn;
      const args = `r1 = r6\nr2 = map[perf] ll\nr3 = ${flags} ll\nr4 = r10\nr4 += -8\nr5 = 8`;
      add(`perf_event_output with ${n} bytes`, size, `*(u64 *)(r10 -8) = 7\n${args}\ncall bpf_perf_event_output`);
    }
    for (const room of [1, 1000, size - 3521, size - 3520, size - 3519, size - 1, size]) {
      if (room > 0) add(`room for ${room}`, size, 'r0 = 0', { room });
    }
    add('without the flag', size, call('bpf_xdp_adjust_tail', 10), { progFlags: 0 });
    for (const [meta, end] of [
      [0, 20],
      [0, 14],
      [0, 13],
      [4, 20],
      [32, 3540],
      [32, 3600],
      [0, size + 1],
    ] as const)
      add(`linear part ${meta}, ${end}`, size, call('bpf_xdp_adjust_tail', -30), { ctx: md(meta, end), ctxOut: 24 });
  }
  add('too long', 73153, 'r0 = 0');
  return out;
}

export const XDP_FRAG_RUNS: readonly RecordedRun[] = runs();
