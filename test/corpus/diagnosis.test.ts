/** Rejected C programs and their mended twins: the cause, the line, and a part of the remedy. */
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadPackagedBtf } from '../../src/btf/vmlinux/index.ts';
import type { Btf } from '../../src/btf/btf.ts';
import { embeddedKernel } from '../../src/cli/verify/verdict-watch.ts';
import { verifyPrograms } from '../../src/cli/verify/verify-object.ts';
import { CAUSES } from '../../src/kernel/diagnose/causes/catalogue.ts';
import { diagnose } from '../../src/kernel/diagnose/diagnose.ts';
import type { Diagnosis } from '../../src/kernel/diagnose/diagnosis.ts';
import { parseObject } from '../../src/lib/parse-object.ts';

const FOLDER = fileURLToPath(new URL('diagnosis/', import.meta.url));
const TOPICS = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.c'))
  .map((file) => file.slice(0, -2));

/** What a comment of the source wants of the program behind it: `// want: CAUSE; fix: text`. */
interface Wanted {
  readonly cause: string;
  readonly fix: string;
  /** The line that is marked FAULT. */
  line: number;
}

function wantedIn(source: string): Map<string, Wanted> {
  const found = new Map<string, Wanted>();
  let current: Wanted | undefined;
  let named = true;
  for (const [i, text] of source.split('\n').entries()) {
    const want = /^\/\/ want: (\w+)(?:; fix: (.*))?$/.exec(text);
    if (want !== null) {
      current = { cause: want[1], fix: want[2] ?? '', line: 0 };
      named = false;
    }
    const name = /\b(\w+_bad)\(/.exec(text)?.[1];
    if (name !== undefined && current !== undefined && !named) {
      found.set(name, current);
      named = true;
    }
    if (text.includes('FAULT') && current !== undefined) current.line = i + 1;
  }
  return found;
}

interface Result {
  readonly topic: string;
  readonly name: string;
  readonly wanted: Wanted | undefined;
  readonly verdict: string;
  readonly message: string;
  readonly diagnosis: Diagnosis | undefined;
}

function resultsOf(topic: string, kernelBtf: Btf): Result[] {
  const wanted = wantedIn(readFileSync(`${FOLDER}${topic}.c`, 'utf8'));
  const spec = parseObject(readFileSync(`${FOLDER}${topic}.o`), { name: topic });
  const options = { kernelBtf, logLevel: 0, facts: {}, kernel: () => embeddedKernel(kernelBtf, 2, 0) };
  return [...verifyPrograms(topic, spec, spec.programs, options)].map(({ found, refused }) => {
    const name = found.program.slice(found.program.lastIndexOf('/') + 1);
    const diagnosis = refused === undefined ? undefined : diagnose(refused);
    return { topic, name, wanted: wanted.get(name), verdict: found.verdict, message: found.message, diagnosis };
  });
}

/** The words of JSON Schema that ours uses. */
interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly minLength?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | false;
  readonly items?: Schema;
}

/** What of a value does not fit its schema, a line for each fault. */
function faults(value: unknown, schema: Schema, root: Schema, at: string): string[] {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.replace('#/$defs/', '');
    return faults(value, root.$defs?.[name] ?? {}, root, at);
  }
  const kind = Array.isArray(value) ? 'array' : typeof value;
  const kinds = schema.type === undefined ? [] : [schema.type].flat();
  const fits = kinds.length === 0 || kinds.includes(kind) || (kinds.includes('integer') && Number.isInteger(value));
  const out = fits ? [] : [`${at}: is ${kind}`];
  if (schema.enum !== undefined && !schema.enum.includes(value as string)) out.push(`${at}: ${String(value)}`);
  if (typeof value === 'string' && schema.pattern !== undefined && !new RegExp(schema.pattern).test(value))
    out.push(`${at}: ${value}`);
  if (typeof value === 'string' && value.length < (schema.minLength ?? 0)) out.push(`${at}: is empty`);
  if (typeof value === 'number' && value < (schema.minimum ?? value)) out.push(`${at}: ${value}`);
  if (Array.isArray(value)) {
    if (value.length > (schema.maxItems ?? value.length)) out.push(`${at}: has ${value.length}`);
    return out.concat(value.flatMap((v, i) => faults(v, schema.items ?? {}, root, `${at}: ${i}`)));
  }
  if (typeof value !== 'object' || value === null) return out;
  for (const name of schema.required ?? []) if (!(name in value)) out.push(`${at}: ${name} is missing`);
  for (const [name, v] of Object.entries(value)) {
    const of = schema.properties?.[name] ?? schema.additionalProperties;
    if (of === false || of === undefined) out.push(`${at}: ${name} is not known`);
    else out.push(...faults(v, of, root, `${at}: ${name}`));
  }
  return out;
}

