/** Everything by which a program leaves its straight line: helpers, callbacks, tail calls, functions, aborts, deadlines. */
import { describe, expect, it } from 'vitest';
import { Insns } from '../../../src/isa/insn.ts';
import { FRAME_R1, FRAME_R2 } from '../../../src/kernel/run/env.ts';
import { type HelperImpl, type Linkage } from '../../../src/kernel/run/linkage.ts';
import { ProgramAbort } from '../../../src/util/errors.ts';
import type { MapDesc } from '../../../src/kernel/rules/map-desc.ts';
import { interpret, unverified } from '../../../src/kernel/interp/index.ts';
import { jitCompile } from '../../../src/kernel/jit/index.ts';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { linkage, load, r0, run } from './engine.ts';

type HelperFn = (view: DataView, frame: number, on: Linkage) => void;

/** A linkage whose helpers get its own memory. */
function linkWith(helpers: Record<number, HelperFn>, progArrays?: Map<number, readonly number[]>): Linkage {
  const table = new Map<number, HelperImpl>();
  const on = linkage({ helpers: table, ...(progArrays === undefined ? {} : { progArrays }) });
  for (const [id, fn] of Object.entries(helpers)) {
    table.set(Number(id), { kind: 'js', fn: (frame) => fn(on.env.mem.view, frame, on) });
  }
  return on;
}

describe('helpers', () => {
  it('get all five arguments in a frame below the stack and give 64 bits back', () => {
    const seen: bigint[] = [];
    const on = linkWith({
      7(view, frame) {
        for (let k = 0; k < 5; k++) seen.push(view.getBigUint64(frame + FRAME_R1 + k * 8, true));
        view.setBigInt64(frame, -2n, true);
      },
    });
    const got = run(
      `r6 = 5
       r1 = 0x1122334455667788 ll
       r2 = -1
       r3 = r10
       r4 = 4
       r5 = 5
       *(u64 *)(r10 -512) = 77
       call #7
       r1 = *(u64 *)(r10 -512)
       r0 += r1
       r0 += r6
       exit`,
      on,
    );
    expect(got).toBe(80n);
    expect(seen).toEqual([0x1122334455667788n, (1n << 64n) - 1n, BigInt(on.stack.top), 4n, 5n]);
    expect(on.stack.sp.value).toBe(on.stack.top);
  });

  it('of the wasm core are called by signature', () => {
    const calls: unknown[][] = [];
    const core = (sig: string, result: unknown): HelperImpl => ({
      kind: 'core',
      core: { export: 'f', sig },
      fn: (...args: unknown[]) => {
        calls.push(args);
        return result;
      },
    });
    const program = 'r1 = 0x500000001 ll\nr2 = -1\nr3 = 3\nr4 = 4\nr5 = 5\ncall #1\nexit';
    const cases: [string, unknown, bigint, unknown[]][] = [
      [':i', -1, 0xffffffffn, []],
      ['i:s', -2, (1n << 64n) - 2n, [1]],
      ['ii:v', undefined, 0n, [1, -1]],
      ['iii:i', 7, 7n, [1, -1, 3]],
      ['iiii:i', 7, 7n, [1, -1, 3, 4]],
      ['iiiii:i', 7, 7n, [1, -1, 3, 4, 5]],
      ['iI:i', 9, 9n, [1, -1n]],
      ['I:I', -3n, (1n << 64n) - 3n, [0x500000001n]],
    ];
    for (const [sig, result, expected, args] of cases) {
      expect(run(program, linkage({ helpers: new Map([[1, core(sig, result)]]) }))).toBe(expected);
      expect(calls.at(-1)).toEqual(args);
    }
  });

  it('that do not exist abort the run only when they are reached', () => {
    const code = 'r0 = 3\nif r0 == 3 goto out\ncall #1\nout: exit';
    expect(run(code)).toBe(3n);
    expect(() => run('call #1\nexit')).toThrow(
      'insn 0: bpf_map_lookup_elem (helper 1) is not implemented: see docs/SCOPE.md',
    );
    expect(() =>
      run(
        Insns.from([
          { code: 0x85, dst: 0, src: 2, off: 0, imm: 99 },
          { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 },
        ]),
      ),
    ).toThrow('kernel function 99 is not implemented: see docs/SCOPE.md');
  });

  it('may throw: the stack pointer comes back', () => {
    const on = linkWith({
      1() {
        throw new Error('from the helper');
      },
    });
    const program = load('call f\nexit\nf: call #1\nexit', on);
    for (let k = 0; k < 3; k++) {
      expect(() => program.run(0)).toThrow('from the helper');
      expect(on.stack.sp.value).toBe(on.stack.top);
    }
  });
});

