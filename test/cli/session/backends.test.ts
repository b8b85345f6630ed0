/** The same runs in the embedded kernel and in the machine's own, where it can be asked. */
import { expect, test } from 'vitest';
import { FIREWALL, jsonLines, PROGRAMS, type Said, skep, TRAFFIC } from '../skep.ts';

const CASES: readonly (readonly string[])[] = [
  [PROGRAMS, '--prog', 'accepted', '--set', 'seen=7'],
  [PROGRAMS, '--prog', 'shorten'],
  [PROGRAMS, '--prog', 'jump', '--tail', 'jumps:2=target'],
  [PROGRAMS, '--prog', 'classify'],
  [FIREWALL, '--pcap', TRAFFIC],
];
const probe = skep(['prog', 'show', '--backend', 'kernel']);
const absent = probe.code !== 0;
if (absent) console.log(`${CASES.length + 2} comparisons with the live kernel skipped: ${probe.err.trim()}`);

/** What must agree: results and what the maps hold, whatever their order. */
function essence(said: Said): unknown {
  const { retval, verdict, dataOut, verdicts, passed, maps, globals } = jsonLines(said)[0] as Record<string, unknown>;
  const { pairs, protocols, sources } = maps as Record<string, { entries: unknown[] } | undefined>;
  const sorted = (map: { entries: unknown[] } | undefined): string[] | undefined =>
    map?.entries.map((e) => JSON.stringify(e)).sort();
  return {
    retval,
    verdict,
    dataOut,
    verdicts,
    passed,
    globals,
    pairs: sorted(pairs),
    protocols: sorted(protocols),
    sources: sorted(sources),
  };
}

test.skipIf(absent).each(CASES.map((words) => ({ words })))('$words', ({ words }) => {
  const embedded = skep(['run', ...words, '--json']);
  const kernel = skep(['run', ...words, '--json', '--backend', 'kernel']);
  expect(kernel.err).toBe('');
  expect(essence(embedded)).toEqual(essence(kernel));
});

test.skipIf(absent)('a rejection reads the same', () => {
  const said = ['embedded', 'kernel'].map(
    (backend) => skep(['run', PROGRAMS, '--prog', 'refused', '--backend', backend]).out,
  );
  // What is said behind the message is ours alone.
  const reason = (text: string): string[] => text.split('\n').slice(1, 2);
  expect(reason(said[0])).toEqual(reason(said[1]));
});

const OBJECTS = ['kernel_objects', 'unsized', 'tc_nat', 'trace_exec', 'xdp_lb'].map(
  (name) => `test/fixtures/objects/${name}.o`,
);

test.skipIf(absent)('both verifiers say the same of real objects, with the same effort', () => {
  const [kernel, embedded] = ['kernel', 'embedded'].map((backend) =>
    jsonLines(skep(['verify', ...OBJECTS, '--json', '--backend', backend])).map((line) => ({
      ...line,
      timeUs: 0,
      why: '',
      diagnosis: undefined,
    })),
  );
  expect(kernel.length).toBeGreaterThan(10);
  expect(embedded).toEqual(kernel);
});
