/** `skep bench`: the engines side by side, on one packet and on a capture. */
import { describe, expect, test } from 'vitest';
import { FIREWALL, jsonLines, PROGRAMS, skep, TRAFFIC } from '../skep.ts';

interface Row {
  name: string;
  type: string;
  engine: string;
  ns: Record<string, { min: number; median: number }>;
  packetsPerSecond: Record<string, number>;
  overKernel?: Record<string, number>;
  equal: boolean;
  askedKernel: number;
  rejected?: string;
}
interface Report {
  packets: number;
  rounds: number;
  kernel: string;
  programs: Row[];
}

const bench = (...words: string[]): Report => {
  const said = skep(['bench', ...words, '--json']);
  expect(said.err).toBe('');
  return jsonLines(said)[0] as unknown as Report;
};

describe('measures', () => {
  test('a capture: counts, times, rates, equal verdicts', () => {
    const { packets, rounds, kernel, programs } = bench(FIREWALL, '--pcap', TRAFFIC, '--rounds', '3');
    expect({ packets, rounds, programs: programs.length }).toEqual({ packets: 1110, rounds: 3, programs: 1 });
    const [row] = programs;
    expect(row).toMatchObject({ type: 'xdp', engine: 'jit', equal: true });
    for (const engine of ['interp', 'jit', 'batch', ...(kernel === 'live' ? ['kernel'] : [])]) {
      expect(row.ns[engine].min).toBeGreaterThan(0);
      expect(row.ns[engine].median).toBeGreaterThanOrEqual(row.ns[engine].min);
      expect(row.packetsPerSecond[engine]).toBeGreaterThan(1000);
    }
    expect(row.ns.interp.min).toBeGreaterThan(row.ns.batch.min);
    expect(row.askedKernel).toBe(kernel === 'live' ? 64 : 0);
    expect(row.overKernel === undefined).toBe(kernel !== 'live');
  });

  test('without the real kernel', () => {
    const { kernel, programs } = bench(FIREWALL, '--no-kernel', '--rounds', '1');
    expect(kernel).toBe('not asked for');
    expect(Object.keys(programs[0].ns)).toEqual(['interp', 'jit', 'batch']);
    expect(programs[0].askedKernel).toBe(0);
  });

  test('as a table', () => {
    const said = skep(['bench', FIREWALL, '--no-kernel', '--rounds', '1']);
    expect(said).toMatchObject({ code: 0, err: '' });
    expect(said.out).toMatch(/^1 packet in memory, least of 1 interleaved samples; no kernel column: not asked for\n/);
    expect(said.out).toMatch(/\nfirewall +\d+\.\d +\d+\.\d +\d+\.\d +- +[\d,]+\n$/);
  });

  test('a rejected program is named and the exit code says so', () => {
    const said = skep(['bench', PROGRAMS, '--no-kernel', '--rounds', '1', '--prog', 'refused', '--json']);
    expect(said.code).toBe(1);
    expect((jsonLines(said)[0] as unknown as Report).programs[0].rejected).toMatch(/EACCES|EINVAL/);
  });
});

describe('refuses', () => {
  test.each([
    ['no object', ['bench'], 2, 'bench needs one object file'],
    ['no such program', ['bench', FIREWALL, '--prog', 'none'], 2, 'there is no program none'],
    ['a capture that is none', ['bench', FIREWALL, '--pcap', FIREWALL], 3, FIREWALL],
    ['rounds that are no number', ['bench', FIREWALL, '--rounds', 'x'], 2, '--rounds must be a whole number'],
  ])('%s', (_name, words, code, text) => {
    const said = skep(words);
    expect(said.code).toBe(code);
    expect(said.err).toContain(text);
  });
});
