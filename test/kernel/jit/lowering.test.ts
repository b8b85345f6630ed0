/** What random programs leave out: calls of every kind, maps, faults, batches, guard mode's errors. */
import { describe, expect, it } from 'vitest';
import type { ProgramAbort } from '../../../src/util/errors.ts';
import { interpret } from '../../../src/kernel/interp/index.ts';
import { jitCompile } from '../../../src/kernel/jit/index.ts';
import type { MapDesc } from '../../../src/kernel/rules/map-desc.ts';
import { compile, HEAP, makeLink, programOf, r0Of, type Row, STACK_TOP, type TestLink } from './support.ts';

const EXIT: Row = [0x95];
const guard = { regions: [], fuel: 1000, r2: 0, callx: [] };

/** r0 in the JIT; the interpreter must give the same. */
function both(link: TestLink, rows: readonly Row[], ctx = 0): bigint {
  const program = programOf(rows);
  const exe = compile(link, program);
  exe.run(ctx);
  const r0 = r0Of(link, exe);
  exe.dispose();
  const reference = interpret(program, link);
  reference.run(ctx);
  expect(r0Of(link, reference)).toBe(r0);
  reference.dispose();
  expect(link.stack.sp.value).toBe(STACK_TOP);
  return r0;
}

function arrayDesc(fields: Partial<MapDesc>): MapDesc {
  return {
    id: 1,
    name: 'a',
    type: 2,
    keySize: 4,
    valueSize: 8,
    maxEntries: 4,
    flags: 0,
    mapExtra: 0,
    btfKeyTypeId: 0,
    btfValueTypeId: 0,
    frozen: false,
    addr: 0x6_0000,
    valuesAddr: 0x6_1000,
    elemSize: 8,
    ...fields,
  };
}

describe('helpers', () => {
  it('gives a JavaScript helper its five arguments and takes 64 bits back', () => {
    const link = makeLink();
    const seen: bigint[] = [];
    link.helpers.set(900, {
      kind: 'js',
      fn(frame) {
        seen.length = 0;
        for (let r = 1; r <= 5; r++) seen.push(link.mem.view.getBigUint64(frame + r * 8, true));
        link.mem.view.setBigUint64(frame, 0x1_2345_6789_abcdn, true);
      },
    });
    const rows: Row[] = [
      [0xb7, 1, 0, 0, -1],
      [0xb7, 2, 0, 0, 2],
      [0xbf, 3, 10],
      [0x07, 3, 0, 0, -16],
      [0x18, 4, 0, 0, 5],
      [0, 0, 0, 0, 1],
      [0xb4, 5, 0, 0, -1],
      [0x85, 0, 0, 0, 900],
      EXIT,
    ];
    expect(both(link, rows)).toBe(0x1_2345_6789_abcdn);
    expect(seen).toEqual([0xffff_ffff_ffff_ffffn, 2n, BigInt(STACK_TOP - 16), 0x1_0000_0005n, 0xffff_ffffn]);
  });

  it.each([
    ['ii:i', 0xffff_fffen],
    ['ii:s', 0xffff_ffff_ffff_fffen],
    ['ii:v', 0n],
  ])('maps the result of a core helper with signature %s', (sig, expected) => {
    const link = makeLink();
    const { main } = coreModule();
    link.helpers.set(9, { kind: 'core', core: { export: 'f', sig }, fn: sig === 'ii:v' ? main.g : main.f });
    expect(both(link, [[0xb7, 1, 0, 0, 1], [0xb7, 2, 0, 0, 3], [0x85, 0, 0, 0, 9], EXIT])).toBe(expected);
  });

  it('refuses a program whose helper does not exist, with a reason', () => {
    const result = jitCompile(programOf([[0x85, 0, 0, 0, 999], EXIT]), makeLink());
    expect(result).toMatchObject({ ok: false, reason: 'unsupported' });
  });

  it('puts the stack pointer back when a helper throws, at every depth', () => {
    const link = makeLink();
    link.helpers.set(900, {
      kind: 'js',
      fn() {
        throw new Error('stop');
      },
    });
    const exe = compile(link, programOf([[0x85, 0, 1, 0, 1], EXIT, [0x85, 0, 0, 0, 900], EXIT]));
    expect(() => exe.run(0)).toThrow('stop');
    expect(link.stack.sp.value).toBe(STACK_TOP);
    expect(() => exe.runBatch(0, 0, 3, HEAP + 4096)).toThrow('stop');
    expect(link.stack.sp.value).toBe(STACK_TOP);
  });
});

