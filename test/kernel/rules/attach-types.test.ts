/** Every program type with every attach type, loaded as `r0 = 0; exit`: what BPF_PROG_LOAD says. */
import { readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { describe, expect, test } from 'vitest';
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import { type KernelTransport, openKernelTransport } from '../../../src/host/kernel-transport.ts';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import type { BpfSyscall } from '../../../src/uapi/attr/attr.ts';
import { BPF_ATTACH_TYPE } from '../../../src/uapi/attach-types.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { errnoName } from '../../../src/uapi/errno.ts';
import { BPF_PROG_TYPE } from '../../../src/uapi/prog-types.ts';
import { KERNELS, recordingOf } from './kernels.ts';

const INSNS = encodeInsns(assemble('r0 = 0\nexit'));
const TYPES = Object.entries(BPF_PROG_TYPE).filter(([, type]) => type !== 0);
const ATTACH = Object.entries(BPF_ATTACH_TYPE).filter(([name]) => !name.startsWith('__'));

/** `accept`, or the errno and the last line, by program type; attach types with the same answer stand together. */
function answers(sys: BpfSyscall): Record<string, Record<string, string[]>> {
  const out: Record<string, Record<string, string[]>> = {};
  for (const [typeName, type] of TYPES) {
    const row: Record<string, string[]> = {};
    for (const [attachName, attach] of ATTACH) {
      const log = new Uint8Array(4096);
      const attr = { prog_type: type, expected_attach_type: attach, insns: INSNS, license: 'GPL', log_level: 1 };
      const fd = sys.bpf(BPF_CMD.BPF_PROG_LOAD, { ...attr, log_buf: log });
      if (fd >= 0) sys.close(fd);
      const lines = new TextDecoder().decode(log.subarray(0, log.indexOf(0))).split('\n');
      const last = lines.findLast((l) => l !== '' && !l.startsWith('processed ')) ?? '';
      const answer = fd >= 0 ? 'accept' : `${errnoName(-fd)} ${last}`.trim();
      (row[answer] ??= []).push(attachName.replace('BPF_', ''));
    }
    out[typeName.replace('BPF_PROG_TYPE_', '')] = row;
  }
  return out;
}

describe.each(KERNELS)('$name', ({ name, recorded }) => {
  const fixture = recordingOf(name, 'attach-types.json');

  test('every program type takes the attach types that the kernel takes', async () => {
    using runtime = createRuntime({
      kernelBtf: await loadPackagedBtf(),
      kernel: name,
      verifyOnly: true,
      memory: 64 << 20,
    });
    const kernel = recorded('attach-types.json') as ReturnType<typeof answers>;
    const wrong: string[] = [];
    for (const [type, row] of Object.entries(answers(runtime))) {
      const cells = (of: Record<string, string[]>): Map<string, string> =>
        new Map(Object.entries(of).flatMap(([answer, names]) => names.map((n) => [n, answer] as const)));
      const theirs = cells(kernel[type]);
      for (const [attach, mine] of cells(row)) {
        const want = theirs.get(attach);
        // The configuration of the 6.18 that was recorded refuses fentry, fexit, fmod_ret, LSM and ext programs before it looks at them.
        if (want !== mine && want !== 'EPERM') wrong.push(`${type} ${attach}: kernel ${want}, here ${mine}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('the answers are what the live kernel says', async ({ skip }) => {
    const kernel = await openKernelTransport().catch((): KernelTransport | undefined => undefined);
    if (kernel === undefined || !release().startsWith(`${name}.`)) {
      skip(`no Linux ${name} with bpf(2) here: ${TYPES.length * ATTACH.length} loads not compared`);
      return;
    }
    if (process.env['BLESS'] === '1') writeFileSync(fixture, `${JSON.stringify(answers(kernel), null, 1)}\n`);
    expect(answers(kernel)).toEqual(JSON.parse(readFileSync(fixture, 'utf8')));
  });
});
