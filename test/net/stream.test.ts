/** Captures that are read piece by piece: the same packets and the same complaints as of the whole file, and memory for a part of it. */
import { describe, expect, test } from 'vitest';
import { type ByteSource, openCapture, PcapngWriter, PcapWriter, readCapture } from '../../src/net/index.ts';

/** A file that gives a few bytes at a time. */
function trickle(bytes: Uint8Array, most: number): ByteSource {
  let at = 0;
  return {
    read(into) {
      const count = Math.min(into.length, most, bytes.length - at);
      into.set(bytes.subarray(at, at + count));
      at += count;
      return count;
    },
  };
}

/** Packets of sizes around those of the window, as text, and the complaint at the end. */
function told(open: () => Uint8Array | ByteSource): string[] {
  const out: string[] = [];
  try {
    const held: [Uint8Array, string][] = [];
    for (const p of openCapture(open)) {
      const line = `${p.data.length} ${p.length} ${p.seconds} ${p.nanoseconds} ${Buffer.from(p.data).toString('base64')}`;
      held.push([p.data, line]);
      out.push(line);
    }
    // What was given stays as it is, however far the reader has come.
    for (const [data, line] of held) expect(line.endsWith(Buffer.from(data).toString('base64'))).toBe(true);
  } catch (e) {
    out.push((e as Error).message);
  }
  return out;
}

function sample(Writer: typeof PcapWriter | typeof PcapngWriter, littleEndian: boolean): Uint8Array {
  const writer = new Writer({ littleEndian, snapLength: 4 << 20 });
  for (const size of [0, 1, 60, 1500, (1 << 20) - 40, 1 << 20, 70, (3 << 20) + 5, 9])
    writer.write({ data: new Uint8Array(size).fill(size & 255), seconds: size, nanoseconds: 5000 });
  return writer.bytes().slice();
}

describe.each([
  ['pcap', PcapWriter],
  ['pcapng', PcapngWriter],
] as const)('%s', (_, Writer) => {
  const file = sample(Writer, false);

  test.each([65_521, 1 << 20, 1 << 30])('pieces of at most %i bytes', (most) => {
    const bytes = sample(Writer, true);
    expect(told(() => trickle(bytes, most))).toEqual(told(() => bytes));
  });

  test('again and again', () => {
    const capture = openCapture(() => trickle(file, 100_000));
    const sizes = (): number[] => [...capture].map((p) => p.data.length);
    expect(sizes()).toEqual(sizes());
  });

  test('cut off anywhere', () => {
    for (const size of [3, 20, 24, 30, 60, 2000, (1 << 20) + 9, file.length - 1]) {
      const cut = file.subarray(0, size);
      expect(told(() => trickle(cut, 777_777))).toEqual(told(() => cut));
    }
  });

  test('memory for a part of it', () => {
    const packet = new Uint8Array(60_000);
    const writer = new Writer();
    writer.write({ data: packet, seconds: 0, nanoseconds: 0 });
    const first = writer.take().slice();
    writer.write({ data: packet, seconds: 1, nanoseconds: 0 });
    const next = writer.take().slice();
    let piece = first;
    let at = 0;
    let left = 5000;
    const endless: ByteSource = {
      read(into) {
        if (at === piece.length) [piece, at] = [next, 0];
        if (at === 0 && left-- === 0) return 0;
        const count = Math.min(into.length, piece.length - at);
        into.set(piece.subarray(at, at + count));
        at += count;
        return count;
      },
    };
    let count = 0;
    let most = 0;
    for (const _packet of openCapture(() => endless))
      if (count++ % 100 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers);
    expect(count).toBe(5000);
    expect(most).toBeLessThan(120 << 20);
  });
});

test('a record that says to be longer than any', () => {
  const writer = new PcapWriter();
  writer.write({ data: new Uint8Array(4), seconds: 0, nanoseconds: 0 });
  const head = writer.bytes().slice();
  new DataView(head.buffer).setUint32(32, 0xffff_ffff, true);
  let given = 0;
  const endless: ByteSource = {
    read(into) {
      if (given === 0) into.set(head);
      given += into.length;
      return into.length;
    },
  };
  expect(told(() => endless)).toEqual([expect.stringMatching(/packet of 4294967295 bytes found, \d+ are the most/)]);
  expect(given).toBeLessThan(80 << 20);
  expect(told(() => head)).toEqual([expect.stringMatching(/packet of 4294967295 bytes expected, 4 are left/)]);
  expect(() => readCapture(new Uint8Array(8))).toThrow(/pcap/);
});