let all: Result[] = [];
let bad: (Result & { readonly wanted: Wanted })[] = [];
beforeAll(async () => {
  const btf = await loadPackagedBtf();
  all = TOPICS.flatMap((topic) => resultsOf(topic, btf));
  bad = all.flatMap((r) => (r.wanted === undefined ? [] : [{ ...r, wanted: r.wanted }]));
}, 120_000);

/** At least `share` of the rejected programs fit; what does not is listed. */
function most(
  share: number,
  fits: (r: (typeof bad)[number]) => boolean,
  say: (r: (typeof bad)[number]) => string,
): void {
  const misses = bad.filter((r) => !fits(r)).map((r) => `${r.topic} ${r.name}: ${say(r)}`);
  expect(misses.length, misses.join('\n')).toBeLessThanOrEqual(Math.floor(bad.length * (1 - share)));
}

describe('rejected programs in C', () => {
  it('each has a mended twin that is accepted', () => {
    const twins = new Set(all.map((r) => r.name));
    expect(bad.filter((r) => !twins.has(r.name.replace(/_bad$/, '_ok'))).map((r) => r.name)).toEqual([]);
    expect(
      all.filter((r) => r.name.endsWith('_ok') && r.verdict !== 'accept').map((r) => `${r.name}: ${r.message}`),
    ).toEqual([]);
    expect(all.filter((r) => r.name.endsWith('_bad') && r.wanted === undefined).map((r) => r.name)).toEqual([]);
    expect(bad.filter((r) => r.verdict !== 'reject').map((r) => r.name)).toEqual([]);
    expect(bad.length).toBeGreaterThanOrEqual(100);
  });

  it('the cause is right in 95 %', () => {
    most(
      0.95,
      (r) => r.diagnosis?.cause === r.wanted.cause,
      (r) => `${r.diagnosis?.cause} for ${r.wanted.cause}`,
    );
  });

  it('the line is right in 98 %', () => {
    most(
      0.98,
      (r) => r.diagnosis?.at.line === r.wanted.line,
      (r) => `${r.diagnosis?.at.line} for ${r.wanted.line}`,
    );
  });

  it('the remedy says what is wanted', () => {
    most(
      0.95,
      (r) => r.diagnosis?.fix.includes(r.wanted.fix) === true,
      (r) => `${r.diagnosis?.fix} for ${r.wanted.fix}`,
    );
  });

  it('every cause has a page, and is met', () => {
    const unknown = bad.map((r) => r.diagnosis?.cause ?? '').filter((cause) => !(cause in CAUSES));
    expect(unknown).toEqual([]);
  });

  it('the message does not decide the cause: those that are met most have several', () => {
    const causes = new Map<string, Set<string>>();
    for (const { diagnosis } of bad) {
      if (diagnosis === undefined) continue;
      const { rejection, cause } = diagnosis;
      causes.set(rejection, (causes.get(rejection) ?? new Set()).add(cause));
    }
    const several = [...causes].filter(([, found]) => found.size >= 3).map(([rejection]) => rejection);
    expect(several).toEqual(
      expect.arrayContaining([
        'ACCESS.INVALID_MEM_ACCESS',
        'ACCESS.PACKET_RANGE',
        'ACCESS.MAX_OUTSIDE',
        'ARGS.TYPE_MISMATCH',
      ]),
    );
  });

  it('diagnoses are as their JSON Schema says', () => {
    const schema = JSON.parse(readFileSync('docs/diagnosis.schema.json', 'utf8')) as Schema;
    for (const { diagnosis, name } of bad) expect(faults(diagnosis, schema, schema, name)).toEqual([]);
    const [{ diagnosis: some }] = bad;
    expect(faults({ ...some, path: [{}] }, schema, schema, '')).toContain(': path: 0: insn is missing');
    expect(faults({ ...some, more: 1 }, schema, schema, '')).toEqual([': more is not known']);
    expect(faults({ ...some, cause: 'x' }, schema, schema, '')).toHaveLength(1);
  });

  it('diagnoses are plain, short and complete', () => {
    for (const { diagnosis: d, name } of bad) {
      expect(d, name).toBeDefined();
      if (d === undefined) continue;
      expect(d.explanation, name).toMatch(/^[A-Z`].*[.)]$/s);
      expect(d.explanation.length, name).toBeLessThan(420);
      expect(d.fix, name).not.toBe('');
      expect(d.label, name).not.toBe('');
      expect(`${d.explanation} ${d.fix} ${d.label}`, name).not.toMatch(/undefined|NaN|\[object/);
      expect(JSON.parse(JSON.stringify(d)), name).toEqual(d);
    }
  });
});
