/** The packet builder: layouts, lengths and checksums, with tcpdump as a second opinion. */
import { describe, expect, test } from 'vitest';
import {
  buildPacket,
  formatAddress,
  internetChecksum,
  type PacketSpec,
  PcapWriter,
  parseAddress,
} from '../../src/net/index.ts';
import { hasTcpdump, tcpdump } from './tcpdump.ts';

const V4 = { src: '192.0.2.1', dst: '198.51.100.7' };
const V6 = { src: '2001:db8::1', dst: '2001:db8:0:1::' };

test('checksum of RFC 1071', () => {
  expect(internetChecksum(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7))).toBe(0x220d);
  expect(internetChecksum(Uint8Array.of(0xff))).toBe(0x00ff);
  expect(internetChecksum(new Uint8Array(70_000).fill(0xff))).toBe(0);
});

test.each([
  ['10.0.0.255', [10, 0, 0, 255]],
  ['::', Array(16).fill(0)],
  ['::1', [...Array(15).fill(0), 1]],
  ['1:2:3:4:5:6:7:8', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]],
])('address %s', (text, bytes) => {
  expect([...parseAddress(text)]).toEqual(bytes);
});

test.each([
  ['10.0.0.255', '10.0.0.255'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
  ['0:0:3:4:5:6:7:8', '::3:4:5:6:7:8'],
])('the text of %s is %s', (address, text) => {
  expect(formatAddress(parseAddress(address))).toBe(text);
});

test.each([
  '',
  '1.2.3',
  '1.2.3.256',
  '1.2.3.4.5',
  ':::',
  '1:2',
  'g::',
  '1::2::3',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7::8',
])('no address: %j', (text) => {
  expect(() => parseAddress(text)).toThrow(RangeError);
});

test('an Ethernet packet with VLAN tag, IPv4 and UDP', () => {
  const packet = buildPacket({ ...V4, proto: 'udp', sport: 1, dport: 2, vlan: 5, payload: Uint8Array.of(7) });
  expect(packet).toHaveLength(14 + 4 + 20 + 8 + 1);
  expect([...packet.subarray(12, 18)]).toEqual([0x81, 0, 0, 5, 8, 0]);
  expect(internetChecksum(packet.subarray(18, 38))).toBe(0);
});

test('addresses of different families do not go together', () => {
  expect(() => buildPacket({ src: '1.2.3.4', dst: '::1', proto: 'udp' })).toThrow('families');
  expect(() => buildPacket({ ...V4, proto: 'udp', srcMac: 'x' })).toThrow('MAC');
});

describe.skipIf(!hasTcpdump)('tcpdump finds the checksums right', () => {
  const cases: [string, PacketSpec, string][] = [
    ['udp', { ...V4, proto: 'udp', payload: new Uint8Array(33).fill(9) }, '[udp sum ok]'],
    ['tcp', { ...V4, proto: 'tcp', tcpFlags: 2, payload: new Uint8Array(5) }, '(correct)'],
    ['icmp', { ...V4, proto: 'icmp', payload: new Uint8Array(9).fill(1) }, 'ICMP echo request'],
    ['udp6', { ...V6, proto: 'udp', payload: new Uint8Array(32) }, '[udp sum ok]'],
    ['tcp6', { ...V6, proto: 'tcp' }, '(correct)'],
    ['icmp6', { ...V6, proto: 'icmp' }, '[icmp6 sum ok]'],
  ];
  test.each(cases)('%s', (_, spec, expected) => {
    const writer = new PcapWriter();
    writer.write({ data: buildPacket(spec), seconds: 1, nanoseconds: 0 });
    const text = tcpdump(writer.bytes(), '-vv').join('\n');
    expect(text).toContain(expected);
    expect(text).not.toMatch(/bad|wrong|incorrect/);
  });
});
if (!hasTcpdump) console.log('6 comparisons with tcpdump skipped: it is not installed');
