/** Every rejection of the catalogue is met by a program of the data files, or stands in the list of those that are not yet. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadPackagedBtf } from '../../../../src/btf/vmlinux/index.ts';
import { createRuntime } from '../../../../src/kernel/boot/runtime.ts';
import { CATALOGUE } from '../../../../src/kernel/verifier/diag/catalogue.ts';
import { loadCollection } from '../../../../src/lib/collection.ts';
import { parseObject } from '../../../../src/lib/parse-object.ts';
import { ask } from '../../../proofs/modifiers/ask.ts';
import { makeCase } from '../../../proofs/modifiers/cases.ts';
import { ours, readRows } from '../access/btf-programs.ts';
import { OurKernels } from '../judge.ts';
import { play } from '../../../proofs/scenarios/play.ts';
import { PROGRAMS } from '../../../proofs/scenarios/programs.ts';
import { fixtures } from '../../../proofs/scenarios/stage.ts';
import { HOSTILE, LESSONS, readPairs } from '../programs.ts';

const BTF_FILES = ['arguments.tsv', 'walks.tsv', 'programs.tsv', 'hooks.tsv'];
const OBJECTS = new URL('../../../fixtures/verifier/objects/objects.o', import.meta.url);
/** Random types behind chains: the first cases, and the first with a member whose size nothing tells (BTF_ACCESS.FIELD_SIZE). */
const CHAINS = [...Array(600).keys(), 4982];
const btf = await loadPackagedBtf();

/** `id  reason` for each rejection that no program here meets. It only shrinks: an id that is met must leave it. */
const LISTED = new Map(
  readFileSync(new URL('../programs/not-met.txt', import.meta.url), 'utf8')
    .split('\n')
    .filter((l) => l !== '' && !l.startsWith(';'))
    .map((l): [string, string] => [l.split(' ')[0], l.slice(l.indexOf(' ') + 1).trim()]),
);

/** The rejections met, each with the file whose programs meet it first. */
function idsMet(): Map<string, string> {
  const met = new Map<string, string>();
  using kernels = new OurKernels(btf);
  const take = (file: string): void => {
    for (const id of kernels.ids) if (!met.has(id)) met.set(id, file);
  };
  for (const file of [...LESSONS, ...HOSTILE]) {
    for (const p of readPairs(file)) kernels.verdict(p.hostile);
    take(file);
  }
  using runtime = createRuntime({
    kernelBtf: btf,
    verifyOnly: true,
    memory: 64 << 20,
    cpus: 2,
    onVerified: (o) => {
      if (!o.ok) kernels.ids.add(o.id);
      for (const id of o.notes) kernels.ids.add(id);
    },
  });
  const object = parseObject(new Uint8Array(readFileSync(OBJECTS)));
  for (const { name } of object.programs) {
    const options = { kernelBtf: btf, onError: 'collect', programs: [name], logLevel: 1 } as const;
    loadCollection(object, runtime, options).close();
  }
  take('objects.o');
  for (const seed of CHAINS) ask(runtime, btf, makeCase(seed));
  take('chains of types');
  using whole = createRuntime({
    kernelBtf: btf,
    memory: 64 << 20,
    onVerified: (o) => void (o.ok || kernels.ids.add(o.id)),
  });
  const actor = (): never => {
    throw new Error('programs on programs need no process');
  };
  for (const scenario of PROGRAMS) play({ sys: whole, object: fixtures, actor }, scenario);
  take('programs on programs');
  for (const file of BTF_FILES) {
    const text = readFileSync(new URL(`../../../recorded/verifier/btf/${file}`, import.meta.url), 'utf8');
    for (const row of readRows(text)) ours(btf, row, kernels.ids);
    take(`btf/${file}`);
  }
  return met;
}

test('every rejection is met by a program, or listed with a reason', () => {
  const met = idsMet();
  const all = Object.entries(CATALOGUE).flatMap(([topic, rows]) => Object.keys(rows).map((key) => `${topic}.${key}`));
  expect(
    all.filter((id) => !met.has(id) && !LISTED.has(id)),
    'neither met nor listed',
  ).toEqual([]);
  expect(
    [...LISTED.keys()].flatMap((id) => (met.has(id) ? [`${id} by ${met.get(id)}`] : [])),
    'met now: take it off the list',
  ).toEqual([]);
  expect(
    [...LISTED.keys()].filter((id) => !all.includes(id)),
    'no such rejection',
  ).toEqual([]);
  expect(
    [...LISTED.values()].every((reason) => reason.length > 10),
    'a reason each',
  ).toBe(true);
  const byFile = new Map<string, number>();
  for (const file of met.values()) byFile.set(file, (byFile.get(file) ?? 0) + 1);
  console.log(
    `${all.length} rejections, ${LISTED.size} of them out of reach; met first by ${[...byFile].map(([f, n]) => `${f} ${n}`).join(', ')}`,
  );
});

test('every rejection is explained in sentences', () => {
  const weak = Object.entries(CATALOGUE).flatMap(([topic, rows]) =>
    Object.entries(rows).flatMap(([key, row]) =>
      /^[A-Za-z_`].{35,}[.?]$/.test(row.why) ? [] : [`${topic}.${key}: ${row.why}`],
    ),
  );
  expect(weak).toEqual([]);
});
