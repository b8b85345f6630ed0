/** Loading through bpf(2): against a recording door everywhere, against the live kernel where there is one. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { Btf } from '../../src/btf/btf.ts';
import { BpfError, lastLogLine } from '../../src/lib/errors.ts';
import { parseKconfig } from '../../src/lib/kconfig.ts';
import type { BpfAttrs, BpfSyscall, MapCreateAttr, ProgLoadAttr } from '../../src/uapi/attr/attr.ts';
import { BPF_CMD } from '../../src/uapi/cmd.ts';
import { kernelAbsent, liveKernel } from '../host/live-kernel.ts';
import { fixture } from './fixture.ts';

const kernel = await liveKernel();
if (kernel === undefined) console.log(`live kernel comparisons skipped: ${kernelAbsent}`);
afterAll(() => kernel?.[Symbol.dispose]());

/** A door that grants everything and writes down what was asked; `refuse` answers first. */
function recorder(refuse: (cmd: number, attr: never) => number | undefined = () => undefined) {
  const asked: [cmd: number, attr: unknown][] = [];
  let fd = 10;
  const open = new Set<number>();
  const sys: BpfSyscall = {
    kernel: { possibleCpus: 6, pageSize: 4096, types: undefined },
    bpf<C extends keyof BpfAttrs>(cmd: C, attr: BpfAttrs[C]): number {
      asked.push([cmd, attr]);
      const answer = refuse(cmd, attr as never);
      if (answer !== undefined) return answer;
      if (cmd !== BPF_CMD.BPF_MAP_CREATE && cmd !== BPF_CMD.BPF_PROG_LOAD && cmd !== BPF_CMD.BPF_BTF_LOAD) return 0;
      open.add(++fd);
      return fd;
    },
    close: (n) => (open.delete(n) ? 0 : -9),
  };
  const of = <T>(cmd: number): T[] => asked.filter(([c]) => c === cmd).map(([, a]) => a as T);
  return { sys, open, of };
}