/** f(a, b) = a - b as i32; g(a, b) has no result. */
function coreModule(): { main: { f: CallableFunction; g: CallableFunction } } {
  const bytes = new Uint8Array([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 12, 2, 0x60, 2, 0x7f, 0x7f, 1, 0x7f, 0x60, 2, 0x7f, 0x7f, 0, 3, 3, 2, 0, 1, 7,
    9, 2, 1, 0x66, 0, 0, 1, 0x67, 0, 1, 10, 12, 2, 7, 0, 0x20, 0, 0x20, 1, 0x6b, 0x0b, 2, 0, 0x0b,
  ]);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  return { main: exports as unknown as { f: CallableFunction; g: CallableFunction } };
}

describe('maps', () => {
  it.each([
    ['array', 2],
    ['per-CPU array', 6],
  ])('looks up a known %s in place', (_name, type) => {
    const link = makeLink();
    const map = arrayDesc({ type });
    link.mem.view.setBigUint64(map.valuesAddr + 16, 0xfeedn, true);
    const lookup = (key: number): bigint => {
      const rows: Row[] = [
        [0x62, 10, 0, -4, key],
        [0xbf, 2, 10],
        [0x07, 2, 0, 0, -4],
        [0x18, 1, 0, 0, map.addr],
        [0],
        [0x85, 0, 0, 0, 1],
        [0x15, 0, 0, 1, 0],
        [0x79, 0, 0, 0],
        EXIT,
      ];
      const mapIndex = new Int16Array(rows.length).fill(-1);
      mapIndex[5] = 0;
      const exe = compile(link, programOf(rows, { usedMaps: [map], mapIndex }));
      exe.run(0);
      const imports = WebAssembly.Module.imports(new WebAssembly.Module(exe.wasm)).map((i) => i.name);
      expect(imports).toEqual(['memory', 'sp', 'cell']);
      return r0Of(link, exe);
    };
    expect(lookup(2)).toBe(0xfeedn);
    expect(lookup(4)).toBe(0n);
    expect(lookup(-1)).toBe(0n);
  });
});

describe('frozen read-only data', () => {
  it.each([
    ['u8', 0x71, 0xf1n],
    ['s8', 0x91, 0xffff_ffff_ffff_fff1n],
    ['u16', 0x69, 0xf2f1n],
    ['s16', 0x89, 0xffff_ffff_ffff_f2f1n],
    ['u32', 0x61, 0xf4f3_f2f1n],
    ['s32', 0x81, 0xffff_ffff_f4f3_f2f1n],
    ['u64', 0x79, 0xf8f7_f6f5_f4f3_f2f1n],
  ])('%s is read at translation time', (_name, code, expected) => {
    const link = makeLink();
    const contents = Uint8Array.from([0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8]);
    let frozen = true;
    const map = arrayDesc({
      readConst: (off, size) => (frozen && off + size <= 9 ? contents.slice(off, off + size) : undefined),
    });
    link.mem.u8.set(contents, map.valuesAddr);
    const rows: Row[] = [[0x18, 1, 0, 0, map.valuesAddr], [0], [code, 0, 1, 1], EXIT];
    const program = programOf(rows, { usedMaps: [map] });
    const folded = compile(link, program);
    frozen = false;
    const loaded = compile(link, program);
    for (const exe of [folded, loaded]) {
      exe.run(0);
      expect(r0Of(link, exe)).toBe(expected);
    }
    link.mem.u8[map.valuesAddr + 1] = 0;
    folded.run(0);
    expect(r0Of(link, folded)).toBe(expected);
    loaded.run(0);
    expect(r0Of(link, loaded)).not.toBe(expected);
  });
});

