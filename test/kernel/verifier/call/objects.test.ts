/** Locks, timers, kptrs, lists, trees and constant strings: compiled C programs with the verdicts of Linux 6.18 (objects-6.18.txt). */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Btf } from '../../../../src/btf/btf.ts';
import { loadPackagedBtf } from '../../../../src/btf/vmlinux/index.ts';
import { type KernelTransport, openKernelTransport } from '../../../../src/host/kernel-transport.ts';
import { createRuntime } from '../../../../src/kernel/boot/runtime.ts';
import { loadCollection } from '../../../../src/lib/collection.ts';
import { parseObject } from '../../../../src/lib/parse-object.ts';
import type { BpfSyscall } from '../../../../src/uapi/attr/attr.ts';
import { errnoName } from '../../../../src/uapi/errno.ts';

const OBJECT = new URL('../../../fixtures/verifier/objects/objects.o', import.meta.url);
const RECORDED = new URL('../../../recorded/verifier/objects-6.18.txt', import.meta.url);
const LIVE_BTF = '/sys/kernel/btf/vmlinux';
const object = new Uint8Array(readFileSync(OBJECT));
const names = parseObject(object).programs.map((p) => p.name);

/** `accept` or `reject EINVAL: last line of the log`. */
function verdict(sys: BpfSyscall, kernelBtf: Btf, name: string): string {
  const options = { kernelBtf, onError: 'collect', programs: [name], logLevel: 1 } as const;
  const collection = loadCollection(parseObject(object), sys, options);
  const error = [...collection.errors.values()][0];
  collection.close();
  if (error === undefined) return 'accept';
  const lines = error.log.trimEnd().split('\n');
  return `reject ${errnoName(error.errno)}: ${lines.filter((l) => !l.startsWith('processed ')).at(-1)}`;
}

const recorded = new Map(
  readFileSync(RECORDED, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line): [string, string] => [line.slice(0, line.indexOf(' -> ')), line.slice(line.indexOf(' -> ') + 4)]),
);
const btf = await loadPackagedBtf();

test.each(names)('%s', (name) => {
  using runtime = createRuntime({ kernelBtf: btf, verifyOnly: true, memory: 64 << 20, cpus: 2 });
  expect(verdict(runtime, btf, name)).toBe(recorded.get(name));
});

test('the verdicts are what the live kernel says', async ({ skip }) => {
  const kernel = await openKernelTransport().catch((): KernelTransport | undefined => undefined);
  const is618 = existsSync('/proc/version') && readFileSync('/proc/version', 'utf8').includes(' 6.18.');
  if (kernel === undefined || !is618 || !existsSync(LIVE_BTF)) {
    skip(`no Linux 6.18 with bpf(2) here: ${names.length} programs not compared`);
    return;
  }
  const liveBtf = Btf.parse(new Uint8Array(readFileSync(LIVE_BTF)));
  const said = names.map((name) => `${name} -> ${verdict(kernel, liveBtf, name)}`);
  if (process.env['BLESS'] === '1') writeFileSync(RECORDED, `${said.join('\n')}\n`);
  else expect(said).toEqual([...recorded].map(([name, v]) => `${name} -> ${v}`));
});
