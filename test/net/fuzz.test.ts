/** Damaged captures: whatever the bytes are, reading ends, with packets inside the file or with a FormatError. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildPacket, PcapngWriter, PcapWriter, readCapture } from '../../src/net/index.ts';
import { FormatError } from '../../src/util/errors.ts';

function sample(Writer: typeof PcapWriter | typeof PcapngWriter, littleEndian: boolean): Uint8Array {
  const writer = new Writer({ littleEndian });
  for (let i = 0; i < 4; i++)
    writer.write({
      data: buildPacket({ src: '10.0.0.1', dst: '10.0.0.2', proto: 'udp', sport: i }),
      seconds: i,
      nanoseconds: 0,
    });
  return writer.bytes().slice();
}

const SEEDS = [PcapWriter, PcapngWriter].flatMap((writer) => [true, false].map((little) => sample(writer, little)));

/** Reads to the end; every packet lies inside the file, and there are not more than bytes. */
function read(bytes: Uint8Array): void {
  let count = 0;
  try {
    for (const p of readCapture(bytes)) {
      expect(p.data.buffer).toBe(bytes.buffer);
      expect(p.nanoseconds).toBeLessThan(2 ** 43);
      if (++count > bytes.length) throw new Error('more packets than bytes');
    }
  } catch (e) {
    if (!(e instanceof FormatError)) throw e;
    expect(e.offset).toBeGreaterThanOrEqual(0);
    expect(e.offset).toBeLessThanOrEqual(bytes.length);
  }
}

const damage = fc.record({ at: fc.nat(400), byte: fc.constantFrom(0, 1, 4, 0x7f, 0x80, 0xff) });

test('mutated captures', () => {
  const input = fc.tuple(fc.constantFrom(...SEEDS), fc.array(damage, { maxLength: 6 }), fc.nat(400));
  fc.assert(
    fc.property(input, ([seed, faults, cut]) => {
      const bytes = seed.slice(0, Math.max(4, seed.length - (cut % 3 === 0 ? cut : 0)));
      for (const { at, byte } of faults) if (at < bytes.length) bytes[at] = byte;
      read(bytes);
    }),
    { numRuns: 3000, interruptAfterTimeLimit: 5000 },
  );
});

test('random bytes behind each magic', () => {
  const magics = SEEDS.map((s) => s.slice(0, 24));
  fc.assert(
    fc.property(fc.constantFrom(...magics), fc.uint8Array({ maxLength: 200 }), (magic, rest) => {
      read(Uint8Array.of(...magic, ...rest));
    }),
    { numRuns: 2000, interruptAfterTimeLimit: 5000 },
  );
});
