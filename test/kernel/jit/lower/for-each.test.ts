/** bpf_for_each_map_elem in place: what is visited, stopped and deleted on the way is what the interpreter's helper does. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createRuntime } from '../../../../src/kernel/boot/runtime.ts';
import { parseObject } from '../../../../src/lib/parse-object.ts';
import { kernelBtf } from '../../syscall/embedded.ts';

const object = readFileSync(new URL('../../../fixtures/jit/walks.o', import.meta.url));

/** Verdicts of a program for packets in order, its maps growing with each: one number in the seed of hashes for both engines. */
function verdicts(engine: 'jit' | 'interp', program: string, packets: readonly Uint8Array[]): number[] {
  let seed = 1;
  const host = { random32: () => (seed = Math.imul(seed, 1664525) + 1013904223) >>> 0 };
  using runtime = createRuntime({ memory: 64 << 20, kernelBtf, engine, host });
  using collection = parseObject(object, { name: 'walks' }).load(runtime, {
    kernelBtf: kernelBtf(),
    programs: [program],
  });
  const loaded = runtime.program(collection.program(program).fd);
  expect(loaded?.engine).toBe(engine);
  using runner = loaded!.runner();
  return packets.map((packet) => runner.run(packet));
}

const packet = (stop: number, erase: number, key: number, value: number): Uint8Array => {
  const bytes = new Uint8Array(64);
  bytes.set([stop, erase, key, value]);
  return bytes;
};

test.each(['array', 'percpu_array', 'hash', 'lru_hash', 'percpu_hash'])('%s', (map) => {
  const packets = [
    ...Array.from({ length: 30 }, (_, k) => packet(0, 0, (k * 11) % 40, k)),
    packet(1, 0, 0, 1),
    packet(3, 0, 1, 2),
    packet(255, 0, 1, 2),
    ...Array.from({ length: 20 }, (_, k) => packet(k % 7, 1, k, k * 3)),
  ];
  const jit = verdicts('jit', `walk_${map}`, packets);
  expect(jit).toEqual(verdicts('interp', `walk_${map}`, packets));
  expect(new Set(jit).size).toBeGreaterThan(10);
});