describe('callbacks', () => {
  /** Helper 2: calls r1 as a function with r1 = r2, r2 = 10, and returns its r0 + 1. */
  const callBack: HelperFn = (view, frame, on) => {
    const slot = view.getUint32(frame + FRAME_R1, true);
    const inner = on.env.alloc(48);
    view.setBigUint64(inner + FRAME_R1, view.getBigUint64(frame + FRAME_R2, true), true);
    view.setBigUint64(inner + FRAME_R2, 10n, true);
    on.env.invoke(slot, inner);
    view.setBigUint64(frame, view.getBigUint64(inner, true) + 1n, true);
    on.env.free(inner);
  };

  it('run on the stack below their caller, with the full 64 bits of their arguments', () => {
    const code = `
      r1 = func[cb] ll
      r2 = 0x100000000 ll
      *(u64 *)(r10 -8) = 1000
      call #2
      r1 = *(u64 *)(r10 -8)
      r0 += r1
      exit
      cb: *(u64 *)(r10 -8) = 5
      r0 = r1
      r0 += r2
      exit`;
    expect(run(code, linkWith({ 2: callBack }))).toBe((1n << 32n) + 1011n);
  });

  it('may themselves call helpers that call back', () => {
    const code = `
      r1 = func[outer] ll
      r2 = 3
      call #2
      exit
      outer: r6 = r1
      r2 = r1
      r1 = func[inner] ll
      call #2
      r0 += r6
      exit
      inner: r0 = r1
      r0 *= 100
      exit`;
    // inner 300, + 1, + 3 in outer, + 1
    expect(run(code, linkWith({ 2: callBack }))).toBe(305n);
  });

  it('of bpf_loop run in the engine', () => {
    const code = (nr: number, flags = 0): string => `
      *(u64 *)(r10 -8) = 0
      r1 = ${nr}
      r2 = func[cb] ll
      r3 = r10
      r3 += -8
      r4 = ${flags}
      call bpf_loop
      r1 = *(u64 *)(r10 -8)
      r0 <<= 32
      r0 |= r1
      exit
      cb: r3 = *(u64 *)(r2 +0)
      r3 += r1
      *(u64 *)(r2 +0) = r3
      r0 = 0
      if r1 != 20 goto out
      r0 = 1
      out: exit`;
    expect(run(code(10))).toBe((10n << 32n) | 45n);
    expect(run(code(100))).toBe((21n << 32n) | 210n);
    expect(run(code(9_000_000)) >> 32n).toBe(0xfffffff9n);
    expect(run(code(5, 1)) >> 32n).toBe(0xffffffean);
  });
});

