/** Socket buffers that outgrow their block: helpers that open room, alone and after each other, and the header in front of layer-3 packets. */
import { BPF_PROG_TYPE as T } from '../../../../src/uapi/prog-types.ts';
import type { RecordedRun } from '../recorded-run-cases.ts';

const { BPF_PROG_TYPE_SCHED_CLS: TC, BPF_PROG_TYPE_LWT_XMIT: LWT_XMIT, BPF_PROG_TYPE_SOCKET_FILTER: SOCKET } = T;
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;

const call = (helper: string, ...args: (string | number)[]): string =>
  `r1 = r6\n${args.map((arg, i) => `r${i + 2} = ${arg}`).join('\n')}\ncall ${helper}`;
const head = (n: number): string => call('bpf_skb_change_head', n, 0);
const tail = (n: number): string => call('bpf_skb_change_tail', n, 0);
const room = (n: number, mode: number, flags: string | number = 0): string =>
  call('bpf_skb_adjust_room', n, mode, `${flags} ll`);
const vlan = call('bpf_skb_vlan_push', '0x0081', 42);

/** Keeps r0 of each call and the packet's length at the end. */
function program(calls: readonly string[]): string {
  const kept = calls.map((text, i) => `${text}\n*(u64 *)(r7 +${i * 8}) = r0`).join('\n');
  return `r6 = r1\nr7 = map[out][0] ll\n${kept}\nr3 = *(u32 *)(r6 +0)\n*(u64 *)(r7 +56) = r3\nr0 = 0\nexit`;
}

function runs(): RecordedRun[] {
  const out: RecordedRun[] = [];
  const add = (name: string, calls: readonly string[], more: Partial<RecordedRun> = {}): void => {
    out.push({
      progType: TC,
      name: `skb ${name}`,
      data: 64,
      ethertype: ETH_P_IP,
      asm: program(calls),
      room: 20_000,
      ...more,
    });
  };
  for (const data of [64, 1500, 3600]) {
    const sized = { data };
    for (const n of [0, 1, 34, 64, 65, 100, 320, 1500, 4096, 12_400, 16_000, 16_001, 65_400])
      add(`of ${data}: change_head(${n})`, [head(n)], sized);
    for (const n of [14, 64, 65, 1500, 3712, 3713, 4096, 10_000, 16_064, 16_065, 65_551])
      add(`of ${data}: change_tail(${n})`, [tail(n)], sized);
    for (const mode of [0, 1])
      for (const n of [20, 64, 100, 1500, 4095, 4096, -1, -20])
        add(`of ${data}: adjust_room(${n}, ${mode})`, [room(n, mode)], sized);
    add(`of ${data}: many`, [head(60), head(60), tail(data + 500), room(200, 1), vlan, vlan, tail(40)], sized);
    add(`of ${data}: vlan on vlan`, [vlan, vlan, vlan, vlan, vlan, vlan], sized);
    add(`of ${data}: a loop of heads`, [head(64), head(65), head(66), head(67), head(68), head(69)], sized);
  }
  const v6 = { ethertype: ETH_P_IPV6 };
  for (const n of [40, 100, 2000]) add(`IPv6: adjust_room(${n}, 0)`, [room(n, 0)], v6);
  add('change_proto after change_head', [head(64), call('bpf_skb_change_proto', '0xdd86', 0)]);
  add('change_proto four times', [
    call('bpf_skb_change_proto', '0xdd86', 0),
    call('bpf_skb_change_proto', '0x0008', 0),
    call('bpf_skb_change_proto', '0xdd86', 0),
    call('bpf_skb_change_proto', '0x0008', 0),
  ]);
  add('repeated', [head(40)], { attr: { repeat: 5 } });
  for (const n of [34, 42, 64, 76, 78, 80, 100])
    add(`lwt_xmit: change_head(${n}) after 34`, [head(34), head(n)], { progType: LWT_XMIT });
  for (const n of [64, 2000]) add(`lwt_xmit: change_tail(${n})`, [tail(n)], { progType: LWT_XMIT });
  add('socket filter', ['r0 = 5'], { progType: SOCKET });
  for (const [ifindex, flags] of [
    [0, 0],
    [0, 1],
    [4000, 0],
    [1, 2],
    [-1, 0],
  ] as const)
    add(`clone_redirect(${ifindex}, ${flags})`, [call('bpf_clone_redirect', ifindex, flags)]);
  encapsulations(add);
  shortPackets(add);
  return out;
}

type Add = (name: string, calls: readonly string[], more?: Partial<RecordedRun>) => void;

/** An inner Ethernet header must fit into the room, and nothing is encapsulated twice. */
function encapsulations(add: Add): void {
  for (const flags of ['2', '4', '0xe00000000000042', '0xe00000000000002', '0xe00000000000000', '10', '18'])
    for (const n of [0, 13, 14, 40]) {
      add(`encapsulation ${flags} by ${n}, twice`, [room(n, 1, flags), room(n, 1, flags)], { data: 200 });
      add(`encapsulation ${flags} by ${n} after room`, [room(40, 1), room(-40, 1), room(n, 0, flags)], { data: 200 });
    }
}

/** Packets that end within a header. */
function shortPackets(add: Add): void {
  const pop = call('bpf_skb_vlan_pop');
  for (const ethertype of [0x8100, 0x88a8, 0x0806])
    for (const data of [14, 15, 17, 18, 21, 22, 26]) {
      add(`of ${data}, ${ethertype}: vlan_pop twice`, [pop, pop], { data, ethertype });
      add(`of ${data}, ${ethertype}: vlan_push, vlan_pop three times`, [vlan, pop, pop, pop], { data, ethertype });
    }
  for (const [ethertype, least] of [
    [ETH_P_IP, 34],
    [ETH_P_IPV6, 54],
  ])
    for (const progType of [TC, SOCKET, LWT_XMIT])
      for (const data of [14, least - 1, least])
        add(`type ${progType}: ${data} bytes of ${ethertype}`, ['r0 = 0'], { data, ethertype, progType });
  const hash = `${call('bpf_get_hash_recalc')}\nif r0 == 0 goto +1\nr0 = 1`;
  for (const data of [14, 20, 64]) add(`of ${data}: a hash is never 0`, [hash], { data, ethertype: 0x0806 });
  const wireLen = 'r0 = *(u32 *)(r6 +160)';
  add('wire_len without a context', [wireLen]);
  add('wire_len with a context', [wireLen], { ctx: new Uint8Array(192) });
}

export const SKB_ROOM_RUNS: readonly RecordedRun[] = runs();
