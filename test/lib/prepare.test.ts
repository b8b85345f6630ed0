/** Programs assembled, relocated and resolved. */
import { describe, expect, test } from 'vitest';
import { Btf } from '../../src/btf/btf.ts';
import { BtfBuilder } from '../../src/btf/encode.ts';
import { BpfError } from '../../src/lib/errors.ts';
import { assemble } from '../../src/lib/assemble.ts';
import { explainRefusal, MISSING_KFUNC, unknownCallIn } from '../../src/lib/missing.ts';
import { type PrepareEnv, prepareProgram } from '../../src/lib/prepare.ts';
import type { CollectionSpec } from '../../src/lib/collection-spec.ts';
import { fixture } from './fixture.ts';

/** A kernel with two kfuncs, a tracepoint and a struct_ops type. */
function smallKernel(): Btf {
  const b = new BtfBuilder();
  const u32 = b.int('unsigned int', 4);
  const task = b.struct('task_struct', 4, [{ name: 'pid', type: u32, bitOffset: 0, bitfieldSize: 0 }]);
  const ptr = b.ptr(task);
  const none = b.funcProto(0, []);
  b.func('bpf_rcu_read_lock', none, 0);
  b.func('bpf_rcu_read_unlock', none, 0);
  b.func('bpf_task_acquire', b.funcProto(ptr, [{ name: 'p', type: ptr }]), 0);
  const member = (name: string, i: number) => ({ name, type: ptr, bitOffset: i * 64, bitfieldSize: 0 });
  b.struct('tcp_congestion_ops', 24, [member('cong_avoid', 0), member('undo_cwnd', 1), member('ssthresh', 2)]);
  return Btf.parse(b.encode());
}

const env = (over: Partial<PrepareEnv> = {}): PrepareEnv => ({
  mapFd: () => 100,
  kernelBtf: smallKernel(),
  btfFd: 3,
  ...over,
});
const calls = (spec: CollectionSpec, name: string) => assemble(spec, spec.program(name)!).pieces.map((p) => p.fn.key);

describe('assemble', () => {
  test('subprograms follow in the order of the calls, each once', () => {
    const spec = fixture('calls.o');
    expect(calls(spec, 'first')).toEqual(['first', 'shared', 'middle', 'leaf']);
    expect(calls(spec, 'second')).toEqual(['second', 'concealed', 'leaf', 'optional']);
    expect(calls(spec, 'looped')).toEqual(['looped', 'each', 'middle', 'leaf']);
    expect(calls(spec, 'throwing')).toEqual(['throwing', 'shared', 'middle', 'leaf', 'on_exception']);
  });

  test('calls reach their functions', () => {
    const spec = fixture('calls.o');
    const built = assemble(spec, spec.program('first')!);
    const starts = new Set(built.pieces.map((p) => p.start));
    let seen = 0;
    for (let i = 0; i < built.insns.length; i++) {
      if (built.insns.code[i] === 0x85 && built.insns.src[i] === 1) {
        seen++;
        expect(starts).toContain(i + 1 + built.insns.imm[i]);
      }
    }
    expect(seen).toBe(3);
  });

  test('callbacks are loaded as functions', () => {
    const spec = fixture('calls.o');
    const built = assemble(spec, spec.program('looped')!);
    const at = [...built.insns.code].findIndex((code, i) => code === 0x18 && built.insns.src[i] === 4);
    expect(at).toBeGreaterThanOrEqual(0);
    expect(built.pieces.find((p) => p.start === at + 1 + built.insns.imm[at])?.fn.key).toBe('each');
  });

  test('function and line records move with their functions', () => {
    const spec = fixture('calls.o');
    const { attr } = prepareProgram(spec, 'first', env());
    const view = new DataView(attr.func_info!.buffer);
    const offsets = [0, 1, 2, 3].map((i) => view.getUint32(i * 8, true));
    expect(offsets).toEqual(assemble(spec, spec.program('first')!).pieces.map((p) => p.start));
    const lines = new Uint32Array(attr.line_info!.buffer).filter((_, i) => i % 4 === 0);
    for (const start of offsets) expect([...lines]).toContain(start);
    expect([...lines]).toEqual([...lines].sort((a, b) => a - b));
  });
});

