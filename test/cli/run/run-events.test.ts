/** `skep run --events-in`: events from lines of JSON, to what the object attaches. */
import { afterAll, expect, test } from 'vitest';
import { jsonLines, scratch, skep, skepProcess } from '../skep.ts';

const files = scratch();
afterAll(() => files.remove());
const OBJECT = 'test/fixtures/hooks/task.o';
const lines = (...events: unknown[]): string => `${events.map((e) => JSON.stringify(e)).join('\n')}\n`;
const sh = { pid: 7, comm: 'sh', uid: 1000 };
const happened = files.file(
  'events.jsonl',
  lines(
    { t: 1000, task: sh, hook: 'raw_tp:sched_switch' },
    { t: 2000 },
    { task: { pid: 8, ppid: 7 }, hook: 'raw_tp:sched_switch' },
  ),
);

test('all programs of an object, and what they saw', () => {
  const [said] = jsonLines(skep(['run', OBJECT, '--events-in', happened, '--json']));
  expect(said).toMatchObject({
    programs: [
      { program: 'look', type: 'raw_tracepoint', engine: 'jit' },
      { program: 'walk', type: 'tracing', engine: 'jit' },
    ],
    attached: ['look', 'walk'],
    eventsIn: 3,
  });
});

test('one program, from a pipe, for people', () => {
  const said = skepProcess(
    ['run', OBJECT, '--prog', 'look', '--events-in', '-'],
    lines({ task: sh, hook: 'raw_tp:sched_switch' }),
  );
  expect(said).toMatchObject({ code: 0, err: '' });
  expect(said.out).toContain('1 event to look');
  expect(said.out).toContain('comm: "sh"');
});

test('integers of 64 bits stay exact', () => {
  const file = files.file('wide.jsonl', '{"hook":"syscall:read","args":[18446744073709551615]}\n');
  expect(skep(['run', OBJECT, '--prog', 'look', '--events-in', file]).code).toBe(0);
});

test.each([
  ['{"t":1}\n\n{"t":', ':3: no JSON'],
  ['{"t":5}\n{"t":4}\n', ':2: t is 4, and the clock is at 5 already'],
  ['{"hook":"tracepoint:no:such"}', ':1: no:such: the kernel has no such trace event'],
  ['[]', ':1: it is no object'],
])('%j is unusable input', (text, says) => {
  const file = files.file('wrong.jsonl', text);
  const said = skep(['run', OBJECT, '--prog', 'look', '--events-in', file]);
  expect(said).toMatchObject({ code: 3, out: '' });
  expect(said.err).toContain(`${file}${says}`);
});

test('an object that attaches nothing by itself', () => {
  const said = skep(['run', 'examples/firewall/firewall.bpf.o', '--events-in', happened]);
  expect(said).toMatchObject({ code: 3 });
  expect(said.err).toContain('no program of the object says by its section what it attaches to');
});
