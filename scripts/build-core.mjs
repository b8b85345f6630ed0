/** Builds src/kernel/core/core.wasm.ts from the AssemblyScript sources beside it. `--check` only compares. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const sources = join(root, 'src/kernel/core/assembly');
const artefact = join(root, 'src/kernel/core/core.wasm.ts');

/** SHA-256 over the names and bytes of all sources, in order. */
export function sourceHash() {
  const hash = createHash('sha256');
  for (const name of readdirSync(sources).sort()) {
    if (!name.endsWith('.ts')) continue;
    hash.update(`${name}\n`);
    hash.update(readFileSync(join(sources, name)));
  }
  return hash.digest('hex');
}

/** Compiles the sources and gives the text of the artefact. */
export function buildCore() {
  const dir = mkdtempSync(join(tmpdir(), 'skep-core-'));
  try {
    const out = join(dir, 'core.wasm');
    const asc = join(root, 'node_modules/assemblyscript/bin/asc.js');
    const args = [asc, 'src/kernel/core/assembly/index.ts', '-o', out, '-O3', '--runtime', 'stub', '--noAssert'];
    args.push('--importMemory', '--memoryBase', '65536', '--enable', 'bulk-memory');
    execFileSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    return render(readFileSync(out));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function render(wasm) {
  const lines = wasm.toString('base64').match(/.{1,116}/g) ?? [];
  return [
    '/** The WebAssembly core, built from assembly/ by `npm run build:core`; do not edit. */',
    `export const CORE_SOURCE_SHA256 = '${sourceHash()}';`,
    `export const CORE_WASM_BYTES = ${wasm.length};`,
    `export const CORE_WASM_BASE64 = \`\n${lines.join('\n')}\n\`;`,
    '',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = buildCore();
  if (process.argv.includes('--check')) {
    if (readFileSync(artefact, 'utf8') !== text) {
      console.error('core.wasm.ts differs from its sources: run `npm run build:core`');
      process.exit(1);
    }
  } else writeFileSync(artefact, text);
}