describe('references', () => {
  test('maps and global data', () => {
    const spec = fixture('simple-v3.o');
    const asked: string[] = [];
    const prepared = prepareProgram(
      spec,
      'count',
      env({
        mapFd: (m) => {
          asked.push(m.name);
          return m.name === 'hits' ? 11 : 12;
        },
      }),
    );
    expect(asked.sort()).toEqual(['.data', 'hits']);
    const loads = [...prepared.insns.code].flatMap((code, i) =>
      code === 0x18 ? [[prepared.insns.src[i], prepared.insns.imm[i], prepared.insns.imm[i + 1]]] : [],
    );
    expect(loads).toContainEqual([1, 11, 0]);
    expect(loads).toContainEqual([2, 12, 0]);
  });

  test('kfuncs by BTF id; weak missing ones are calls that no kernel has', () => {
    const spec = fixture('externs.o');
    const kernelBtf = smallKernel();
    const { insns, missing: lacks } = prepareProgram(spec, 'locks', env({ kernelBtf }));
    const kcalls = [...insns.code].flatMap((code, i) =>
      code === 0x85 && insns.src[i] === 2 ? [kernelBtf.name(insns.imm[i])] : [],
    );
    expect(kcalls).toEqual(['bpf_rcu_read_lock', 'bpf_rcu_read_unlock']);
    const missing = [...insns.code].flatMap((code, i) => (code === 0x85 && insns.src[i] === 0 ? [insns.imm[i]] : []));
    expect(missing).toEqual([MISSING_KFUNC + spec.externs.findIndex((e) => e.name === 'skep_no_such_kfunc')]);
    const said = (text: string, insn?: number) => explainRefusal(lacks, text, insn);
    expect(said(`invalid func unknown#${missing[0]}`)).toBe(
      'skep_no_such_kfunc is not in this kernel; the weak call must stand inside if (bpf_ksym_exists(skep_no_such_kfunc))',
    );
    expect(said('invalid func unknown#2003000000')).toBeUndefined();
    expect(said('R1 type=ctx expected=fp')).toBeUndefined();
    expect(unknownCallIn('3: (85) call bpf_loop#181\n12: (85) call unknown#195896080\ninvalid func')).toBe(12);
  });

  test('what is missing fails its program alone', () => {
    const spec = fixture('externs.o');
    expect(() => prepareProgram(spec, 'missing', env())).toThrow(/skep_never_there is not found/);
    expect(() => prepareProgram(spec, 'unresolved', env())).toThrow(/skep_plain_extern is defined nowhere/);
    expect(() => prepareProgram(spec, 'symbols', env())).toThrow(BpfError);
    const ok = prepareProgram(
      spec,
      'symbols',
      env({ ksyms: (n) => (n === 'init_task' ? 0xffffffff82a00000n : undefined) }),
    );
    const loads = [...ok.insns.code].flatMap((code, i) =>
      code === 0x18 ? [[ok.insns.src[i], ok.insns.imm[i], ok.insns.imm[i + 1]]] : [],
    );
    expect(loads).toContainEqual([0, 0x82a00000 | 0, -1]);
    expect(loads).toContainEqual([0, 0, 0]);
  });

  test('struct_ops programs find type and member in the kernel', () => {
    const spec = fixture('struct_ops.o');
    const kernelBtf = smallKernel();
    const { attr } = prepareProgram(spec, 'undo', env({ kernelBtf }));
    expect(kernelBtf.name(attr.attach_btf_id!)).toBe('tcp_congestion_ops');
    expect(attr.expected_attach_type).toBe(1);
  });

  test('a big-endian object is refused by name', () => {
    expect(() => prepareProgram(fixture('simple-eb.o'), 'count', env())).toThrow(
      /EOPNOTSUPP: the object is big-endian/,
    );
  });

  test('objects without BTF load without type information', () => {
    const { attr } = prepareProgram(fixture('legacy.o'), 'filter', env({ btfFd: 0 }));
    expect(attr.func_info).toBeUndefined();
    expect(attr.kern_version).toBe(0x060c00);
  });
});
