/** Programs inside programs: a run begun by a helper of another one leaves that one as it was. */
import { describe, expect, test } from 'vitest';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { createRuntime, type Engine, type Runtime, type RuntimeOptions } from '../../../src/kernel/boot/runtime.ts';
import type { Invocation } from '../../../src/kernel/run/invocation.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { BPF_MAP_TYPE as M } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';
import { ProgramAbort } from '../../../src/util/errors.ts';
import { kernelBtf } from '../syscall/embedded.ts';

const { BPF_PROG_TYPE_XDP: XDP, BPF_PROG_TYPE_SCHED_CLS: TC } = T;
const data_in = new Uint8Array(64);
const u32 = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer);

/** A runtime whose clock runs what a test puts there, by how deep it is asked inside of itself. */
class Nest {
  readonly sys: Runtime;
  /** What the clock does at depth 0, 1, ... */
  levels: (() => void)[] = [];
  looks = 0;
  #depth = 0;

  constructor(engine: Engine, options: RuntimeOptions = {}) {
    const ktimeNs = (out: Int32Array): void => {
      out.fill(0);
      this.looks++;
      const act = this.levels[this.#depth++];
      try {
        act?.();
      } finally {
        this.#depth--;
      }
    };
    this.sys = createRuntime({ memory: 64 << 20, kernelBtf, engine, ...options, host: { ktimeNs, ...options.host } });
  }

  map(map_type: number, key_size = 4): number {
    const fd = this.sys.bpf(C.BPF_MAP_CREATE, { map_type, key_size, value_size: 4, max_entries: 8 });
    expect(fd).toBeGreaterThan(0);
    return fd;
  }

  put(map_fd: number, key: number, value: number): void {
    expect(this.sys.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd, key: u32(key), value: u32(value), flags: 0n })).toBe(0);
  }

  load(asm: string, prog_type: number = XDP, maps: Record<string, number> = {}): number {
    const insns = encodeInsns(assemble(asm, { map: (name) => maps[name] }));
    const log_buf = new Uint8Array(1 << 16);
    const more = { insns, license: 'GPL', log_level: 1, log_buf };
    const fd = this.sys.bpf(C.BPF_PROG_LOAD, { prog_type, ...more });
    expect(fd, new TextDecoder().decode(log_buf).replace(/\0.*/s, '')).toBeGreaterThan(0);
    return fd;
  }

  run(prog_fd: number): number {
    const test = { prog_fd, data_in, retval: -1 };
    expect(this.sys.bpf(C.BPF_PROG_TEST_RUN, { test })).toBe(0);
    return test.retval;
  }

  get seen(): Readonly<Invocation> {
    return this.sys.runState;
  }
}

interface Redirecting {
  readonly type: number;
  /** The call that notes a target, r0 its verdict. */
  readonly call: string;
}

/** The redirect helpers, each with a target of its own. */
const REDIRECTS: Readonly<Record<string, Redirecting>> = {
  'bpf_redirect of XDP': { type: XDP, call: 'r1 = 3\nr2 = 0\ncall bpf_redirect' },
  'bpf_redirect of tc': { type: TC, call: 'r1 = 4\nr2 = 1\ncall bpf_redirect' },
  bpf_redirect_neigh: { type: TC, call: 'r1 = 5\nr2 = 0\nr3 = 0\nr4 = 0\ncall bpf_redirect_neigh' },
  bpf_redirect_peer: { type: TC, call: 'r1 = 6\nr2 = 0\ncall bpf_redirect_peer' },
  bpf_redirect_map: { type: XDP, call: 'r1 = map[devices] ll\nr2 = 2\nr3 = 0\ncall bpf_redirect_map' },
};
const NAMES = Object.keys(REDIRECTS);

const redirecting = (call: string): string => `${call}\nr6 = r0\ncall bpf_ktime_get_ns\nr0 = r6\nexit`;
/** A tc program that stops in the middle of two frames: no host takes what it sends. */
const STOPPED = `
  call deep
  exit
deep:
  r2 = 9
  *(u64 *)(r10 -256) = r2
  r2 = 1
  r3 = 0
  call bpf_clone_redirect
  exit`;

function tailCaller(after: string): string {
  return `
    r6 = r1
    call bpf_ktime_get_ns
    r1 = r6
    r2 = map[progs] ll
    r3 = 0
    call bpf_tail_call
    ${after}
    exit`;
}

