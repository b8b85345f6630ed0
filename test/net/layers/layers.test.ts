/** Packets from layers and back: every header, with tcpdump as a second opinion. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  arp,
  decodePacket,
  describePacket,
  diffPackets,
  dstopts,
  eth,
  fragment,
  geneve,
  gre,
  hopopts,
  icmp,
  icmp6,
  ipv4,
  ipv6,
  type Layer,
  mpls,
  packet,
  PacketError,
  type PacketPart,
  PcapWriter,
  payload,
  routing,
  tcp,
  trailer,
  udp,
  vlan,
  vxlan,
  wrongFields,
} from '../../../src/net/index.ts';
import { hasTcpdump, tcpdump } from '../tcpdump.ts';

/** A packet, what tcpdump says of it, and the names of its layers. */
const CASES: readonly (readonly [name: string, parts: readonly PacketPart[], says: string, layers: string])[] = [
  ['arp', [eth(), arp({ op: 2, senderIp: '10.0.0.7' })], 'Reply 10.0.0.7 is-at 02:00:00:00:00:01', 'eth arp'],
  [
    'one tag',
    [eth(), vlan({ id: 5, pcp: 3 }), ipv4(), udp(), 'x'],
    'vlan 5, p 3, ethertype IPv4',
    'eth vlan ipv4 udp payload',
  ],
  [
    'two tags',
    [eth(), vlan({ id: 5 }), vlan({ id: 6 }), ipv6(), udp()],
    'ethertype 802.1Q-QinQ (0x88a8), length 70: vlan 5',
    'eth vlan vlan ipv6 udp',
  ],
  [
    'mpls',
    [eth(), mpls({ label: 16 }), mpls({ label: 17 }), ipv4(), tcp()],
    'MPLS (label 16, tc 0, ttl 64)',
    'eth mpls mpls ipv4 tcp',
  ],
  [
    'ipv4 options',
    [eth(), ipv4({ options: [{ type: 1 }, { type: 148, data: Uint8Array.of(0, 0) }] }), udp()],
    'options (NOP,RA',
    'eth ipv4 udp',
  ],
  [
    'tcp options',
    [
      eth(),
      ipv4(),
      tcp({
        flags: 2,
        options: [{ mss: 1460 }, { sackPermitted: true }, { timestamps: [9, 0] }, { nop: true }, { windowScale: 7 }],
      }),
    ],
    'options [mss 1460,sackOK,TS val 9 ecr 0,nop,wscale 7]',
    'eth ipv4 tcp',
  ],
  ['sack', [eth(), ipv6(), tcp({ options: [{ sack: [[2, 3]] }] })], 'sack 1 {2:3}', 'eth ipv6 tcp'],
  [
    'fragment of ipv4',
    [eth(), ipv4({ fragmentOffset: 3, flags: 1, protocol: 17 }), 'abcdefgh'],
    'offset 24, flags [+]',
    'eth ipv4 payload',
  ],
  [
    'extension headers',
    [eth(), ipv6(), hopopts({ options: [{ type: 5, data: Uint8Array.of(0, 0) }] }), dstopts(), fragment(), udp()],
    'HBH (rtalert: 0x0000)',
    'eth ipv6 hopopts dstopts fragment udp',
  ],
  [
    'routing',
    [eth(), ipv6(), routing({ type: 2, segmentsLeft: 1, data: new Uint8Array(20).fill(9, 4) }), tcp()],
    'RT6 (len=2, type=2, segleft=1, rsv=0x0, [0]909:909:909:909:909:909:909:909) 40000 > 80: Flags [.], cksum 0x',
    'eth ipv6 routing tcp',
  ],
  ['ping', [eth(), ipv4(), icmp({ id: 7, seq: 3 }), 'ping'], 'echo request, id 7, seq 3', 'eth ipv4 icmp payload'],
  [
    'unreachable',
    [eth(), ipv4(), icmp({ type: 3, code: 3 }), ipv4({ src: '10.0.0.2', dst: '10.0.0.1' }), udp()],
    'udp port 80 unreachable',
    'eth ipv4 icmp ipv4 udp',
  ],
  ['ping of ipv6', [eth(), ipv6(), icmp6(), 'ping'], '[icmp6 sum ok] ICMP6, echo request', 'eth ipv6 icmp6 payload'],
  ['gre', [eth(), ipv4(), gre({ key: 9 }), ipv4(), tcp()], 'key=0x9, proto IPv4', 'eth ipv4 gre ipv4 tcp'],
  ['gre with frames', [eth(), ipv4(), gre(), eth(), ipv4(), tcp()], 'proto TEB', 'eth ipv4 gre eth ipv4 tcp'],
  ['ipip', [eth(), ipv4(), ipv4({ dst: '10.9.9.9' }), udp()], '10.0.0.1.40000 > 10.9.9.9.80', 'eth ipv4 ipv4 udp'],
  ['sit', [eth(), ipv4(), ipv6(), udp()], 'proto IPv6 (41)', 'eth ipv4 ipv6 udp'],
  [
    'vxlan',
    [eth(), ipv4(), udp(), vxlan({ vni: 42 }), eth(), ipv4(), tcp()],
    'vni 42',
    'eth ipv4 udp vxlan eth ipv4 tcp',
  ],
  [
    'geneve',
    [
      eth(),
      ipv4(),
      udp(),
      geneve({ vni: 43, options: [{ class: 0x102, type: 1, data: Uint8Array.of(1, 2, 3, 4) }] }),
      eth(),
      ipv4(),
      tcp(),
    ],
    'vni 0x2b, proto TEB (0x6558), options [class Open Virtual Networking (OVN) (0x102) type 0x1 len 8 data 01020304]',
    'eth ipv4 udp geneve eth ipv4 tcp',
  ],
  ['padding', [eth(), ipv4(), udp(), 'x', trailer(new Uint8Array(17))], 'length 60', 'eth ipv4 udp payload trailer'],
];

