/** The order of MAP_CREATE's checks: every answer is that of Linux 6.18 (`BLESS=1` records). */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import { createVerifyingRuntime } from '../../../src/kernel/boot/verify-only.ts';
import type { BpfSyscall } from '../../../src/uapi/attr/attr.ts';
import { kernelAbsent, liveKernel } from '../../host/live-kernel.ts';
import { kernelBtf } from './embedded.ts';
import { askMapCreate, type GridAttr, mapCreateGrid, openGridFds } from './map-create-grid.ts';

const FIXTURE = new URL('../../recorded/syscall/map-create-grid-6.18.json', import.meta.url);
const grid = mapCreateGrid(12_000);
const kernel = await liveKernel();
if (kernel === undefined) console.log(`${grid.length} questions to the live kernel skipped: ${kernelAbsent}`);

const answers = (sys: BpfSyscall): number[] => {
  const fds = openGridFds(sys);
  return grid.map((attr) => askMapCreate(sys, fds, attr));
};
if (kernel !== undefined && process.env.BLESS !== undefined)
  writeFileSync(FIXTURE, `${JSON.stringify(answers(kernel))}\n`);
const recorded = existsSync(FIXTURE) ? (JSON.parse(readFileSync(FIXTURE, 'utf8')) as number[]) : [];

const show = (attr: GridAttr): string =>
  JSON.stringify(attr, (_, v: unknown) =>
    typeof v === 'bigint' ? `${v}n` : v instanceof Uint8Array ? `${v.length} bytes` : v,
  );
function differences(got: readonly number[]): string[] {
  expect(recorded).toHaveLength(grid.length);
  return grid.flatMap((attr, i) => (got[i] === recorded[i] ? [] : [`${show(attr)}: ${got[i]}, Linux ${recorded[i]}`]));
}

/** Types that are not implemented: what Linux makes is refused by name, and in all else they answer alike. */
function expectByName(sys: BpfSyscall): void {
  const got = answers(sys).map((answer, i) => (answer === -95 && recorded[i] === 1 ? 1 : answer));
  expect(differences(got).slice(0, 40)).toEqual([]);
}

test('the embedded kernel', () => {
  using sys = createRuntime({ kernelBtf, cpus: 2 });
  expectByName(sys);
});

test('a kernel that only verifies', () => {
  using sys = createVerifyingRuntime({ kernelBtf });
  expect(differences(answers(sys)).slice(0, 40)).toEqual([]);
});

test.skipIf(kernel === undefined)('the live kernel', () => {
  expect(differences(answers(kernel!)).slice(0, 40)).toEqual([]);
});
