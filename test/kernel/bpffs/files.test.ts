/**
 * Calls on BPF file systems: every answer is that of Linux 6.18. Recorded there: `SKEP_STEPS=steps.json npx vitest run` of this file writes
 * the calls, and `python3 scripts/record-files.py steps.json test/recorded/bpffs/files-6.18.json` asks them of an empty /sys/fs/bpf.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/kernel/boot/runtime.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { BPF_MAP_TYPE as M } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';
import { kernelBtf } from '../syscall/embedded.ts';
import { fileSteps, type Step } from './file-steps.ts';

const steps = fileSteps(6000);
if (process.env.SKEP_STEPS !== undefined) writeFileSync(process.env.SKEP_STEPS, JSON.stringify(steps));

const RETURN_0 = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
const BTF_OF_INT = new Uint8Array(Uint32Array.of(0x1eb9f, 24, 0, 16, 16, 3, 1, 1 << 24, 4, 32, 0x6100).buffer).slice(
  0,
  43,
);

function makeObjects(sys: Runtime): Readonly<Record<string, number>> {
  const map = { map_type: M.BPF_MAP_TYPE_HASH, key_size: 4, value_size: 8, max_entries: 4 };
  const load = (prog_type: number): number => sys.bpf(C.BPF_PROG_LOAD, { prog_type, insns: RETURN_0, license: 'GPL' });
  const tracing = load(T.BPF_PROG_TYPE_RAW_TRACEPOINT);
  return {
    map: sys.bpf(C.BPF_MAP_CREATE, map),
    rdonly: sys.bpf(C.BPF_MAP_CREATE, { ...map, map_flags: 8 }),
    prog: load(T.BPF_PROG_TYPE_XDP),
    link: sys.bpf(C.BPF_RAW_TRACEPOINT_OPEN, { raw_tracepoint: { name: 'sys_enter', prog_fd: tracing } }),
    btf: sys.bpf(C.BPF_BTF_LOAD, { btf: BTF_OF_INT }),
    directory: sys.files!.openDirectory('/sys/fs/bpf'),
    closed: 9999,
    stdin: 0,
  };
}

function ask(sys: Runtime, objects: Readonly<Record<string, number>>, [call, , first, second]: Step): unknown {
  const path = String(first);
  const files = sys.files!;
  switch (call) {
    case 'pin':
      return sys.bpf(C.BPF_OBJ_PIN, { pathname: path, bpf_fd: objects[second] });
    case 'get': {
      const fd = sys.bpf(C.BPF_OBJ_GET, { pathname: path, file_flags: Number(second) });
      return fd < 0 ? fd : sys.close(fd);
    }
    case 'stat': {
      const found = files.stat(path);
      return typeof found === 'number' ? found : [found.mode, found.nlink];
    }
    case 'readdir': {
      const names = files.readdir(path);
      return typeof names === 'number' ? names : names.toSorted();
    }
    default:
      return files[call as 'rename'](path, second as string);
  }
}

test('each call answers as Linux does, and pins keep nothing beyond their files', () => {
  const recorded = JSON.parse(
    readFileSync(new URL('../../recorded/bpffs/files-6.18.json', import.meta.url), 'utf8'),
  ) as unknown[];
  using sys = createRuntime({ kernelBtf, memory: 64 << 20 });
  const objects = makeObjects(sys);
  const other = sys.world.task({ pid: 4242, uid: 1000, gid: 1000 });
  expect(recorded).toHaveLength(steps.length);
  const wrong = steps.flatMap((step, i) => {
    const got = step[1] === 0 ? ask(sys, objects, step) : other.run(() => ask(sys, objects, step));
    return JSON.stringify(got) === JSON.stringify(recorded[i])
      ? []
      : [`${i}: ${step.join(' ').slice(0, 90)}: ${JSON.stringify(got)}, Linux ${JSON.stringify(recorded[i])}`];
  });
  expect(wrong.slice(0, 30)).toEqual([]);
  expect(new Set(recorded.map((answer) => JSON.stringify(answer).slice(0, 6))).size).toBeGreaterThan(20);
});