test.each(CASES)('%s: built, read, built again', (_, parts, __, layers) => {
  const bytes = packet(...parts);
  const read = decodePacket(bytes);
  expect(read.map((l) => l.layer).join(' ')).toBe(layers);
  expect(wrongFields(read)).toEqual([]);
  expect(packet(...read)).toEqual(bytes);
  for (const [i, part] of parts.entries())
    if (typeof part === 'object' && 'layer' in part && part.layer !== 'trailer')
      expect(read[i]).toMatchObject(withoutBytes(part));
});

/** Options may gain padding: they are compared by what they begin with. */
function withoutBytes(layer: Layer): object {
  const { options, ...rest } = layer as Layer & { options?: readonly unknown[] };
  return Array.isArray(options) ? rest : layer;
}

describe.skipIf(!hasTcpdump)('tcpdump reads the same', () => {
  test.each(CASES)('%s', (_, parts, says) => {
    const writer = new PcapWriter();
    writer.write({ data: packet(...parts), seconds: 1, nanoseconds: 0 });
    const text = tcpdump(writer.bytes(), '-vv', '-e', '-S').join('\n');
    expect(text).toContain(says);
    expect(text).not.toMatch(/bad|incorrect|wrong|truncated|invalid/);
  });
});

test('what is given is written, right or wrong', () => {
  const right = packet(eth(), ipv4(), udp(), 'abc');
  const bytes = packet(eth(), ipv4({ checksum: 0xbad, totalLength: 30 }), udp({ length: 9 }), 'abc');
  const read = decodePacket(bytes);
  expect(read[1]).toMatchObject({ checksum: 0xbad, totalLength: 30 });
  expect(wrongFields(read).map(({ field, value }) => [field, value])).toContainEqual(['checksum', 0xbad]);
  expect(describePacket(bytes)).toMatch(/checksum 0xbad \(right: 0x[0-9a-f]+\)/);
  expect(describePacket(right)).not.toContain('right');
});

