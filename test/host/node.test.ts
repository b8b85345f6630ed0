/** The Node host: kernel types from where they are, a clock that does not go back. */
import { describe, expect, test } from 'vitest';
import { loadKernelBtf, nodePorts, openRuntime } from '../../src/host/node.ts';
import { BTF_KIND } from '../../src/btf/types.ts';

describe('node host', () => {
  test('the packaged kernel types', async () => {
    const { btf, from } = await loadKernelBtf({ packaged: true });
    expect(from).toBe('packaged 6.18 x86_64');
    expect(btf.find('task_struct', BTF_KIND.STRUCT)).toBeGreaterThan(0);
  });

  test('a file that is no BTF', async () => {
    await expect(loadKernelBtf({ btf: new URL(import.meta.url).pathname })).rejects.toThrow('BTF');
    await expect(loadKernelBtf({ btf: '/no/such/file' })).rejects.toThrow('ENOENT');
  });

  test('the clock', () => {
    const ports = nodePorts();
    const [a, b] = [new Int32Array(2), new Int32Array(2)];
    ports.ktimeNs?.(a);
    ports.ktimeNs?.(b);
    const ns = (halves: Int32Array): number => (halves[1] >>> 0) * 2 ** 32 + (halves[0] >>> 0);
    expect(ns(b)).toBeGreaterThanOrEqual(ns(a));
  });

  test('a runtime with all of it', async () => {
    const runtime = await openRuntime({ memory: 64 << 20, cpus: 4 });
    expect(runtime.kernel.possibleCpus).toBe(4);
    expect(runtime.kernelBtf()?.find('xdp_buff', BTF_KIND.STRUCT)).toBeGreaterThan(0);
  });
});
