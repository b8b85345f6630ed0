/** Socket buffers that come with a complete checksum (BPF_F_TEST_SKB_CHECKSUM_COMPLETE): what helpers make of it, and who keeps it right. */
import { BPF_PROG_TYPE as T } from '../../../../src/uapi/prog-types.ts';
import type { RecordedRun } from '../recorded-run-cases.ts';

const COMPLETE = { flags: 4 };
/** Where the checksums of IPv4 and UDP lie. */
const IP_CSUM = 24;
const UDP_CSUM = 40;
const F = { recompute: 1, invalidateHash: 2, pseudo: 0x10, mangled: 0x20, enforce: 0x40, ipv6: 0x80 };

const call = (helper: string, ...args: (string | number)[]): string =>
  `r1 = r6\n${args.map((arg, i) => `r${i + 2} = ${arg}`).join('\n')}\ncall ${helper}`;
const store = (off: number, size: number, flags: number): string =>
  `*(u64 *)(r10 -8) = 0x1234567\n${call('bpf_skb_store_bytes', off, 'r10', size, flags).replace('r3 = r10', 'r3 = r10\nr3 += -8')}`;
const l3 = (from: string | number, to: string | number, flags: number): string =>
  call('bpf_l3_csum_replace', IP_CSUM, from, to, flags);
const l4 = (from: string | number, to: string | number, flags: number, at = UDP_CSUM): string =>
  call('bpf_l4_csum_replace', at, from, to, flags);

/** Keeps r0 of each call. */
function program(calls: readonly string[]): string {
  const kept = calls.map((text, i) => `${text}\n*(u64 *)(r7 +${i * 8}) = r0`).join('\n');
  return `r6 = r1\nr7 = map[out][0] ll\n${kept}\nr0 = 0\nexit`;
}

function runs(): RecordedRun[] {
  const out: RecordedRun[] = [];
  const add = (name: string, calls: readonly string[], more: Partial<RecordedRun> = {}): void => {
    const asm = program(calls);
    const shared = { progType: T.BPF_PROG_TYPE_SCHED_CLS, data: 64, ethertype: 0x0800, room: 4200 };
    out.push({ ...shared, name: `checksum: ${name}`, asm, attr: COMPLETE, ...more });
  };
  add('nothing is done', []);
  for (const flags of [1, 2, 5, 8]) add(`flags ${flags}`, [], { attr: { flags } });
  for (const [name, progType] of [
    ['socket filter', T.BPF_PROG_TYPE_SOCKET_FILTER],
    ['cgroup_skb', T.BPF_PROG_TYPE_CGROUP_SKB],
    ['lwt_xmit', T.BPF_PROG_TYPE_LWT_XMIT],
  ] as const)
    out.push({ name: `checksum: ${name}`, progType, data: 64, ethertype: 0x0800, asm: 'r0 = 0\nexit', attr: COMPLETE });
  for (const data of [20, 63, 64, 65, 1500]) add(`nothing is done to ${data} bytes`, [], { data, ethertype: 0x1234 });
  for (const off of [0, 13, 14, 15, 30, 31])
    for (const size of [1, 2, 5, 8])
      for (const flags of [0, F.recompute])
        add(`store ${size} bytes at ${off}, flags ${flags}`, [store(off, size, flags)]);
  add('store and forget the hash', [store(30, 4, F.recompute | F.invalidateHash)]);
  for (const n of [0, 1, 77, 0x7fff_ffff, '0xffffffff ll', '0x1ffffffff ll', -1])
    add(`csum_update(${n})`, [call('bpf_csum_update', n)]);
  add('csum_update there and back', [call('bpf_csum_update', 5), call('bpf_csum_update', '0xfffffffa ll')]);
  for (const level of [0, 1, 2, 3, 4])
    add(`csum_level(${level})`, [call('bpf_csum_level', level), call('bpf_csum_level', 0)]);
  for (const size of [0, 2, 4]) {
    add(`l3, size ${size}`, [l3(size ? 0x1122 : 0, 0x3344, size)]);
    for (const more of [0, F.pseudo, F.pseudo | F.mangled, F.pseudo | F.ipv6, F.mangled | F.enforce])
      add(`l4, size ${size}, flags ${more}`, [l4(size ? 0x1122 : 0, 0x3344, size | more)]);
    add(`l3 and l4, size ${size}`, [
      l3(size ? 0x1122 : 0, 0x3344, size),
      l4(size ? 0x1122 : 0, 0x3344, size | F.pseudo),
    ]);
  }
  add('an address is replaced, as a translator does it', [
    l4('0x04030201', '0x0d0c0b0a', 4 | F.pseudo),
    l3('0x04030201', '0x0d0c0b0a', 4),
    store(30, 4, 0),
  ]);
  add('vlan', [call('bpf_skb_vlan_push', '0x0081', 42), call('bpf_skb_vlan_pop').trim()]);
  add('vlan that stays', [call('bpf_skb_vlan_push', '0x0081', 42), call('bpf_skb_vlan_push', '0x0081', 43)]);
  for (const n of [40, 64, 100]) add(`change_tail(${n})`, [call('bpf_skb_change_tail', n, 0)]);
  add('change_head', [call('bpf_skb_change_head', 14, 0)]);
  for (const n of [20, -20])
    for (const mode of [0, 1]) add(`adjust_room(${n}, ${mode})`, [call('bpf_skb_adjust_room', n, mode, 0)]);
  add('adjust_room that keeps the checksum', [call('bpf_skb_adjust_room', 20, 1, '0x20')]);
  add('change_proto', [call('bpf_skb_change_proto', '0xdd86', 0)]);
  const v6 = { ethertype: 0x86dd };
  add('change_proto from IPv6', [call('bpf_skb_change_proto', '0x0008', 0)], v6);
  add('change_proto there and back', [
    call('bpf_skb_change_proto', '0xdd86', 0),
    call('bpf_skb_change_proto', '0x0008', 0),
  ]);
  const popped = call('bpf_skb_vlan_pop').trim();
  const pushed = call('bpf_skb_vlan_push', '0x0081', 42);
  add('two vlans, one of them popped', [pushed, pushed, popped]);
  add('two vlans, both popped', [pushed, pushed, popped, popped]);
  add('three vlans, the packet corrected for one', [pushed, pushed, pushed, call('bpf_csum_update', '0xffffffff ll')]);
  add('pull_data', [call('bpf_skb_pull_data', 60)]);
  add('repeated', [store(30, 4, F.recompute)], { attr: { ...COMPLETE, repeat: 3 } });
  return out;
}

export const CHECKSUM_RUNS: readonly RecordedRun[] = runs();
