/** Every name that skep/uapi gives its users says what it is. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const folder = new URL('../../src/uapi/', import.meta.url);
const text = (file: string): string => readFileSync(new URL(file, folder), 'utf8');
const files = [...text('index.ts').matchAll(/from '\.\/(.+?)'/g)].map(([, file]) => file);

test('names of skep/uapi have a doc comment', () => {
  let names = 0;
  const bare = files.flatMap((file) => {
    const lines = text(file).split('\n');
    return lines.flatMap((line, i) => {
      const name = /^export (?:const|function|type|interface|class) (\w+)/.exec(line)?.[1];
      if (name === undefined) return [];
      names++;
      return lines[i - 1]?.endsWith('*/') === true ? [] : [`${file}: ${name}`];
    });
  });
  expect(bare).toEqual([]);
  expect(names).toBeGreaterThan(140);
});
