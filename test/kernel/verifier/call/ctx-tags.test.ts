/** What `arg:ctx` may stand at in each program type: what a machine of Debian's 6.18, which has every hook, accepted; the live kernel where it has the hook; `BLESS=1` records a kernel that has every hook. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { Btf } from '../../../../src/btf/btf.ts';
import { loadPackagedBtf } from '../../../../src/btf/vmlinux/index.ts';
import { buildRuntime } from '../../../../src/kernel/boot/runtime.ts';
import { verify } from '../../../../src/kernel/verifier/check.ts';
import { kernelAbsent, liveKernel } from '../../../host/live-kernel.ts';
import { ctxTags, HOOKS } from './ctx-tags.ts';

const FILE = new URL('../../../recorded/verifier/ctx-tags-6.18.tsv', import.meta.url);
const LIVE_BTF = '/sys/kernel/btf/vmlinux';
const recorded = readFileSync(FILE, 'utf8').trimEnd().split('\n');

const kernel = await liveKernel();
afterAll(() => kernel?.[Symbol.dispose]());
const is618 = existsSync('/proc/version') && readFileSync('/proc/version', 'utf8').includes(' 6.18.');

test('as Linux 6.18 does', async () => {
  const vmlinux = await loadPackagedBtf();
  using runtime = buildRuntime({ kernelBtf: vmlinux, verifyOnly: true, memory: 64 << 20, cpus: 2 }, verify);
  expect(ctxTags(runtime, vmlinux)).toEqual(recorded);
});

test('as the live kernel does', ({ skip }) => {
  if (kernel === undefined || !is618 || !existsSync(LIVE_BTF)) {
    skip(`no Linux 6.18 here${kernelAbsent && `: ${kernelAbsent}`}; ${HOOKS.length} hooks not compared`);
    return;
  }
  const live = ctxTags(kernel, Btf.parse(new Uint8Array(readFileSync(LIVE_BTF))));
  // EPERM without a word for all pointees: this kernel was built without the hook.
  const has = live.map((l) => !/\t\t\d+ -1 $/.test(l));
  const without = HOOKS.filter((_, i) => !has[i]).map(([name]) => name);
  if (without.length > 0)
    console.info(`${without.length} hooks that this kernel lacks not compared: ${without.join(', ')}`);
  if (process.env.BLESS && without.length === 0) writeFileSync(FILE, `${live.join('\n')}\n`);
  expect(live.filter((_, i) => has[i])).toEqual(recorded.filter((_, i) => has[i]));
});
