/** Objects outside the project, where they exist: every program parses and is prepared without a loader error. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Btf } from '../../src/btf/btf.ts';
import { CoreRelocator } from '../../src/lib/core-relo/relocate.ts';
import { parseObject } from '../../src/lib/parse-object.ts';
import { prepareProgram } from '../../src/lib/prepare.ts';

const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'skep-exam', 'obj');
const kernelTypes = '/sys/kernel/btf/vmlinux';
const present = existsSync(folder) && existsSync(kernelTypes);
const objects = present ? readdirSync(folder).filter((f) => f.endsWith('.bpf.o')) : [];
if (!present) console.log('0 of the selftest objects are here: their test is skipped');

test.skipIf(objects.length === 0)(`${objects.length} objects are prepared whole`, { timeout: 300_000 }, () => {
  const kernelBtf = Btf.parse(new Uint8Array(readFileSync(kernelTypes)));
  const errors: string[] = [];
  let programs = 0;
  for (const name of objects) {
    const spec = parseObject(new Uint8Array(readFileSync(join(folder, name))));
    const relocator = spec.btf && new CoreRelocator(spec.btf, kernelBtf);
    for (const p of spec.programs) {
      programs++;
      try {
        prepareProgram(spec, p.key, { kernelBtf, relocator, mapFd: () => 1, btfFd: 1 });
      } catch (e) {
        errors.push(`${name}:${p.key}: ${(e as Error).message}`);
      }
    }
  }
  expect(errors).toEqual([]);
  expect(programs).toBeGreaterThan(objects.length);
});
