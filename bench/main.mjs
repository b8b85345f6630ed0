#!/usr/bin/env node
/**
 * The benchmarks on the command line: tables, or with --json one JSON object; --svg writes the chart, --markdown the tables of
 * docs/performance.md. --from FILE takes what an earlier run printed with --json instead of measuring.
 *
 *   node bench/main.mjs [--json] [--rounds N] [--svg FILE] [--markdown FILE] [--from FILE] [--no-native] [name ...]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { chartOf } from './chart.mjs';
import { withTables } from './markdown.mjs';
import { tableOf } from './report.mjs';
import { runBench } from './run.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean' },
    rounds: { type: 'string', default: '9' },
    svg: { type: 'string' },
    markdown: { type: 'string' },
    from: { type: 'string' },
    'no-native': { type: 'boolean' },
    dist: { type: 'string' },
  },
});
const measure = () =>
  runBench({
    names: positionals,
    rounds: Number(values.rounds),
    native: !values['no-native'],
    ...(values.dist === undefined ? {} : { dist: `file://${values.dist}/` }),
    onRow: (row) => process.stderr.write(`${row.name} `),
  });
const result = values.from === undefined ? await measure() : JSON.parse(readFileSync(values.from, 'utf8'));
process.stderr.write('\n');
console.log(values.json ? JSON.stringify(result) : tableOf(result));
if (values.markdown !== undefined)
  writeFileSync(values.markdown, withTables(readFileSync(values.markdown, 'utf8'), result));
if (values.svg !== undefined) writeFileSync(values.svg, chartOf(result));
if ([...result.programs, ...result.throughput].some((r) => !r.equal)) process.exitCode = 1;