describe('order of the calls', () => {
  test('BTF, maps, contents, programs; everything is closed', () => {
    const { sys, open, of } = recorder();
    const spec = fixture('data.o');
    const c = spec.load(sys, { kernelVersion: 0x061200 });
    expect([...c.programs.keys()]).toEqual(['read_all', 'read_config']);
    const maps = of<MapCreateAttr>(BPF_CMD.BPF_MAP_CREATE);
    expect(maps.find((m) => m.map_name === 'data.rodata')).toMatchObject({
      map_type: 2,
      max_entries: 1,
      key_size: 4,
      map_flags: 128 | 1024,
    });
    expect(of(BPF_CMD.BPF_MAP_FREEZE)).toHaveLength(3);
    // .bss is not written: it is zero already.
    expect(of(BPF_CMD.BPF_MAP_UPDATE_ELEM)).toHaveLength(5);
    expect([...c.map('.kconfig').spec.contents!.subarray(12, 16)]).toEqual([0, 0x12, 6, 0]);
    c.close();
    c.close();
    expect(open.size).toBe(0);
    for (const ask of [() => c.attach(), () => c.map('.kconfig'), () => c.program('read_all')])
      expect(ask).toThrow('the collection was closed');
  });

  test('maps of maps get templates and elements, program arrays their programs', () => {
    const { sys, of } = recorder();
    const c = fixture('maps.o').load(sys);
    const maps = of<MapCreateAttr>(BPF_CMD.BPF_MAP_CREATE);
    expect(maps.find((m) => m.map_name === 'outer')!.inner_map_fd).toBeGreaterThan(0);
    expect(maps.find((m) => m.map_name === 'perf')!.max_entries).toBe(6);
    expect(maps.find((m) => m.map_name === 'events')!.max_entries).toBe(8192);
    expect(maps.find((m) => m.map_name === 'bloom')!.map_extra).toBe(3n);
    const updates = of<{ map_fd: number; value: Uint8Array }>(BPF_CMD.BPF_MAP_UPDATE_ELEM);
    expect(updates.filter((u) => u.map_fd === c.map('outer').fd).map((u) => u.value[0])).toEqual([
      c.map('inner_a').fd,
      c.map('inner_b').fd,
    ]);
    expect(updates.filter((u) => u.map_fd === c.map('jumps').fd).map((u) => u.value[0])).toEqual([
      c.program('target').fd,
    ]);
  });

  test('a refused program is loaded once more with a log, which grows until it fits', () => {
    const sizes: number[] = [];
    const { sys, open } = recorder((cmd, attr: ProgLoadAttr) => {
      if (cmd !== BPF_CMD.BPF_PROG_LOAD) return undefined;
      if (attr.log_level === 0) return -13;
      sizes.push(attr.log_buf!.length);
      if (attr.log_buf!.length < 1 << 20) return -28;
      attr.log_buf!.set(new TextEncoder().encode('0: (95) exit\nR0 !read_ok\nprocessed 1 insns (limit 1000000)\n'));
      return -13;
    });
    let error: unknown;
    try {
      fixture('simple-v3.o').load(sys);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(BpfError);
    expect(error).toMatchObject({
      errno: 13,
      code: 'EACCES',
      op: 'load count',
      message: 'load count: EACCES: R0 !read_ok (2 more lines)',
    });
    expect(sizes).toEqual([65536, 262144, 1048576]);
    expect(open.size).toBe(0);
  });

  test('failures can be collected program by program', () => {
    const { sys } = recorder();
    const c = fixture('externs.o').load(sys, { onError: 'collect' });
    expect([...c.programs.keys()]).toEqual([]);
    expect([...c.errors.keys()].sort()).toEqual(['locks', 'missing', 'symbols', 'unresolved']);
    expect(() => c.program('missing')).toThrow(/skep_never_there/);
  });

  test('a missing configuration value that is not weak fails', () => {
    const spec = fixture('data.o');
    spec.externs = spec.externs.map((e) => (e.name === 'CONFIG_HZ' ? { ...e, weak: false } : e));
    expect(() => spec.load(recorder().sys)).toThrow(/CONFIG_HZ, and it is not weak/);
    const kconfig = parseKconfig(
      '# comment\nCONFIG_HZ=250\nCONFIG_DEFAULT_HOSTNAME="(none)"\nCONFIG_IPV6=m\nCONFIG_BPF_SYSCALL=y\n',
    );
    const c = spec.load(recorder().sys, { kconfig });
    expect([...c.map('.kconfig').spec.contents!.subarray(0, 12)]).toEqual([250, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]);
    expect(new TextDecoder().decode(c.map('.kconfig').spec.contents!.subarray(18))).toBe('\u0001(none)\0\0');
  });
});

test('the last line of a log is the reason, not the statistics', () => {
  expect(lastLogLine('a\nb: reason\nprocessed 3 insns (limit 1000000) max_states\n\n')).toBe('b: reason');
  expect(lastLogLine('')).toBe('');
});

function kernelTypes(): Btf | undefined {
  try {
    return Btf.parse(new Uint8Array(readFileSync('/sys/kernel/btf/vmlinux')));
  } catch {
    return undefined;
  }
}

describe.skipIf(kernel === undefined)('live kernel', () => {
  const kernelBtf = kernelTypes();

  test('a program runs and its map is read as typed values', () => {
    using c = fixture('simple-v3.o').load(kernel!, { kernelBtf });
    expect(c.notes).toEqual([]);
    const run = c.program('count').testRun({ data: new Uint8Array(64), repeat: 3 });
    expect(run.retval).toBe(2);
    expect(run.data).toHaveLength(64);
    expect(c.map('hits').lookup(0)).toBe(12n);
    expect([...c.map('hits').keys()]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    c.variable('bias').setVariable('bias', 100);
    c.program('count').testRun({ data: new Uint8Array(64) });
    expect(c.map('hits').lookup(0)).toBe(112n);
  });

  test('elements go in and out by their types', () => {
    using c = fixture('maps.o').load(kernel!, { kernelBtf });
    const flows = c.map('flows');
    const key = { saddr: 0x7f000001, port: 80, proto: 6, pad: 0 };
    flows.update(key, { packets: 5n, bytes: 2n ** 63n, comm: 'curl' });
    expect(flows.lookup(key)).toEqual({ packets: 5n, bytes: 2n ** 63n, comm: 'curl', lock: { val: 0 } });
    expect([...flows]).toEqual([[key, expect.objectContaining({ packets: 5n })]]);
    expect(flows.delete(key)).toBe(true);
    expect(flows.delete(key)).toBe(false);
    expect(flows.lookup(key)).toBeUndefined();
    expect(() => flows.update({ port: 70000 }, {})).toThrow(/port: 70000 does not fit 16 bits/);
    const inner = c.map('inner_a');
    expect(
      inner.updateBatch([
        [0, 1n],
        [1, 2n],
      ]),
    ).toBe(2);
    const batch = inner.lookupBatch(2);
    expect(batch.values.map((v) => v[0])).toEqual([1, 2]);
    const counters = c.map('counters');
    counters.updateBytes(new Uint8Array(4), new Uint8Array(counters.valueBytes).fill(1));
    expect(counters.lookup(0)).toHaveLength(counters.cpus);
  });

  test('every fixture loads with its types, or says why not', () => {
    const expected: Record<string, string[]> = {
      'calls.o': [],
      'data.o': [],
      'legacy.o': [],
      'linked.o': [],
      'arena.o': [],
      'struct_ops.o': [],
    };
    for (const name of ['simple-v1.o', 'simple-v2.o', 'simple-v3.o', 'simple-v4.o']) expected[name] = [];
    for (const [name, failing] of Object.entries(expected)) {
      using c = fixture(name).load(kernel!, { kernelBtf, onError: 'collect' });
      expect([name, c.notes, [...c.errors.values()].map((e) => e.message)]).toEqual([name, [], failing]);
    }
  });
});