describe('tail calls', () => {
  const MAP = 0x1000;

  it('replace the program, 33 times at most', () => {
    const slots: number[] = [];
    const on = linkWith({}, new Map([[MAP, slots]]));
    const code = `
      r6 = r1
      r7 = *(u64 *)(r6 +0)
      r7 += 1
      *(u64 *)(r6 +0) = r7
      r2 = ${MAP}
      r3 = 0
      call bpf_tail_call
      r0 = r7
      exit`;
    const program = interpret(unverified(assemble(code)), on);
    slots[0] = program.slot;
    const ctx = on.env.alloc(8);
    expect(r0(program, ctx)).toBe(34n);
    expect(r0(program, ctx)).toBe(68n);
    expect(on.stack.tailCalls.value).toBe(0);
  });

  it('fall through when there is no such program', () => {
    const on = linkWith({}, new Map([[MAP, []]]));
    expect(run(`r2 = ${MAP}\nr3 = 5\ncall #12\nr0 = 11\nexit`, on)).toBe(11n);
  });

  it('from a function return to its caller', () => {
    const slots: number[] = [];
    const on = linkWith({}, new Map([[MAP, slots]]));
    const target = load('*(u64 *)(r10 -8) = 1\nr0 = 40\nexit', on);
    slots[3] = target.slot;
    const code = `
      r6 = 2
      *(u64 *)(r10 -8) = 7
      call f
      r0 += r6
      r1 = *(u64 *)(r10 -8)
      r0 += r1
      exit
      f: r6 = 99
      r2 = ${MAP}
      r3 = 3
      call #12
      r0 = 0
      exit`;
    expect(run(code, on)).toBe(49n);
    expect(on.stack.sp.value).toBe(on.stack.top);
  });

  it('cross between the engines', () => {
    const slots: number[] = [];
    const on = linkWith({}, new Map([[MAP, slots]]));
    const jump = (index: number, fail: number): string => `r2 = ${MAP}\nr3 = ${index}\ncall #12\nr0 = ${fail}\nexit`;
    const first = load(jump(0, -1), on);
    const compiled = jitCompile(unverified(assemble(jump(1, -2))), on);
    if (!compiled.ok) throw new Error(compiled.detail);
    const last = load('r0 = 0x123456789a ll\nexit', on);
    slots.push(compiled.executable.slot, last.slot);
    expect(r0(first)).toBe(0x123456789an);
    expect(on.stack.sp.value).toBe(on.stack.top);
    compiled.executable.run(0);
    expect(on.env.mem.view.getBigUint64(compiled.executable.retAddr, true)).toBe(0x123456789an);
    expect(on.stack.sp.value).toBe(on.stack.top);
  });
});

describe('loads that may fault', () => {
  it('give 0 for addresses that are none', () => {
    const on = linkage();
    const data = on.env.alloc(8);
    on.env.mem.view.setBigInt64(data, -2n, true);
    const probe = (address: bigint, mode: number): bigint => {
      const insns = assemble(`r1 = ${address} ll\nr0 = -1\nr0 = *(u32 *)(r1 +0)\nexit`);
      insns.code[3] = (insns.code[3] & 0x1f) | mode;
      return run(insns, on);
    };
    expect(probe(BigInt(data), 0x20)).toBe(0xfffffffen);
    expect(probe(BigInt(data), 0x40)).toBe((1n << 64n) - 2n);
    for (const bad of [0n, 8n, 0xffffn, BigInt(data) + (1n << 32n), BigInt(on.env.mem.size) - 3n, (1n << 64n) - 4n]) {
      expect([bad, probe(bad, 0x20)]).toEqual([bad, 0n]);
    }
  });
});

