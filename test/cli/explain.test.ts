/** `skep explain`: pages of causes. */
import { expect, test } from 'vitest';
import { CAUSES } from '../../src/kernel/diagnose/causes/catalogue.ts';
import { jsonLines, skep } from './skep.ts';

test('all causes, a line for each, within 140 columns', () => {
  const { out, code } = skep(['explain']);
  const lines = out.trimEnd().split('\n');
  expect(code).toBe(0);
  expect(lines.map((l) => l.split(' ')[0])).toEqual(Object.keys(CAUSES).toSorted());
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(140);
});

test('a cause, in any case, with its example; a rejection by its id', () => {
  const { out } = skep(['explain', 'packet_stale']);
  expect(out).toMatch(/^PACKET_STALE: a packet pointer is used/);
  expect(out).toMatch(/refused:\n[^]*accepted:\n/);
  for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  expect(skep(['explain', 'ACCESS.PACKET_RANGE']).out).toMatch(/^ACCESS\.PACKET_RANGE: a rejection/);
});

test('JSON has the fields that docs/json.md names', () => {
  const [line] = jsonLines(skep(['explain', 'NULL_UNCHECKED', '--json']));
  expect(Object.keys(line)).toEqual(['cause', 'title', 'page', 'example']);
});

test.each([
  ['PACKET_STAL', /there is no cause 'PACKET_STAL' \(did you mean PACKET_STALE\?\)/],
  ['ACCESS.NOTHING', /there is no cause/],
  ['__proto__', /there is no cause/],
  ['ACCESS.__proto__', /there is no cause/],
])('%s is a wrong word', (word, text) => {
  const said = skep(['explain', word]);
  expect(said.code).toBe(2);
  expect(said.err).toMatch(text);
});

test('titles are short, pages are sentences', () => {
  for (const [id, { title, page }] of Object.entries(CAUSES)) {
    expect(id).toMatch(/^[A-Z]+(?:_[A-Z]+)*$/);
    expect(title, id).not.toMatch(/\.$/);
    expect(title.length, id).toBeLessThanOrEqual(110);
    expect(page, id).toMatch(/^[A-Za-z].*[.?)]$/);
  }
});
