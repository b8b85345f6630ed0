/** JSON that maps are filled from: what does not fit is refused by the element, whatever it is. */
import { expect, test } from 'vitest';
import { fillMap } from '../../../src/cli/session/map-fill.ts';
import { parseJson } from '../../../src/cli/session/exact-json.ts';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import { scalarBytes } from '../../../src/lib/map.ts';
import { fixture } from '../../lib/fixture.ts';

const fill = (text: string): number => {
  using sys = createRuntime({ memory: 1 << 26, engine: 'interp' });
  using c = fixture('legacy.o').load(sys, { programs: [] });
  const [name] = c.maps.keys();
  return fillMap('f.json', c, name, parseJson('f.json', text));
};

test('numbers are taken in every form', () => {
  expect(fill('[{"key": 0, "value": "0x10"}]')).toBe(1);
  expect(fill('{"0": 7}')).toBe(1);
});

test.each([
  ['a number beyond all bounds', '[{"key": 1e999, "value": 0}]', /element 0 of map/],
  ['a fraction', '[{"key": 0.5, "value": 0}]', /integer/],
  ['more than the size holds', '[{"key": "0x1ffffffff", "value": 0}]', /does not fit 4 bytes/],
  ['lists of lists of lists', `[{"key": ${'['.repeat(20_000)}${']'.repeat(20_000)}, "value": 0}]`, /no byte/],
  ['two million digits', `[{"key": "${'7'.repeat(2_000_000)}", "value": 0}]`, /integer/],
])('%s is refused by name', (_, text, message) => {
  expect(() => fill(text)).toThrow(message);
});

test('values without a type are integers of any width, or bytes', () => {
  expect([...scalarBytes(-2, 4, 'x')]).toEqual([254, 255, 255, 255]);
  expect([...scalarBytes(0x1234, 3, 'x')]).toEqual([0x34, 0x12, 0]);
  expect([...scalarBytes([1, '0x0f'], 3, 'x')]).toEqual([1, 15, 0]);
  expect(scalarBytes(-1, 1 << 20, 'x').every((b) => b === 255)).toBe(true);
  for (const value of [256, -129, [300], [-1], [[1]], Number.NaN, '12'])
    expect(() => scalarBytes(value as never, 1, 'x'), String(value)).toThrow(TypeError);
});
