/** Which packets program types run on, beside what a runtime does with them. */
import { expect, test } from 'vitest';
import { hasSkb, packetKind } from '../../../src/kernel/rules/packet.ts';
import { BPF_PROG_TYPE as T, bpfProgTypeName } from '../../../src/uapi/prog-types.ts';

const types = Object.values(T) as number[];
const named = (is: (type: number) => boolean): string[] =>
  types.filter(is).map((type) => bpfProgTypeName(type).replace('BPF_PROG_TYPE_', ''));

test('packets as a card has them, from the Ethernet header on, and from the network header on', () => {
  expect(named((type) => packetKind(type) === 'xdp')).toEqual(['XDP']);
  expect(named((type) => packetKind(type) === 'l2')).toEqual(['SCHED_CLS', 'SCHED_ACT']);
  const l3 = ['SOCKET_FILTER', 'CGROUP_SKB', 'LWT_IN', 'LWT_OUT', 'LWT_XMIT', 'LWT_SEG6LOCAL'];
  expect(named((type) => packetKind(type) === 'l3')).toEqual(l3);
  expect(packetKind(9999)).toBeUndefined();
});

test('socket buffers are the context of those, of streams and of flow dissectors', () => {
  const others = named((type) => hasSkb(type) && packetKind(type) === undefined);
  expect(others).toEqual(['SK_SKB', 'FLOW_DISSECTOR']);
  expect(named((type) => hasSkb(type)).length).toBe(10);
  expect(hasSkb(9999)).toBe(false);
});
