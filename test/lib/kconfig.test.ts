/** Values of kernel configuration externs: what does not fit their type is refused. */
import { expect, test } from 'vitest';
import { kconfigContents, parseKconfig } from '../../src/lib/kconfig.ts';
import { fixture } from './fixture.ts';

const { externs, maps } = fixture('data.o');
const contents = (line: string): Uint8Array =>
  kconfigContents(externs, maps.get('.kconfig')!.valueSize, {
    kconfig: parseKconfig(line),
    kernelVersion: 0x61200,
    syscallWrapper: true,
  });

test('numbers and their signs', () => {
  const { offset } = externs.find((e) => e.name === 'CONFIG_HZ')!.kconfig!;
  expect([...contents('CONFIG_HZ=250').subarray(offset, offset + 8)]).toEqual([250, 0, 0, 0, 0, 0, 0, 0]);
});

test.each([
  ['CONFIG_HZ=18446744073709551616', /does not fit 8 bytes/],
  [`CONFIG_HZ=${'9'.repeat(2_000_000)}`, /value 9{64}\.\.\. has too many digits/],
  ['CONFIG_HZ=0x', /is no number/],
  ['CONFIG_HZ="x"', /is a string/],
])('%.40s', (line, message) => {
  expect(() => contents(line)).toThrow(message);
});
