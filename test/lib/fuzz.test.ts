/** Damaged objects: nothing but FormatError and BpfError comes out, in bounded time. */
import { expect, test } from 'vitest';
import { dumpC } from '../../src/btf/dump-c.ts';
import { formatBtf } from '../../src/btf/format.ts';
import { printValue } from '../../src/btf/print-value.ts';
import { parseRecord } from '../../src/btf/record.ts';
import { validateBtf } from '../../src/btf/validate.ts';
import type { Btf } from '../../src/btf/btf.ts';
import { BTF_KIND } from '../../src/btf/types.ts';
import { BpfError } from '../../src/lib/errors.ts';
import { parseObject } from '../../src/lib/parse-object.ts';
import { prepareProgram } from '../../src/lib/prepare.ts';
import { FormatError } from '../../src/util/errors.ts';
import { allObjects, fixture, fixtureBytes, mutate, random } from './fixture.ts';

const ROUNDS = Number(process.env.SKEP_FUZZ ?? 600);

function useTypes(btf: Btf): void {
  dumpC(btf);
  for (const line of formatBtf(btf)) if (line === '') throw new Error('empty line');
}

function useValues(btf: Btf): void {
  const bytes = new Uint8Array(64);
  for (let id = 1; id < btf.nrTypes; id++) {
    tolerate(() => printValue(btf, id, bytes));
    if (btf.kind(id) === BTF_KIND.STRUCT) tolerate(() => parseRecord(btf, id));
  }
}

/** Runs a step; typed errors are its right. */
function tolerate<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch (e) {
    if (e instanceof FormatError || e instanceof BpfError) return undefined;
    throw e;
  }
}

test(`${ROUNDS} damaged objects`, { timeout: 300_000 }, () => {
  const objects = allObjects().map((name) => fixtureBytes(name));
  const kernelBtf = fixture('core_target.o').btf;
  const rnd = random(20);
  let parsed = 0;
  for (let n = 0; n < ROUNDS; n++) {
    const bytes = mutate(objects[Math.floor(rnd() * objects.length)], rnd);
    const spec = tolerate(() => parseObject(bytes));
    if (spec === undefined) continue;
    parsed++;
    for (const p of spec.programs) tolerate(() => prepareProgram(spec, p.key, { kernelBtf, mapFd: () => 1, btfFd: 1 }));
    const { btf } = spec;
    if (btf === undefined) continue;
    tolerate(() => useTypes(btf));
    useValues(btf);
    expect(validateBtf(btf.bytes).errno).toBeGreaterThanOrEqual(0);
  }
  expect(parsed).toBeGreaterThan(ROUNDS / 10);
});