describe.each(['jit', 'interp'] as const)('%s', (engine) => {
  function redirectors(nest: Nest): Map<string, number> {
    const devices = nest.map(M.BPF_MAP_TYPE_DEVMAP);
    nest.put(devices, 2, 1);
    return new Map(
      NAMES.map((name) => [name, nest.load(redirecting(REDIRECTS[name].call), REDIRECTS[name].type, { devices })]),
    );
  }
  const target = ({ redirectIfindex, redirectFlags, redirectMapId, redirectKey, progType }: Readonly<Invocation>) => {
    return { redirectIfindex, redirectFlags, redirectMapId, redirectKey, progType };
  };

  test.each(NAMES)('%s keeps its target while each of them runs inside', (outer) => {
    const nest = new Nest(engine);
    const progs = redirectors(nest);
    const alone = new Map(
      NAMES.map((name) => {
        const retval = nest.run(progs.get(name) as number);
        return [name, { retval, ...target(nest.seen) }];
      }),
    );
    expect(new Set([...alone.values()].map((seen) => JSON.stringify(seen))).size).toBe(NAMES.length);
    for (const inner of NAMES) {
      const during: unknown[] = [];
      const look = (): unknown => during.push(target(nest.sys.cpus[0].run));
      nest.levels = [
        () => {
          look();
          expect(nest.run(progs.get(inner) as number)).toBe(alone.get(inner)?.retval);
          look();
        },
        look,
      ];
      const { retval, ...own } = alone.get(outer) as { retval: number };
      const { retval: _, ...other } = alone.get(inner) as { retval: number };
      expect(nest.run(progs.get(outer) as number)).toBe(retval);
      expect(during).toEqual([own, other, own]);
      expect(target(nest.seen)).toEqual(own);
      expect(nest.sys.cpus[0].depth).toBe(0);
    }
  });

  test('the type of the outer program holds again: it decides which flags bpf_redirect takes', () => {
    const nest = new Nest(engine);
    const asm = 'call bpf_ktime_get_ns\nr1 = 3\nr2 = 1\ncall bpf_redirect\nexit';
    const [xdp, tc] = [nest.load(asm, XDP), nest.load(asm, TC)];
    nest.levels = [() => expect(nest.run(tc)).toBe(7)];
    expect(nest.run(xdp)).toBe(0);
    nest.levels = [() => expect(nest.run(xdp)).toBe(0)];
    expect(nest.run(tc)).toBe(7);
  });

  test('tail calls are counted for each run', () => {
    const nest = new Nest(engine);
    const progs = nest.map(M.BPF_MAP_TYPE_PROG_ARRAY);
    const self = nest.load(tailCaller('r0 = 5'), XDP, { progs });
    nest.put(progs, 0, self);
    nest.looks = 0;
    expect(nest.run(self)).toBe(5);
    const alone = nest.looks;
    expect(alone).toBe(34);
    // Each program of the outer chain runs a chain of its own.
    nest.levels = [() => void nest.run(self)];
    nest.looks = 0;
    expect(nest.run(self)).toBe(5);
    expect(nest.looks).toBe(alone + alone * alone);
  });

  test('a run inside that is stopped leaves the outer one its frames and its target', () => {
    const nest = new Nest(engine);
    const stopped = nest.load(STOPPED, TC);
    const asm = `
      r6 = 0x1234
      *(u64 *)(r10 -8) = r6
      *(u64 *)(r10 -512) = r6
      r1 = 3
      r2 = 0
      call bpf_redirect
      call bpf_ktime_get_ns
      r0 = *(u64 *)(r10 -8)
      r1 = *(u64 *)(r10 -512)
      r0 += r1
      exit`;
    const outer = nest.load(asm);
    const [cpu] = nest.sys.cpus;
    nest.levels = [
      () => {
        const sp = cpu.stack.sp.value as number;
        cpu.run.attachCookie = [7, 0];
        expect(() => nest.sys.program(stopped)?.runner().run(data_in)).toThrow(ProgramAbort);
        expect(cpu.stack.sp.value).toBe(sp);
        expect(cpu.run.attachCookie).toEqual([7, 0]);
      },
    ];
    expect(nest.run(outer)).toBe(0x2468);
    expect(nest.seen).toMatchObject({ redirectIfindex: 3, progType: XDP });
    expect(cpu.stack.sp.value).toBe(cpu.stack.top);
    nest.levels = [];
    nest.run(outer);
    expect(nest.seen.attachCookie).toBeUndefined();
  });
});
