/** `skep run`: bytes, contexts, captures; maps, variables and tail calls before, dumps and events after. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { PcapngWriter, readCapture } from '../../../src/net/index.ts';
import { hasTcpdump, tcpdump } from '../../net/tcpdump.ts';
import { FIREWALL, jsonLines, PROGRAMS, skep, scratch, TRAFFIC } from '../skep.ts';

const files = scratch();
afterAll(() => files.remove());

const run = (...words: string[]): Record<string, unknown> => {
  const said = skep(['run', ...words, '--json']);
  expect(said.err).toBe('');
  expect(said.code).toBe(0);
  return jsonLines(said)[0];
};

describe('one run', () => {
  test('a packet in, a packet out', () => {
    const packet = files.file(
      'packet',
      Uint8Array.from({ length: 60 }, (_, i) => i),
    );
    const said = run(PROGRAMS, '--prog', 'shorten', '--data-in', packet, '--repeat', '1');
    expect(said).toMatchObject({ program: 'shorten', type: 'xdp', engine: 'jit', retval: 3, verdict: 'XDP_TX' });
    expect(said.dataOut).toBe(Array.from({ length: 46 }, (_, i) => (i + 14).toString(16).padStart(2, '0')).join(''));
  });

  test.each(['jit', 'interp'])('maps, global variables and their dumps: %s', (engine) => {
    const map = files.file('pairs.json', '[{"key": 1, "value": {"a": 4, "b": "0xffffffffffffffff"}}]');
    const said = run(
      PROGRAMS,
      '--prog',
      'accepted',
      '--map',
      `pairs=${map}`,
      '--set',
      'seen=41',
      '--cpus',
      '2',
      '--engine',
      engine,
    );
    expect(said).toMatchObject({ engine, retval: 4, verdict: 'XDP_REDIRECT', globals: { seen: 42 } });
    expect(said.maps).toMatchObject({
      counts: { type: 'percpu_array' },
      pairs: { entries: [{ key: 1, value: { a: 4 } }] },
    });
    expect((said.maps as Record<string, { entries: unknown[] }>).counts.entries[1]).toEqual({ key: 1, value: [1, 0] });
  });

  test('64-bit values stay exact', () => {
    const map = files.file('wide.json', '{"7": {"b": "18446744073709551615"}}');
    expect(skep(['run', PROGRAMS, '--prog', 'accepted', '--map', `pairs=${map}`, '--json']).out).toContain(
      '"b":18446744073709551615',
    );
  });

  test.each(['9007199254740993', '18446744073709551615', '"9007199254740993"'])('%s in a file stays exact', (n) => {
    const map = files.file('exact.json', `[{"key": 7, "value": {"b": ${n}}}]`);
    expect(skep(['run', PROGRAMS, '--prog', 'accepted', '--map', `pairs=${map}`, '--json']).out).toContain(
      `"b":${n.replaceAll('"', '')}`,
    );
  });

  test('bytes as bpftool writes them', () => {
    const value = Array.from({ length: 16 }, (_, i) => (i === 0 ? '0x03' : '0x00'));
    const map = files.file('bytes.json', JSON.stringify([{ key: ['0x01', '0x00', '0x00', '0x00'], value }]));
    expect(run(PROGRAMS, '--prog', 'accepted', '--map', `pairs=${map}`)).toMatchObject({ retval: 3 });
  });

  test('constants are set before loading', () => {
    expect(run(PROGRAMS, '--prog', 'accepted', '--set', 'verdict=1')).toMatchObject({ retval: 1, verdict: 'XDP_DROP' });
  });

  test('tail calls', () => {
    expect(run(PROGRAMS, '--prog', 'jump')).toMatchObject({ retval: 1 });
    expect(run(PROGRAMS, '--prog', 'jump', '--tail', 'jumps:2=target')).toMatchObject({ retval: 77 });
  });

  test('events', () => {
    expect(run(PROGRAMS, '--prog', 'talk', '--events').events).toEqual([
      { trace: 'number 42' },
      { map: 'samples', type: 'event', value: { number: 42, text: 'hello' } },
    ]);
    expect(run(PROGRAMS, '--prog', 'talk')).not.toHaveProperty('events');
  });

  test('contexts of types without packets', () => {
    const ctx = new Uint8Array(184);
    ctx[112] = 5;
    ctx[168] = 3;
    ctx[176] = 2;
    const file = files.file('ctx', ctx);
    expect(run(PROGRAMS, '--prog', 'probe', '--ctx-in', files.file('regs', ctx.subarray(0, 168)))).toMatchObject({
      retval: 1,
    });
    expect(run(PROGRAMS, '--prog', 'profile', '--ctx-in', file)).toMatchObject({ retval: 235 });
    const args = new Uint8Array(BigUint64Array.of(5n, 6n).buffer);
    expect(run(PROGRAMS, '--prog', 'raw', '--ctx-in', files.file('args', args))).toMatchObject({ retval: 11 });
    const short = skep(['run', PROGRAMS, '--prog', 'raw', '--ctx-in', files.file('short', args.subarray(0, 9))]);
    expect(short.err).toContain('takes 16 bytes, and 9 were given');
  });

  test('a rejected program gives its verdict', () => {
    const said = skep(['run', PROGRAMS, '--prog', 'refused']);
    expect(said.code).toBe(1);
    expect(said.out).toContain('EACCES: R1 offset is outside of the packet');
    expect(jsonLines(skep(['run', PROGRAMS, '--prog', 'refused', '--json']))[0]).toMatchObject({
      verdict: 'reject',
      errno: 13,
    });
  });
});

describe('a capture', () => {
  const acl = files.file(
    'acl.json',
    JSON.stringify([
      { key: { prefixlen: 24, addr: [10, 44, 66, 0] }, value: { deny: 1 } },
      { key: { prefixlen: 24, addr: [10, 44, 3, 0] }, value: { deny: 1, port: 5353 } },
    ]),
  );
  const EXPECTED = { packets: 1110, verdicts: { XDP_DROP: 388, XDP_PASS: 722 }, passed: 722, records: 388 };

  test.each(['jit', 'interp'])('verdicts and what passed: %s', (engine) => {
    const out = files.path(`passed-${engine}.pcap`);
    const said = run(FIREWALL, '--pcap', TRAFFIC, '--pcap-out', out, '--map', `acl=${acl}`, '--engine', engine);
    expect(said).toMatchObject({ ...EXPECTED, durationNs: expect.any(Number), packetsPerSecond: expect.any(Number) });
    const sent = [...readCapture(new Uint8Array(readFileSync(TRAFFIC)))];
    const passed = [...readCapture(new Uint8Array(readFileSync(out)))];
    expect(passed).toHaveLength(722);
    expect(passed[0]).toEqual(
      sent.find((p) => p.seconds === passed[0].seconds && p.nanoseconds === passed[0].nanoseconds),
    );
    if (hasTcpdump) expect(tcpdump(new Uint8Array(readFileSync(out)))).toHaveLength(722);
  });

  test('pcapng, big-endian, with nanoseconds, and repeated', () => {
    const writer = new PcapngWriter({ littleEndian: false, nanoseconds: true });
    for (const p of readCapture(new Uint8Array(readFileSync(TRAFFIC)))) writer.write(p);
    const input = files.file('traffic.pcapng', writer.bytes());
    const out = files.path('passed.pcapng');
    const said = run(FIREWALL, '--pcap', input, '--pcap-out', out, '--map', `acl=${acl}`, '--repeat', '2');
    expect(said).toMatchObject({ packets: 2220, passed: 722 });
    expect(readCapture(new Uint8Array(readFileSync(out)))).toMatchObject({
      format: 'pcapng',
      littleEndian: false,
      nanoseconds: true,
    });
  });

  test('packets leave as the program changed them', () => {
    const out = files.path('short.pcap');
    run(PROGRAMS, '--prog', 'shorten', '--pcap', TRAFFIC, '--pcap-out', out);
    const first = [...readCapture(new Uint8Array(readFileSync(TRAFFIC)))][0];
    expect([...readCapture(new Uint8Array(readFileSync(out)))][0].data).toEqual(first.data.subarray(14));
  });

  test.each(['jit', 'interp'])('the clock of the capture: %s', (engine) => {
    const seen = [...readCapture(new Uint8Array(readFileSync(TRAFFIC)))].map(
      (p) => p.seconds * 1_000_000 + Math.round(p.nanoseconds / 1000),
    );
    const words = ['--pcap', TRAFFIC, '--map', `acl=${acl}`, '--events', '--clock', 'capture', '--engine', engine];
    const said = run(FIREWALL, ...words, '--repeat', '2') as { events: { value: { time_ns: number } }[] };
    const times = said.events.map(({ value }) => Math.round(value.time_ns / 1000));
    expect(times).toHaveLength(2 * 388);
    // One second after boot the first packet comes; the second pass begins when the first has ended.
    const length = Math.max(...seen) - seen[0];
    let latest = 0;
    const possible = new Set(seen.map((t) => (latest = Math.max(latest, t)) - seen[0] + 1_000_000));
    expect(times.slice(0, 388).filter((t) => !possible.has(t))).toEqual([]);
    expect(times.slice(388)).toEqual(times.slice(0, 388).map((t) => t + length));
    expect(new Set(times.slice(0, 388)).size).toBeGreaterThan(300);
  });

  test('for people', () => {
    const { out } = skep(['run', FIREWALL, '--pcap', TRAFFIC, '--map', `acl=${acl}`, '--events']);
    expect(out).toMatch(/1,110 packets, 79,600 bytes/);
    expect(out).toMatch(/XDP_DROP +388 +35\.0 %/);
    expect(out).toContain('{ prefixlen: 24, addr: [10, 44, 66, 0] }  { deny: 1, port: 0, pad: 0 }');
    expect(out).toMatch(/drops {2}drop_event \{ time_ns: \d+, saddr: \[10, 44, 3, 9\]/);
    expect(out).toMatch(/not_ipv4 {2}19/);
  });
});

describe('what is wrong is said', () => {
  const cut = files.file('cut.pcap', readFileSync(TRAFFIC).subarray(0, 1000));
  const bad = files.file('bad.json', '[1');
  const unfit = files.file('unfit.json', '[{"key": 1, "value": {"c": 4}}]');
  test.each([
    ['no program named', [PROGRAMS], 3, 'name one with --prog: accepted, refused'],
    ['no such program', [FIREWALL, '--prog', 'x'], 2, 'there is no program x; the object has firewall'],
    ['no object', [], 2, 'run needs one object file'],
    ['data and capture', [FIREWALL, '--pcap', 'a', '--data-in', 'b'], 2, 'exclude each other'],
    ['another engine', [FIREWALL, '--engine', 'llvm'], 2, '--engine is jit or interp'],
    ['no capture', [FIREWALL, '--pcap', FIREWALL], 3, `${FIREWALL}: capture: a pcap`],
    ['a capture cut short', [FIREWALL, '--pcap', cut], 3, 'cut.pcap: pcap: '],
    ['a capture for a kprobe', [PROGRAMS, '--prog', 'probe', '--pcap', TRAFFIC], 3, 'type without packets'],
    ['a short packet', [PROGRAMS, '--prog', 'accepted', '--data-in', bad], 3, 'a packet has at least 14 bytes'],
    ['no JSON', [PROGRAMS, '--prog', 'accepted', '--map', `pairs=${bad}`], 3, 'bad.json: no JSON'],
    [
      'no such member',
      [PROGRAMS, '--prog', 'accepted', '--map', `pairs=${unfit}`],
      3,
      'element 0 of map pairs: the value: there is no member c',
    ],
    [
      'a member that elements do not have',
      [
        PROGRAMS,
        '--prog',
        'accepted',
        '--map',
        `pairs=${files.file('flags.json', '[{"key": 1, "value": {"a": 4}, "flags": 1}]')}`,
      ],
      3,
      'element 0: there is no flags',
    ],
    ['no such map', [PROGRAMS, '--prog', 'accepted', '--map', `zz=${unfit}`], 2, 'there is no map zz'],
    ['no such variable', [PROGRAMS, '--prog', 'accepted', '--set', 'zz=1'], 2, 'there is no global variable zz'],
    [
      'too much for a variable',
      [PROGRAMS, '--prog', 'accepted', '--set', 'verdict=4294967296'],
      2,
      'does not fit 32 bits',
    ],
    ['a tail without index', [PROGRAMS, '--prog', 'jump', '--tail', 'jumps=target'], 2, 'MAP:INDEX=PROG'],
    ['a tail beyond the map', [PROGRAMS, '--prog', 'jump', '--tail', 'jumps:9=target'], 3, 'E2BIG'],
  ])('%s', (_, words, code, text) => {
    const said = skep(['run', ...words]);
    expect(said.err).toContain(text);
    expect(said.code).toBe(code);
    expect(said.err.trim().split('\n').length).toBeLessThanOrEqual(2);
  });
});

test('a map type without storage is named', () => {
  const packet = files.file('plain.bin', new Uint8Array(64));
  const words = ['run', 'test/fixtures/objects/kernel_objects.o', '--prog', 'map_or_search', '--data-in', packet];
  const said = skep(words);
  expect(said.code).toBe(3);
  expect(said.err).toContain(
    'create map socks: EOPNOTSUPP: BPF_MAP_TYPE_SOCKMAP is not implemented: see docs/SCOPE.md',
  );
});

test('--type, --loader and shared help: what the object leaves unsaid', () => {
  const object = 'test/fixtures/lib/conventions.o';
  const untyped = skep(['run', object, '--prog', 'tail_call']);
  expect(untyped.code).not.toBe(0);
  expect(untyped.out + untyped.err).toContain('section name 2/7 says no program type');
  const typed = skep(['run', object, '--prog', 'tail_call', '--type', '2/*=tc', '--json']);
  expect(typed.code).toBe(0);
  expect(jsonLines(typed)[0]).toMatchObject({ type: 'sched_cls', retval: 0 });
  const refused = skep(['run', object, '--prog', 'drop_all', '--loader', 'libbpf']);
  expect(refused.code).toBe(3);
  expect(refused.err).toContain('libbpf 1.x refuses this');
});
