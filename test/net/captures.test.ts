/** pcap and pcapng: what is written is read again, in both byte orders and time units, and damage is told with its place. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  buildPacket,
  type CapturedPacket,
  PcapngWriter,
  PcapWriter,
  readCapture,
  type WriteOptions,
} from '../../src/net/index.ts';
import { FormatError } from '../../src/util/errors.ts';
import { hasTcpdump, tcpdump } from './tcpdump.ts';

const PACKETS = [
  {
    data: buildPacket({ src: '10.0.0.1', dst: '10.0.0.2', proto: 'udp' }),
    seconds: 1_790_000_000,
    nanoseconds: 123_456_789,
  },
  {
    data: buildPacket({ src: 'fd00::1', dst: 'fd00::2', proto: 'tcp', payload: new Uint8Array(3) }),
    seconds: 4_000_000_000,
    nanoseconds: 0,
  },
  {
    data: buildPacket({ src: '10.0.0.1', dst: '10.0.0.2', proto: 'icmp' }),
    seconds: 0,
    nanoseconds: 999_999_999,
    length: 1500,
  },
];
const WRITERS = { pcap: PcapWriter, pcapng: PcapngWriter };
const VARIANTS = (['pcap', 'pcapng'] as const).flatMap((format) =>
  [true, false].flatMap((littleEndian) => [true, false].map((nanoseconds) => ({ format, littleEndian, nanoseconds }))),
);

function write(format: 'pcap' | 'pcapng', options: WriteOptions): Uint8Array {
  const writer = new WRITERS[format](options);
  for (const p of PACKETS) writer.write(p);
  return writer.bytes();
}

const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.replace(/\s/g, '').match(/../g) ?? [], (h) => Number.parseInt(h, 16));

function faultOf(bytes: Uint8Array): FormatError {
  try {
    for (const _ of readCapture(bytes));
  } catch (e) {
    if (e instanceof FormatError) return e;
    throw e;
  }
  throw new Error('no fault was found');
}

describe.each(VARIANTS)('$format, little-endian $littleEndian, nanoseconds $nanoseconds', (variant) => {
  const bytes = write(variant.format, variant);

  test('reads what it wrote', () => {
    const capture = readCapture(bytes);
    expect(capture).toMatchObject({ ...variant, linkType: 1 });
    const unit = variant.nanoseconds ? 1 : 1000;
    const expected = PACKETS.map((p) => ({
      data: p.data,
      length: p.length ?? p.data.length,
      seconds: p.seconds,
      nanoseconds: Math.floor(p.nanoseconds / unit) * unit,
      linkType: 1,
      interfaceId: 0,
    }));
    expect([...capture]).toEqual(expected);
    expect([...capture], 'a second time').toEqual(expected);
  });

  test('every cut of the file is told, or is the end of a record', () => {
    const whole: CapturedPacket[] = [...readCapture(bytes)];
    for (let size = 0; size < bytes.length; size++) {
      let count = 0;
      try {
        for (const _ of readCapture(bytes.subarray(0, size))) count++;
      } catch (e) {
        expect(e).toBeInstanceOf(FormatError);
        expect((e as FormatError).offset).toBeLessThanOrEqual(size);
      }
      expect(count).toBeLessThan(whole.length);
    }
  });

  test.skipIf(!hasTcpdump)('tcpdump reads it', () => {
    const lines = tcpdump(bytes, '-tt', '--nano');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toContain(
      variant.nanoseconds ? '1790000000.123456789 IP 10.0.0.1' : '1790000000.123456000 IP 10.0.0.1',
    );
    expect(lines[1]).toContain(' IP6 fd00::1');
    expect(lines[2]).toContain('ICMP echo request');
  });
});

describe('pcap', () => {
  const HEADER = 'd4c3b2a1 0200 0400 00000000 00000000 00000400 01000000';

  test('a patched header has eight bytes more in each record', () => {
    const patched = hex(`34cdb2a1 0200 0400 00000000 00000000 00000400 01000000
      01000000 02000000 02000000 02000000 0000000000000000 abcd`);
    expect([...readCapture(patched)]).toMatchObject([
      { seconds: 1, nanoseconds: 2000, data: Uint8Array.of(0xab, 0xcd) },
    ]);
  });

  test.each([
    ['nothing', '', 0, 'expected'],
    ['another magic', '00000000', 0, 'a pcap'],
    ['half a header', 'd4c3b2a1 0200', 6, 'file header of 24 bytes'],
    ['version 3', HEADER.replace('0200', '0300'), 4, 'version 3'],
    ['half a record header', `${HEADER} 00000000`, 24, '4 are left'],
    ['a packet of 4 GB', `${HEADER} 00000000 00000000 ffffffff ffffffff 00`, 32, '4294967295 bytes'],
  ])('%s', (_, text, offset, detail) => {
    const fault = faultOf(hex(text));
    expect(fault.offset).toBe(offset);
    expect(fault.message).toContain(detail);
  });
});

describe('pcapng', () => {
  const SECTION = '0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000';
  const INTERFACE = '01000000 14000000 0100 0000 00000000 14000000';
  const packet = (iface: string, kept: string): string =>
    `06000000 24000000 ${iface} 01000000 00000000 ${kept} 04000000 aabbccdd 24000000`;

  test('a second section has its own byte order and interfaces', () => {
    const big =
      '0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c 00000001 00000014 0071 0000 00000000 00000014';
    const simple = '00000003 00000014 00000003 aabbcc00 00000014';
    const packets = [...readCapture(hex(SECTION + INTERFACE + packet('00000000', '04000000') + big + simple))];
    expect(packets).toMatchObject([
      { linkType: 1, length: 4, data: hex('aabbccdd') },
      { linkType: 0x71, length: 3, data: hex('aabbcc'), seconds: 0 },
    ]);
  });

  test('times by the resolution and the offset of the interface', () => {
    const at = (options: string, high: string, low: string): CapturedPacket[] => {
      const size = (20 + hex(options).length).toString(16).padStart(2, '0');
      const iface = `01000000 ${size}000000 0100 0000 00000000 ${options} ${size}000000`;
      return [
        ...readCapture(hex(`${SECTION} ${iface} 06000000 20000000 00000000 ${high} ${low} 00000000 00000000 20000000`)),
      ];
    };
    // 2^33 units of 2^-10 s, and one more.
    expect(at('0900 0100 8a000000 00000000', '02000000', '01000000')).toMatchObject([
      { seconds: 8_388_608, nanoseconds: 976_562 },
    ]);
    expect(at('0e00 0800 ffffffffffffffff 00000000', '00000000', '40420f00')).toMatchObject([
      { seconds: 0, nanoseconds: 0 },
    ]);
    expect(at('0900 0100 0c000000 00000000', '00000000', 'e8030000')).toMatchObject([{ seconds: 0, nanoseconds: 1 }]);
    expect(at('0900 0100 ff000000 00000000', '00000000', '01000000')).toMatchObject([{ seconds: 0, nanoseconds: 0 }]);
  });

  test('other blocks are passed over', () => {
    const other = '000000bb 10000000 00000000 10000000';
    expect([
      ...readCapture(hex(SECTION + other + INTERFACE + other + packet('00000000', '04000000') + other)),
    ]).toHaveLength(1);
  });

  test.each([
    ['half a section header', '0a0d0d0a 1c000000', 0, 'at least 12'],
    ['no byte order', '0a0d0d0a 1c000000 00000000 0100 0000 ffffffffffffffff 1c000000', 8, '1a2b3c4d'],
    ['version 2', SECTION.replace('0100', '0200'), 12, 'version 2'],
    ['a block of 8 bytes', `${SECTION} 01000000 08000000 00000000`, 32, 'length 8'],
    ['a block of 13 bytes', `${SECTION} 01000000 0d000000 00000000`, 32, 'length 13'],
    ['a block beyond the end', `${SECTION} 01000000 f0ffff7c 00000000`, 32, 'are left'],
    ['lengths that differ', `${SECTION} 01000000 14000000 0100 0000 00000000 10000000`, 44, '16 found'],
    ['an unknown interface', `${SECTION} ${INTERFACE} ${packet('01000000', '04000000')}`, 56, 'interface 1'],
    ['a packet beyond its block', `${SECTION} ${INTERFACE} ${packet('00000000', '05000000')}`, 68, '5 bytes'],
    [
      'an option beyond its block',
      `${SECTION} 01000000 18000000 0100 0000 00000000 0900ff00 18000000`,
      46,
      '255 bytes',
    ],
  ])('%s', (_, text, offset, detail) => {
    const fault = faultOf(hex(text));
    expect(fault.message).toContain(detail);
    expect(fault.offset).toBe(offset);
  });
});

test.skipIf(!hasTcpdump)('the recorded capture reads as tcpdump reads it', () => {
  const bytes = new Uint8Array(readFileSync(new URL('../../examples/firewall/traffic.pcap', import.meta.url)));
  const lines = tcpdump(bytes, '-tt', '--nano');
  const times = [...readCapture(bytes)].map((p) => `${p.seconds}.${String(p.nanoseconds).padStart(9, '0')}`);
  expect(times).toEqual(lines.map((line) => line.split(' ')[0]));
});
if (!hasTcpdump) console.log('9 comparisons with tcpdump skipped: it is not installed');