test('any bytes are read and built again to the same bytes', () => {
  const built = CASES.map(([, parts]) => packet(...parts));
  const changed = fc
    .tuple(
      fc.constantFrom(...built),
      fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 6 }),
      fc.option(fc.nat(150), { nil: 1000 }),
    )
    .map(([bytes, changes, length]) => {
      const out = bytes.slice(0, length);
      for (const [at, value] of changes) if (at < out.length) out[at] = value;
      return out;
    });
  fc.assert(
    fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      const read = decodePacket(bytes);
      expect(packet(...read)).toEqual(bytes);
      expect(describePacket(bytes).split('\n').length).toBe(Math.max(read.length, 1));
    }),
    { numRuns: 3000 },
  );
});

test.each<[string, () => Uint8Array, string]>([
  ['a number too large', () => packet(eth(), ipv4({ ttl: 256 })), 'ipv4.ttl: 256 is no number of 8 bits'],
  ['a fraction', () => packet(eth(), udp({ sport: 1.5 })), 'udp.sport: 1.5'],
  ['an address of the other family', () => packet(ipv4({ src: '::1' })), "ipv4.src: '::1' is no IPv4 address"],
  ['no MAC', () => packet(eth({ dst: '1:2:3' })), "eth.dst: '1:2:3' is no MAC address"],
  ['an address under a transport', () => packet(ipv6({ src: 'x' }), udp()), "ipv6.src: 'x' is no"],
  ['too much content', () => packet(ipv4(), new Uint8Array(70_000)), 'ipv4: 70020 bytes'],
  ['too many options', () => packet(ipv4({ options: new Uint8Array(44) })), 'ipv4.options: 44 bytes'],
  ['a long option', () => packet(ipv4({ options: [{ type: 7, data: new Uint8Array(300) }] })), 'too long'],
  ['odd routing', () => packet(ipv6(), routing({ data: new Uint8Array(3) })), 'routing.data: 3 bytes'],
  [
    'odd options of geneve',
    () => packet(geneve({ options: [{ class: 1, type: 1, data: new Uint8Array(3) }] })),
    '31 words',
  ],
  ['a layer behind the payload', () => packet(eth(), 'x', ipv4()), 'payload: a layer ipv4 stands behind it'],
  ['something behind the trailer', () => packet(eth(), trailer(new Uint8Array(1)), 'x'), 'trailer: it stands behind'],
  ['an unknown layer', () => packet({ layer: 'ipx' } as never), 'ipx: there is no such layer'],
  ['no bytes', () => packet({ layer: 'payload', bytes: 'x' } as never), 'payload: its bytes'],
])('%s is told', (_, build, says) => {
  expect(build).toThrow(PacketError);
  expect(build).toThrow(says);
});

test('differences name layer and field', () => {
  const sent = packet(eth(), ipv4({ ttl: 64 }), tcp({ flags: 2, options: [{ mss: 1460 }] }), 'hello');
  const got = packet(eth(), vlan({ id: 3 }), ipv4({ ttl: 63 }), tcp({ flags: 2 }), 'hello');
  expect(diffPackets(sent, sent.slice())).toEqual([]);
  const routed = packet(eth(), ipv4({ ttl: 63 }), tcp({ flags: 2, options: [{ mss: 1400 }] }), 'hello');
  expect(diffPackets(sent, routed)).toEqual([
    '  eth',
    '  ipv4',
    '-   ttl 64',
    '+   ttl 63',
    '-   checksum 0x26c5',
    '+   checksum 0x27c5',
    '  tcp',
    expect.stringMatching('-   checksum'),
    expect.stringMatching('\\+   checksum'),
    '-   options [mss 1460]',
    '+   options [mss 1400]',
    '  payload',
  ]);
  expect(diffPackets(sent, got).join('\n')).toContain('+ vlan     pcp 0, dei 0, id 3, type 0x800');
});

test('a packet without Ethernet', () => {
  const bytes = packet(ipv6(), udp(), payload(Uint8Array.of(1)));
  expect(decodePacket(bytes, 'ipv6').map((l) => l.layer)).toEqual(['ipv6', 'udp', 'payload']);
  expect(decodePacket(bytes, 'ipv4').map((l) => l.layer)).toEqual(['payload']);
});
