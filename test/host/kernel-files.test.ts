/** Calls of the C library for shared pages. */
import { expect, test } from 'vitest';
import { memoryCalls } from '../../src/host/kernel-files.ts';
import type { Koffi } from '../../src/host/native-space.ts';

test('mmap and munmap are declared when they are called, not when a door is opened', () => {
  const declared: string[] = [];
  const libc = {
    func: (definition: string) => {
      declared.push(definition);
      return (...args: unknown[]) => args[0];
    },
  };
  const calls = memoryCalls({} as Koffi, libc);
  expect(declared).toEqual([]);
  calls.map(4096, 1, 3, 0);
  calls.map(4096, 1, 3, 0);
  expect(declared).toHaveLength(1);
  expect(declared[0]).toContain('mmap(');
  calls.unmap(null, 4096);
  expect(declared).toHaveLength(2);
});
