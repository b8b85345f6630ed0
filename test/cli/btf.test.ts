/** `skep btf`: types of a file. */
import { expect, test } from 'vitest';
import { PROGRAMS, skep } from './skep.ts';

test('btf dump', () => {
  expect(skep(['btf', 'dump', 'file', PROGRAMS]).out).toMatch(/^\[1\] /);
  expect(skep(['btf', 'dump', 'file', PROGRAMS, 'format', 'c']).out).toContain(
    'struct pair {\n\t__u32 a;\n\t__u64 b;\n};',
  );
  expect(skep(['btf', 'dump', 'file', 'package.json'])).toMatchObject({ code: 3 });
  expect(skep(['btf', 'dump', 'file', PROGRAMS, 'format', 'rust'])).toMatchObject({ code: 2 });
});
