/** Every field of every command, asked in binary form of both kernels: every answer is that of Linux 6.18 (`BLESS=1` records). */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import type { KernelTransport } from '../../../src/host/kernel-transport.ts';
import { kernelAbsent, liveKernel } from '../../host/live-kernel.ts';
import { ARENA, askBinary, binaryGrid, type BinarySide, program } from './binary-grid.ts';
import { kernelBtf } from './embedded.ts';

const FIXTURE = new URL('../../recorded/syscall/binary-grid-6.18.json', import.meta.url);
const grid = binaryGrid(6000);
const kernel = await liveKernel();
if (kernel === undefined) console.log(`${grid.length} questions to the live kernel skipped: ${kernelAbsent}`);

interface Koffi {
  alloc(type: string, length: number): unknown;
  view(pointer: unknown, length: number): ArrayBuffer;
  address(pointer: unknown): bigint;
}

async function liveSide(sys: KernelTransport): Promise<BinarySide> {
  const loaded = (await import('koffi')) as unknown as { default?: Koffi } & Koffi;
  const koffi = loaded.default ?? loaded;
  const pointer = koffi.alloc('uint8_t', ARENA);
  const arena = new Uint8Array(koffi.view(pointer, ARENA));
  return { sys, arena, base: koffi.address(pointer), other: program(sys), ask: (cmd, attr) => sys.raw(cmd, attr) };
}

const recorded = (): number[] => (existsSync(FIXTURE) ? (JSON.parse(readFileSync(FIXTURE, 'utf8')) as number[]) : []);
const live = kernel && (await liveSide(kernel));
if (live !== undefined && process.env.BLESS !== undefined)
  writeFileSync(FIXTURE, `${JSON.stringify(grid.map((question) => askBinary(live, question)))}\n`);

function differences(side: BinarySide): string[] {
  const wanted = recorded();
  expect(wanted).toHaveLength(grid.length);
  return grid.flatMap((question, i) => {
    const got = askBinary(side, question);
    return got === wanted[i] ? [] : [`${question.name}: ${got}, Linux ${wanted[i]}`];
  });
}

test('the embedded kernel', () => {
  using sys = createRuntime({ kernelBtf, cpus: 2, memory: 64 << 20, engine: 'interp' });
  const arena = new Uint8Array(ARENA);
  const base = 0x10_0000n;
  const at = (addr: bigint, size: number): number => {
    const off = Number(addr - base);
    return off >= 0 && off + size <= ARENA ? off : -1;
  };
  const memory = {
    read(addr: bigint, size: number): Uint8Array | undefined {
      const off = at(addr, size);
      return off < 0 ? undefined : arena.slice(off, off + size);
    },
    write(addr: bigint, bytes: Uint8Array): boolean {
      const off = at(addr, bytes.length);
      if (off >= 0) arena.set(bytes, off);
      return off >= 0;
    },
  };
  const side = {
    sys,
    arena,
    base,
    other: program(sys),
    ask: (cmd: number, attr: Uint8Array) => sys.bpfBinary(cmd, attr, memory),
  };
  const wrong = differences(side);
  if (process.env.SHOW) writeFileSync(process.env.SHOW, wrong.join('\n'));
  expect(wrong.slice(0, 40)).toEqual([]);
});

test.skipIf(live === undefined)('the live kernel', () => {
  expect(differences(live!).slice(0, 40)).toEqual([]);
});
