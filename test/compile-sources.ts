/** Compiles the sources for the tests before they run: what has not changed is kept. Types are the type checker's affair. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

const root = fileURLToPath(new URL('..', import.meta.url));

function compile(): void {
  const args = [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.test-src.json')];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the sources do not compile: ${stdout}${stderr}`);
}

export function setup(project: TestProject): void {
  compile();
  project.onTestsRerun(() => compile());
}
