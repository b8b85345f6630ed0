/** The committed core.wasm.ts is what its sources build. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CORE_WASM_BASE64, CORE_WASM_BYTES } from '../../../src/kernel/core/core.wasm.ts';

test('core.wasm.ts equals a build of core/assembly', () => {
  const script = fileURLToPath(new URL('../../../scripts/build-core.mjs', import.meta.url));
  execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' });
});

test('the core keeps its statics between the null region and the stacks, and imports memory and grow alone', () => {
  const bytes = Buffer.from(CORE_WASM_BASE64, 'base64');
  expect(bytes.length).toBe(CORE_WASM_BYTES);
  const module = new WebAssembly.Module(bytes);
  expect(
    WebAssembly.Module.imports(module)
      .map((i) => `${i.module}.${i.name}`)
      .sort(),
  ).toEqual(['env.grow', 'env.memory']);
  // No data segments at all: nothing is written when the core is instantiated.
  const memory = new WebAssembly.Memory({ initial: 4 });
  new WebAssembly.Instance(module, { env: { memory, grow: () => 0 } });
  expect(new Uint8Array(memory.buffer).every((byte) => byte === 0)).toBe(true);
});
