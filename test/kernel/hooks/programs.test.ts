/** Programs on functions of programs, in every engine: what the scenarios do not tell of. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createRuntime, type Runtime, type RuntimeOptions } from '../../../src/kernel/boot/runtime.ts';
import type { Collection } from '../../../src/lib/collection.ts';
import { parseObject } from '../../../src/lib/parse-object.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import type { Program } from '../../../src/lib/program.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { kernelBtf } from '../syscall/embedded.ts';

const object = readFileSync(new URL('../../fixtures/hooks/on-prog.o', import.meta.url));
const spec = () => parseObject(object);

interface Loaded {
  readonly runtime: Runtime;
  readonly targets: Collection;
  /** Loads a program for a function of a target, with the object around it. */
  open(name: string, on: string): Collection;
  load(name: string, on: string): Program;
  run(name: string): number;
  /** What was noted since the last time, by number. */
  seen(): number[];
}

function loaded(options: RuntimeOptions = {}): Loaded {
  const runtime = createRuntime({ memory: 64 << 20, kernelBtf, clock: 'virtual', ...options });
  const targets = spec().load(runtime, { programs: ['tc_target', 'plain', 'caller', 'xdp_target', 'xdp_caller'] });
  const maps = new Map(['.bss', 'jumps'].map((map) => [map, targets.map(map).fd]));
  const open = (name: string, on: string): Collection =>
    spec().load(runtime, { programs: [name], maps, attachTargets: { [name]: { program: targets.program(on) } } });
  return {
    runtime,
    targets,
    open,
    load: (name, on) => open(name, on).program(name),
    run: (name) => targets.program(name).testRun({ data: new Uint8Array(64) }).retval,
    seen() {
      const count = Number(targets.variable('count').getVariable('count'));
      targets.variable('count').setVariable('count', 0);
      return (targets.variable('seen').getVariable('seen') as { id: number }[]).slice(0, count).map(({ id }) => id);
    },
  };
}

const ENGINES = [{ engine: 'jit' }, { engine: 'interp' }, { compile: 'async' }, { sharedMemory: true }] as const;

describe.each(ENGINES)('with %j', (options) => {
  test('functions are replaced and surrounded, and are themselves again', async () => {
    const { runtime, load, run, seen } = loaded(options);
    expect([run('tc_target'), seen()]).toEqual([196, [1, 2, 3, 4]]);
    const links = ['new_twice', 'entry_tc', 'exit_tc', 'exit_plus'].map((name) => load(name, 'tc_target').attach());
    const around = [196 + 64, [21, 1, 11, 3, 27, 28, 4, 22]];
    expect([run('tc_target'), seen()]).toEqual(around);
    // Compiled code takes over in the middle of it.
    await runtime.compiled();
    expect([run('tc_target'), seen()]).toEqual(around);
    for (const link of links) link.close();
    expect([run('tc_target'), seen()]).toEqual([196, [1, 2, 3, 4]]);
    await runtime.compiled();
    expect([run('tc_target'), seen()]).toEqual([196, [1, 2, 3, 4]]);
    runtime[Symbol.dispose]();
  });

  test('tail calls find a program whose functions are surrounded', () => {
    const { targets, load, run, seen } = loaded(options);
    targets.map('jumps').update(0, targets.program('plain'));
    using _ = load('entry_plain', 'plain').attach();
    using __ = load('exit_twice', 'plain').attach();
    expect([run('caller'), seen()]).toEqual([18, [6, 5, 2, 25, 26]]);
    expect([run('plain'), seen()]).toEqual([18, [31, 5, 2, 25, 26]]);
  });

  test('runners of packets see what is attached and detached between two runs', () => {
    const { targets, load, seen } = loaded(options);
    using runner = targets.program('xdp_caller').runner();
    const batch = [new Uint8Array(64), new Uint8Array(65)];
    const verdicts = new Uint32Array(2);
    runner.runBatch(batch, verdicts);
    expect([[...verdicts], seen()]).toEqual([
      [2, 2],
      [8, 8],
    ]);
    const link = load('new_verdict', 'xdp_caller').attach();
    runner.runBatch(batch, verdicts);
    expect([[...verdicts], runner.run(batch[0]), seen()]).toEqual([[1, 1], 1, [15, 15, 15]]);
    link.close();
    expect([runner.run(batch[0]), seen()]).toEqual([2, [8]]);
  });

  test('a snapshot has what stands on functions', () => {
    const { runtime, load, run, seen } = loaded(options);
    if ('compile' in options) return;
    const before = runtime.snapshot();
    const link = load('new_twice', 'tc_target').attach();
    const during = runtime.snapshot();
    link.close();
    expect([run('tc_target'), seen()]).toEqual([196, [1, 2, 3, 4]]);
    runtime.restore(during);
    expect([run('tc_target'), seen()]).toEqual([260, [1, 11, 3, 4]]);
    runtime.restore(before);
    expect([run('tc_target'), seen()]).toEqual([196, [1, 2, 3, 4]]);
    runtime.restore(during);
    expect([run('tc_target'), seen()]).toEqual([260, [1, 11, 3, 4]]);
  });
});

test('links come and go while their program runs: what runs goes on', () => {
  const lines: string[] = [];
  let inside: (() => void) | undefined;
  const host = {
    tracePrintk(line: string): void {
      lines.push(line);
      inside?.();
    },
  };
  const { open, load, run, seen } = loaded({ host });
  const says = open('entry_says', 'tc_target');
  const link = says.program('entry_says').attach();
  const replacement = load('new_twice', 'tc_target').attach();
  inside = () => {
    inside = undefined;
    link.close();
    replacement.close();
    says.close();
  };
  // The entry was noticed before; the function that is called behind it is itself again.
  expect([run('tc_target'), seen(), lines]).toEqual([196, [1, 2, 3, 4], ['entered']]);
  expect([run('tc_target'), seen(), lines]).toEqual([196, [1, 2, 3, 4], ['entered']]);
});

test('a target closed by its user lives while something stands on it, and not longer', () => {
  const { runtime, targets, load } = loaded();
  const link = load('entry_plain', 'plain').attach();
  const { id } = targets.program('plain');
  targets.close();
  const again = (): number => runtime.bpf(BPF_CMD.BPF_PROG_GET_FD_BY_ID, { prog_id: id });
  runtime.close(again());
  link.close();
  expect(again()).toBe(-ERRNO.ENOENT);
});

test('rounds of loading, attaching, running and closing leave no objects behind', () => {
  const { runtime, open, run } = loaded();
  const count = (next: number): number => {
    let n = 0;
    for (let id = 0; ; n++) {
      const attr = { start_id: id, next_id: 0 };
      if (runtime.bpf(next as typeof BPF_CMD.BPF_PROG_GET_NEXT_ID, attr) < 0) return n;
      id = attr.next_id;
    }
  };
  const live = (): number[] =>
    [
      BPF_CMD.BPF_PROG_GET_NEXT_ID,
      BPF_CMD.BPF_MAP_GET_NEXT_ID,
      BPF_CMD.BPF_BTF_GET_NEXT_ID,
      BPF_CMD.BPF_LINK_GET_NEXT_ID,
    ].map(count);
  const before = live();
  for (let i = 0; i < 100; i++) {
    const name = ['new_twice', 'entry_tc', 'exit_hidden', 'new_tc'][i % 4];
    using collection = open(name, 'tc_target');
    using _ = collection.program(name).attach();
    run('tc_target');
  }
  expect(live()).toEqual(before);
});