describe('arena accesses', () => {
  const PAGE = 4096;
  const arena = (code: string): bigint => {
    const on = linkage();
    const storage = on.env.alloc(PAGE, 8);
    const insns = assemble(code);
    for (let i = 0; i < insns.length; i++) {
      const cls = insns.code[i] & 7;
      if (cls >= 1 && cls <= 3)
        insns.code[i] = (insns.code[i] & 0x1f) | ((insns.code[i] & 0xe0) === 0xc0 ? 0xe0 : 0xa0);
    }
    const map = { type: 33, valuesAddr: storage, maxEntries: 1 } as MapDesc;
    const program = interpret({ ...unverified(insns), usedMaps: [map] }, on);
    return r0(program);
  };

  it('count from its beginning with the low half of the pointer', () => {
    expect(arena('r1 = 0x700000008 ll\n*(u64 *)(r1 +8) = -3\nr0 = *(u32 *)(r1 +8)\nexit')).toBe(0xfffffffdn);
    expect(arena('r1 = 16\nr2 = 5\n*(u16 *)(r1 -8) = r2\nr0 = *(u64 *)(r1 -8)\nexit')).toBe(5n);
  });

  it('outside of it give 0 and store nothing', () => {
    expect(arena(`r1 = ${PAGE - 4}\nr0 = -1\n*(u64 *)(r1 +0) = 7\nr0 = *(u64 *)(r1 +0)\nexit`)).toBe(0n);
    expect(arena(`r1 = ${PAGE - 4}\n*(u64 *)(r1 +0) = 7\nr0 = *(u32 *)(r1 +0)\nexit`)).toBe(0n);
  });

  it('may be atomic, also into their own address register', () => {
    const code = 'r1 = 8\n*(u64 *)(r1 +0) = 30\nr2 = 3\nr2 = atomic64_fetch_add((u64 *)(r1 +0), r2)\n';
    expect(arena(`${code}r0 = *(u64 *)(r1 +0)\nr0 += r2\nexit`)).toBe(63n);
    expect(
      arena(
        'r1 = 8\nr1 = atomic64_fetch_add((u64 *)(r1 +0), r1)\nr0 = r1\nr2 = 8\nr2 = *(u64 *)(r2 +0)\nr0 += r2\nexit',
      ),
    ).toBe(8n);
  });

  it('without an arena abort', () => {
    const insns = assemble('r0 = *(u32 *)(r1 +0)\nexit');
    insns.code[0] = 0xa1;
    expect(() => run(insns)).toThrow('arena access without arena storage');
  });
});

describe('running', () => {
  it('in steps shows registers and program counter', () => {
    const program = load('r0 = 0x500000007 ll\nw0 += 1\ncall f\nexit\nf: r6 = 9\nr0 = r6\nexit', linkage());
    const act = program.start(0x20000);
    expect([act.pc, act.reg(1), act.reg(10)]).toEqual([0, [0, 0x20000], [0, program.linkage.stack.top]]);
    const trace: number[] = [];
    while (!act.step()) trace.push(act.pc);
    expect(trace).toEqual([2, 3, 5, 6, 7, 4]);
    expect(act.reg(0)).toEqual([0, 9]);
    expect(act.steps).toBe(7);
    program.close(act);
  });

  it('stops at the deadline', () => {
    let polls = 0;
    const on = linkage({
      checkDeadline() {
        if (++polls === 3) throw new ProgramAbort('deadline', -1, 'the run took too long');
      },
    });
    expect(() => run('loop: goto loop', on)).toThrow('the run took too long');
    expect(polls).toBe(3);
  });

  it('stops when the guest stack is exhausted', () => {
    // A helper that runs the program again, without end.
    const on: Linkage = linkWith({ 1: () => program.run(0) });
    const program = load('call #1\nexit', on);
    expect(() => program.run(0)).toThrow('the guest stack is exhausted');
    expect(on.stack.sp.value).toBe(on.stack.top);
  });

  it('survives runs inside runs', () => {
    let depth = 0;
    const on: Linkage = linkWith({
      1(view, frame) {
        if (++depth < 5) program.run(depth);
        view.setBigUint64(frame, BigInt(depth), true);
      },
    });
    const program = load(
      'r6 = r1\n*(u64 *)(r10 -8) = r1\ncall #1\nr1 = *(u64 *)(r10 -8)\nr0 *= 16\nr0 += r6\nr0 += r1\nexit',
      on,
    );
    expect(r0(program, 7)).toBe(5n * 16n + 14n);
  });

  it('gives its slots back', () => {
    const on = linkage();
    const program = load('r1 = func[f] ll\nr0 = r1\nexit\nf: exit', on);
    const { slot } = program;
    expect(on.programs.get(slot)).toBe(program);
    program.dispose();
    program.dispose();
    expect(on.programs.size).toBe(0);
    expect(on.table.table.get(slot)).toBe(null);
  });
});
