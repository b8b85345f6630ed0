/** Compiled C programs, loaded by the loader, give the same verdicts and packets in both engines and in the live kernel. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import { loadCollection } from '../../../src/lib/collection.ts';
import { parseObject } from '../../../src/lib/parse-object.ts';
import type { BpfSyscall } from '../../../src/uapi/attr/attr.ts';
import { kernelAbsent, liveKernel } from '../../host/live-kernel.ts';
import { kernelBtf } from '../syscall/embedded.ts';

const OBJECTS = [
  'empty',
  'atomic',
  'csum512',
  'callback',
  'parser',
  'alu32',
  'hash',
  'alu64',
  'calls',
  'counter',
  'sort',
  'branchy',
];

const kernel = await liveKernel();
if (kernel === undefined) console.log(`${OBJECTS.length} objects on the live kernel skipped: ${kernelAbsent}`);
afterAll(() => kernel?.[Symbol.dispose]());

/** Packets of several sizes with reproducible contents; the first ones are IPv4 TCP and UDP. */
function packets(): Uint8Array[] {
  let seed = 12345;
  const next = (): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return seed >>> 16;
  };
  return [60, 64, 98, 512, 1500].map((size, i) => {
    const packet = Uint8Array.from({ length: size }, () => next() & 0xff);
    packet.set([0x08, 0x00, 0x45], 12);
    packet[23] = i % 2 === 0 ? 6 : 17;
    return packet;
  });
}

interface Verdict {
  readonly retval: number;
  readonly data: Uint8Array;
}

function verdicts(sys: BpfSyscall, object: string): Record<string, Verdict[]> {
  const bytes = readFileSync(new URL(`../../../bench/programs/${object}.o`, import.meta.url));
  const collection = loadCollection(parseObject(bytes), sys, { kernelBtf: kernelBtf() });
  const out: Record<string, Verdict[]> = {};
  for (const [name, program] of collection.programs) {
    out[name] = packets().map((data) => {
      const { retval, data: left } = program.testRun({ data });
      return { retval, data: left };
    });
  }
  collection.close();
  return out;
}

describe.each(OBJECTS)('%s', (object) => {
  const memory = 64 << 20;
  const vmlinux = kernelBtf;
  const jit = verdicts(createRuntime({ memory, kernelBtf: vmlinux, engine: 'jit' }), object);

  test('both engines agree', () => {
    expect(Object.keys(jit).length).toBeGreaterThan(0);
    expect(verdicts(createRuntime({ memory, kernelBtf: vmlinux, engine: 'interp' }), object)).toEqual(jit);
  });

  test.skipIf(kernel === undefined)('the live kernel agrees', () => {
    expect(verdicts(kernel!, object)).toEqual(jit);
  });
});
