/** The one handle of a program: test runs, the fast path, what the kernel says of it; and what a door without more refuses by name. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { createRuntime } from '../../src/kernel/boot/runtime.ts';
import { BpfError } from '../../src/lib/errors.ts';
import { parseObject } from '../../src/lib/parse-object.ts';
import type { BpfSyscall } from '../../src/uapi/attr/attr.ts';
import { ERRNO } from '../../src/uapi/errno.ts';
import { BPF_PROG_TYPE } from '../../src/uapi/prog-types.ts';
import { kernelBtf } from '../kernel/syscall/embedded.ts';

const object = readFileSync(new URL('../../examples/firewall/firewall.bpf.o', import.meta.url));
const runtime = createRuntime({ memory: 64 << 20, kernelBtf });
afterAll(() => runtime[Symbol.dispose]());
/** A door with the commands of bpf(2) and nothing beside them. */
const bare: BpfSyscall = {
  kernel: runtime.kernel,
  bpf: (cmd, attr) => runtime.bpf(cmd, attr),
  close: (fd) => runtime.close(fd),
};
const packet = new Uint8Array(64);
packet.set([0x08, 0x00, 0x45], 12);
packet.set([10, 1, 2, 3], 26);

const refusedBy = (work: () => unknown): BpfError => {
  try {
    work();
  } catch (e) {
    if (e instanceof BpfError) return e;
    throw e;
  }
  throw new Error('nothing was refused');
};

describe('a program of an embedded kernel', () => {
  const collection = parseObject(object, { name: 'firewall' }).load(runtime);
  const program = collection.program('firewall');

  test('tells what the kernel knows of it', () => {
    const info = program.info();
    expect(info).toMatchObject({ id: program.id, name: 'firewall', type: BPF_PROG_TYPE.BPF_PROG_TYPE_XDP });
    expect(info.tag).toMatch(/^[0-9a-f]{16}$/);
    expect(info.insns).toBeGreaterThan(100);
    expect(info.mapIds).toHaveLength(6);
    expect(program.embedded?.stats.insnsProcessed).toBe(info.verifiedInsns);
  });

  test('runs packets without test runs', () => {
    using runner = program.runner();
    expect(runner.run(packet)).toBe(program.testRun({ data: packet }).retval);
  });

  test('has no run on contexts for a type without them', () => {
    expect(() => program.run(new Uint8Array(8))).toThrow();
  });
});

describe('behind a door without more than bpf(2)', () => {
  const collection = parseObject(object, { name: 'firewall' }).load(bare);
  const program = collection.program('firewall');

  test('test runs and infos work', () => {
    expect(program.testRun({ data: packet }).retval).toBe(2);
    expect(program.info().name).toBe('firewall');
    expect(program.embedded).toBeUndefined();
  });

  test('what is missing is named', () => {
    expect(refusedBy(() => program.runner())).toMatchObject({ errno: ERRNO.EOPNOTSUPP });
    expect(refusedBy(() => program.runner()).message).toContain('packet runner');
    expect(refusedBy(() => collection.map('drops').events()).message).toContain('mmap');
  });
});
