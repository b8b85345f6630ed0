/** CO-RE as Linux 6.18 does it itself (BPF_PROG_LOAD with core_relos): what a relocated instruction holds; `BLESS=1` records a kernel. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { Btf } from '../../../src/btf/btf.ts';
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import type { KernelTransport } from '../../../src/host/kernel-transport.ts';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import type { Insns } from '../../../src/isa/insn.ts';
import { BPF_CORE_RELO_KIND } from '../../../src/lib/core-relo/kinds.ts';
import { CoreRelocator } from '../../../src/lib/core-relo/relocate.ts';
import { BpfError } from '../../../src/lib/errors.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { errnoName } from '../../../src/uapi/errno.ts';
import { BPF_PROG_TYPE } from '../../../src/uapi/prog-types.ts';
import { kernelAbsent, liveKernel } from '../../host/live-kernel.ts';
import { CORE_CASES, type CoreCase, encodeCase } from './kernel-cases.ts';

const FILE = new URL('../../recorded/lib/core-relo-6.18.json', import.meta.url);
const LIVE_BTF = '/sys/kernel/btf/vmlinux';
const recorded = JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, Record<string, string>>;

const kernel = await liveKernel();
afterAll(() => kernel?.[Symbol.dispose]());
const is618 = existsSync('/proc/version') && readFileSync('/proc/version', 'utf8').includes(' 6.18.');

/** A program whose first instruction holds what it was compiled with, which the kernel checks. */
const program = (localValue: bigint): Insns => assemble(`r0 = ${localValue}\nexit`);

/** `12`: what the program returns; `poisoned`; or an errno. */
function askKernel(sys: KernelTransport, types: Btf, c: CoreCase, kind: number): string {
  const { btf, main, record, relo } = encodeCase(c, kind);
  const btfFd = sys.bpf(BPF_CMD.BPF_BTF_LOAD, { btf });
  if (btfFd < 0) return `BTF_LOAD ${errnoName(-btfFd)}`;
  const log_buf = new Uint8Array(1 << 16);
  const { localValue } = new CoreRelocator(Btf.parse(btf), types).resolve('main', relo);
  const fd = sys.bpf(BPF_CMD.BPF_PROG_LOAD, {
    prog_type: BPF_PROG_TYPE.BPF_PROG_TYPE_SOCKET_FILTER,
    insns: encodeInsns(program(localValue)),
    license: 'GPL',
    prog_btf_fd: btfFd,
    func_info: new Uint8Array(Uint32Array.of(0, main).buffer),
    func_info_rec_size: 8,
    core_relos: new Uint8Array(record.buffer),
    core_relo_rec_size: 16,
    log_buf,
    log_level: 1,
  });
  sys.close(btfFd);
  const log = new TextDecoder().decode(log_buf);
  if (fd < 0) return log.includes('unknown#195896080') ? 'poisoned' : errnoName(-fd);
  const run = { prog_fd: fd, data_in: new Uint8Array(64), retval: 0 };
  const result = sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test: run });
  sys.close(fd);
  return result < 0 ? `TEST_RUN ${errnoName(-result)}` : String(run.retval);
}

function askLoader(types: Btf, c: CoreCase, kind: number): string {
  const { btf, relo } = encodeCase(c, kind);
  const relocator = new CoreRelocator(Btf.parse(btf), types);
  try {
    const insns = program(relocator.resolve('main', relo).localValue);
    return relocator.apply('main', insns, [relo]).length > 0 ? 'poisoned' : String(insns.imm[0] >>> 0);
  } catch (error) {
    if (error instanceof BpfError) return error.code;
    throw error;
  }
}

const kindName = (kind: number): string =>
  Object.entries(BPF_CORE_RELO_KIND).find(([, number]) => number === kind)?.[0] ?? String(kind);
const answers = (c: CoreCase, ask: (kind: number) => string): Record<string, string> =>
  Object.fromEntries(c.kinds.map((kind) => [kindName(kind), ask(kind)]));

test('the recording has all cases', () => {
  expect(Object.keys(recorded)).toEqual(CORE_CASES.map(({ name }) => name));
});

const vmlinux = await loadPackagedBtf();
test.each(CORE_CASES)('$name', (c) => {
  expect(answers(c, (kind) => askLoader(vmlinux, c, kind))).toEqual(recorded[c.name]);
});

test('the live kernel says the same', ({ skip }) => {
  if (kernel === undefined || !is618 || !existsSync(LIVE_BTF)) {
    skip(`no Linux 6.18 with bpf(2) here: ${CORE_CASES.length} types not compared ${kernelAbsent}`);
    return;
  }
  const types = Btf.parse(new Uint8Array(readFileSync(LIVE_BTF)));
  const live = Object.fromEntries(
    CORE_CASES.map((c) => [c.name, answers(c, (kind) => askKernel(kernel, types, c, kind))]),
  );
  if (process.env['BLESS'] === '1') writeFileSync(FILE, `${JSON.stringify(live, null, 1)}\n`);
  else {
    // Offsets are those of this kernel's own types.
    for (const c of CORE_CASES) expect(live[c.name], c.name).toEqual(answers(c, (kind) => askLoader(types, c, kind)));
  }
});