describe('tail calls', () => {
  const counting: Row[] = [
    [0x18, 6, 0, 0, HEAP - 8],
    [0],
    [0x79, 7, 6, 0],
    [0x07, 7, 0, 0, 1],
    [0x7b, 6, 7, 0],
    [0xb7, 2, 0, 0, 5],
    [0xb7, 3, 0, 0, 0],
    [0x85, 0, 0, 0, 12],
    [0xbf, 0, 7],
    EXIT,
  ];
  it.each(['jit', 'interp'])('stop after 33 in the %s, and the next run counts anew', (engine) => {
    const link = makeLink();
    const program = programOf(counting, { usesTailCall: true });
    const exe = engine === 'jit' ? compile(link, program) : interpret(program, link);
    link.targets.set('5:0', exe.slot);
    exe.run(0);
    expect(r0Of(link, exe)).toBe(34n);
    exe.run(0);
    expect(r0Of(link, exe)).toBe(68n);
    expect(link.stack.sp.value).toBe(STACK_TOP);
    expect(link.stack.tailCalls.value).toBe(0);
  });

  it('load the slot of a known prog array in place', () => {
    const link = makeLink();
    const map = arrayDesc({ type: 3, maxEntries: 2 });
    const target = compile(link, programOf([[0xb7, 0, 0, 0, 42], EXIT]));
    const rows: Row[] = [
      [0x61, 3, 1, 0],
      [0x18, 2, 0, 0, map.addr],
      [0],
      [0x85, 0, 0, 0, 12],
      [0xb7, 0, 0, 0, 7],
      EXIT,
    ];
    const mapIndex = new Int16Array(rows.length).fill(-1);
    mapIndex[3] = 0;
    const exe = compile(link, programOf(rows, { usedMaps: [map], mapIndex, usesTailCall: true }));
    const at = (index: number): number => {
      link.mem.view.setUint32(HEAP + 8192, index, true);
      return exe.run(HEAP + 8192);
    };
    expect(at(1)).toBe(7);
    link.mem.view.setUint32(map.valuesAddr + 8, target.slot, true);
    expect([at(0), at(1), at(2), at(0xffffffff)]).toEqual([7, 42, 7, 7]);
  });

  it('leave a subprogram for the target and come back to its caller', () => {
    const link = makeLink();
    const target = compile(link, programOf([[0xb7, 0, 0, 0, 42], EXIT]));
    link.targets.set('5:3', target.slot);
    const rows: Row[] = [
      [0x7a, 10, 0, -8, 1],
      [0x85, 0, 1, 0, 3],
      [0x79, 1, 10, -8],
      [0x0f, 0, 1],
      EXIT,
      [0x7a, 10, 0, -8, 9],
      [0xb7, 2, 0, 0, 5],
      [0xb7, 3, 0, 0, 3],
      [0x85, 0, 0, 0, 12],
      [0xb7, 0, 0, 0, 0],
      EXIT,
    ];
    expect(both(link, rows)).toBe(43n);
  });
});

describe('callbacks', () => {
  const loop = (n: number, flags: number): Row[] => [
    [0x7a, 10, 0, -8, 0],
    [0xb7, 1, 0, 0, n],
    [0x18, 2, 4, 0, 8],
    [0],
    [0xbf, 3, 10],
    [0x07, 3, 0, 0, -8],
    [0xb7, 4, 0, 0, flags],
    [0x85, 0, 0, 0, 181],
    [0x79, 1, 10, -8],
    [0x0f, 0, 1],
    EXIT,
    // callback(i, ctx): *ctx += i << 32; stops at 100
    [0x79, 3, 2, 0],
    [0xbf, 4, 1],
    [0x67, 4, 0, 0, 32],
    [0x0f, 3, 4],
    [0x7b, 2, 3, 0],
    [0xb7, 0, 0, 0, 0],
    [0xa5, 1, 0, 1, 100],
    [0xb7, 0, 0, 0, 1],
    EXIT,
  ];
  it('runs bpf_loop inside wasm', () => {
    const sum = (n: bigint): bigint => (n * (n - 1n)) / 2n;
    const link = makeLink();
    expect(both(link, loop(10, 0))).toBe((sum(10n) << 32n) + 10n);
    expect(both(link, loop(1000, 0))).toBe((sum(101n) << 32n) + 101n);
    expect(both(link, loop(0, 0))).toBe(0n);
    expect(BigInt.asIntN(64, both(link, loop(10, 1)))).toBe(-22n);
    expect(BigInt.asIntN(64, both(link, loop((8 << 20) + 1, 0)))).toBe(-7n);
  });

  it('lets a JavaScript helper call back', () => {
    const link = makeLink();
    link.helpers.set(900, {
      kind: 'js',
      fn(frame) {
        const slot = link.mem.view.getUint32(frame + 8, true);
        link.mem.view.setBigUint64(frame + 8, 5n, true);
        link.env.invoke(slot, frame);
      },
    });
    const rows: Row[] = [
      [0x7a, 10, 0, -8, 1000],
      [0x18, 1, 4, 0, 5],
      [0],
      [0x85, 0, 0, 0, 900],
      [0x79, 1, 10, -8],
      [0x0f, 0, 1],
      EXIT,
      [0x7a, 10, 0, -8, 3],
      [0xbf, 0, 1],
      [0x27, 0, 0, 0, 7],
      EXIT,
    ];
    expect(both(link, rows)).toBe(1035n);
  });
});

