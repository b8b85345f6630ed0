#!/usr/bin/env node
/** Runs the commands of the README's transcripts and puts what they print there. Build first; look at the diff after. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const page = new URL('../README.md', import.meta.url);
const root = new URL('..', import.meta.url);
const only = process.argv.slice(2);

const text = readFileSync(page, 'utf8').replace(
  /(<!-- transcript: (\w+) -->\n```console\n\$ ([^\n]+)\n)[\s\S]*?(```\n<!-- end -->)/g,
  (whole, head, name, command, tail) => {
    if (only.length > 0 && !only.includes(name)) return whole;
    // The package's own command, as npx finds it once the package is installed.
    const line = command.replace(/^npx skep/, 'node dist/cli/main.js');
    const { stdout, stderr } = spawnSync('sh', ['-c', line], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    });
    if (stdout === '') throw new Error(`${command} printed nothing: ${stderr}`);
    const lines = stdout.replace(/^\n+|\s+$/g, '').split('\n');
    return `${head}${lines.map((l) => l.trimEnd()).join('\n')}\n${tail}`;
  },
);
writeFileSync(page, text);
