/** Schedulers in BPF, on a made-up kernel that has them: its functions may be called, and a task's own part be written. */
import { afterAll, expect, test } from 'vitest';
import { Btf } from '../../../../src/btf/btf.ts';
import { BtfBuilder } from '../../../../src/btf/encode.ts';
import { BTF_KIND } from '../../../../src/btf/types.ts';
import { assembleProgram } from '../../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../../src/isa/encode.ts';
import { createRuntime } from '../../../../src/kernel/boot/runtime.ts';
import { BPF_CMD } from '../../../../src/uapi/cmd.ts';
import { BPF_PROG_TYPE } from '../../../../src/uapi/prog-types.ts';

function kernelWithSchedulers(): Btf {
  const b = new BtfBuilder();
  const u64 = b.int('unsigned long', 8, 0);
  const s32 = b.int('int', 4, 1);
  const member = (name: string, type: number, at: number): Parameters<typeof b.struct>[2][number] => ({
    ...{ name, type, bitOffset: at * 8, bitfieldSize: 0 },
  });
  const entity = b.struct('sched_ext_entity', 24, [
    member('runnable_at', u64, 0),
    member('slice', u64, 8),
    member('dsq_vtime', u64, 16),
  ]);
  const task = b.struct('task_struct', 32, [member('state', u64, 0), member('scx', entity, 8)]);
  const pointer = b.ptr(task);
  const enqueue = b.ptr(
    b.funcProto(0, [
      { name: 'p', type: pointer },
      { name: 'flags', type: u64 },
    ]),
  );
  const ops = b.struct('sched_ext_ops', 8, [member('enqueue', enqueue, 0)]);
  b.struct('bpf_struct_ops_sched_ext_ops', 16, [member('common', u64, 0), member('data', ops, 8)]);
  b.func('scx_bpf_task_cpu', b.funcProto(s32, [{ name: 'p', type: pointer }]), 1);
  b.func('scx_bpf_create_dsq', b.funcProto(s32, [{ name: 'dsq_id', type: u64 }]), 1);
  return Btf.parse(b.encode());
}

const btf = kernelWithSchedulers();
const kernel = createRuntime({ kernelBtf: btf, verifyOnly: true, memory: 16 << 20 });
afterAll(() => kernel[Symbol.dispose]());

function verdict(body: string): string {
  const text = body.replace(/call @(\w+)/g, (_, f: string) => `call bpf_kfunc#${btf.find(f, BTF_KIND.FUNC)}`);
  const log_buf = new Uint8Array(1 << 16);
  const fd = kernel.bpf(BPF_CMD.BPF_PROG_LOAD, {
    prog_type: BPF_PROG_TYPE.BPF_PROG_TYPE_STRUCT_OPS,
    insns: encodeInsns(assembleProgram(text).insns),
    license: 'GPL',
    attach_btf_id: btf.find('sched_ext_ops', BTF_KIND.STRUCT),
    expected_attach_type: 0,
    log_level: 1,
    log_buf,
  });
  if (fd >= 0) kernel.close(fd);
  const lines = new TextDecoder().decode(log_buf.subarray(0, log_buf.indexOf(0))).split('\n');
  return fd >= 0 ? 'accept' : `${fd} ${lines.filter((l) => l !== '' && !l.startsWith('processed')).at(-1)}`;
}

const END = 'r0 = 0\n exit';
const TASK = 'r6 = *(u64 *)(r1 +0)\n';

test.each([
  ['a slice is written', `${TASK} *(u64 *)(r6 +16) = 5\n ${END}`, 'accept'],
  ['the time of its queue, in part', `${TASK} *(u32 *)(r6 +28) = 5\n ${END}`, 'accept'],
  ['not the state', `${TASK} *(u64 *)(r6 +0) = 5\n ${END}`, '-13 only read is supported'],
  ['not beyond a member', `${TASK} *(u64 *)(r6 +12) = 5\n ${END}`, '-13 only read is supported'],
  ['a question about a task', `${TASK} r1 = r6\n call @scx_bpf_task_cpu\n ${END}`, 'accept'],
  [
    'a queue where nothing may sleep',
    `r1 = 7\n call @scx_bpf_create_dsq\n ${END}`,
    '-13 program must be sleepable to call sleepable kfunc scx_bpf_create_dsq',
  ],
])('%s', (_, body, want) => {
  expect(verdict(body)).toBe(want);
});