describe('faulting loads and loops', () => {
  it('give 0 outside of the memory and in the null region', () => {
    const link = makeLink();
    link.mem.view.setUint32(HEAP + 4096, 0xffff_fff0, true);
    const probe = (lo: number, hi: number, off: number, code: number): bigint => {
      const exe = compile(link, programOf([[0x18, 1, 0, 0, lo], [0, 0, 0, 0, hi], [code, 0, 1, off], EXIT]));
      exe.run(0);
      return r0Of(link, exe);
    };
    expect(probe(HEAP + 4096, 0, 0, 0x21)).toBe(0xffff_fff0n);
    expect(probe(HEAP + 4100, 0, -4, 0x21)).toBe(0xffff_fff0n);
    expect(probe(HEAP + 4096, 0, 0, 0x41)).toBe(0xffff_ffff_ffff_fff0n);
    expect(probe(HEAP + 4096, 1, 0, 0x21)).toBe(0n);
    expect(probe(8, 0, 0, 0x21)).toBe(0n);
    expect(probe(-4, -1, 0, 0x21)).toBe(0n);
    expect(probe(link.mem.size - 4, 0, 0, 0x39)).toBe(0n);
    expect(probe(link.mem.size - 8, 0, 0, 0x39)).toBe(0n);
    expect(probe(link.mem.size, 0, 0, 0x31)).toBe(0n);
  });

  it('end with may_goto', () => {
    const link = makeLink();
    const exe = compile(link, programOf([[0xb7, 0], [0xe5, 0, 0, 2], [0x07, 0, 0, 0, 1], [0x05, 0, 0, -3], EXIT]));
    const count = exe.run(0);
    // The first tick starts the time, the second one ends it.
    expect(count).toBe(2 * 0x1_0000 - 1);
  });
});

describe('batches', () => {
  it('run on contexts in a row', () => {
    const link = makeLink();
    const exe = compile(link, programOf([[0x61, 0, 1, 0], [0x67, 0, 0, 0, 1], EXIT]));
    for (let k = 0; k < 5; k++) link.mem.view.setUint32(HEAP + 4096 + k * 24, 100 + k, true);
    exe.runBatch(HEAP + 4096, 24, 5, HEAP + 8192);
    expect([...link.mem.u32.subarray((HEAP + 8192) >> 2, ((HEAP + 8192) >> 2) + 5)]).toEqual([200, 202, 204, 206, 208]);
  });
});

describe('guard mode', () => {
  const abort = (rows: readonly Row[], fields = {}): ProgramAbort => {
    const link = makeLink();
    const exe = compile(link, programOf(rows), { guard: { ...guard, ...fields } });
    try {
      exe.run(0);
    } catch (e) {
      expect(link.stack.sp.value).toBe(STACK_TOP);
      return e as ProgramAbort;
    }
    throw new Error('did not abort');
  };
  it('names what went wrong, and where', () => {
    expect(abort([[0xb7, 1, 0, 0, 16], [0x79, 0, 1, 8], EXIT])).toMatchObject({
      reason: 'out-of-bounds',
      pc: 1,
      address: [0, 24],
    });
    expect(abort([[0x18, 1, 0, 0, STACK_TOP - 8], [0, 0, 0, 0, 1], [0x79, 0, 1, 0], EXIT])).toMatchObject({
      reason: 'out-of-bounds',
      address: [1, STACK_TOP - 8],
    });
    expect(abort([[0x79, 0, 10, -4], EXIT])).toMatchObject({ reason: 'out-of-bounds', pc: 0 });
    expect(abort([[0xb7, 0], [0x05, 0, 0, -1], EXIT])).toMatchObject({ reason: 'fuel' });
    expect(abort([[0x85, 0, 1, 0, 1], EXIT, [0x85, 0, 1, 0, -1], EXIT])).toMatchObject({ reason: 'call-depth' });
    expect(abort([[0xb7, 10], EXIT])).toMatchObject({ reason: 'read-only-register' });
    expect(abort([[0xef, 0, 0, 0, 0], EXIT])).toMatchObject({ reason: 'unknown-opcode' });
    expect(abort([[0x85, 0, 0, 0, 999], EXIT])).toMatchObject({ reason: 'unknown-helper' });
  });
  it('turns a call of no code address into an abort', () => {
    const rows: Row[] = [[0xb7, 1, 0, 0, 3], [0xb7, 2, 0, 0, 9999999], [0xb7, 4], [0x85, 0, 0, 0, 181], EXIT];
    expect(abort(rows)).toMatchObject({ reason: 'bad-jump' });
  });
  it('honours read-only regions', () => {
    const regions = [{ start: HEAP + 4096, end: HEAP + 4104, writable: false }];
    const rows = (store: Row): Row[] => [[0xb7, 0], [0xb7, 1, 0, 0, HEAP + 4096], store, EXIT];
    const link = makeLink();
    expect(compile(link, programOf(rows([0x79, 0, 1, 0])), { guard: { ...guard, regions } }).run(0)).toBe(0);
    expect(abort(rows([0x7a, 1, 0, 0, 1]), { regions })).toMatchObject({ reason: 'out-of-bounds' });
    expect(abort(rows([0x79, 0, 1, 1]), { regions })).toMatchObject({ reason: 'out-of-bounds' });
  });
  it('refuses control flow that leaves the function', () => {
    for (const rows of [[[0x05, 0, 0, 7]], [[0xb7, 0]], [[0x15, 0, 0, -9, 0], EXIT]] as Row[][]) {
      expect(jitCompile(programOf(rows), makeLink(), { guard })).toMatchObject({ ok: false, reason: 'malformed' });
    }
  });
});
