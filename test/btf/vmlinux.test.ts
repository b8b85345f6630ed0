/** The packaged kernel types. */
import { expect, test } from 'vitest';
import { BTF_KIND } from '../../src/btf/types.ts';
import { loadPackagedBtf, PACKAGED_KERNEL } from '../../src/btf/vmlinux/index.ts';

test('unpack to everything of the kernel', async () => {
  const btf = await loadPackagedBtf();
  expect(PACKAGED_KERNEL.version).toBe(0x061200);
  expect(btf.nrTypes).toBe(126_611);
  expect(btf.bytes.length).toBe(5_516_713);
  const xdp = btf.find('xdp_buff', BTF_KIND.STRUCT);
  expect(btf.memberOffset(xdp, 'data_end')?.offset).toBe(8);
  expect(btf.memberOffset(xdp, 'rxq')?.offset).toBe(32);
  expect(btf.memberOffset(btf.find('sk_buff', BTF_KIND.STRUCT), 'protocol')?.offset).toBe(176);
  expect(btf.find('bpf_rcu_read_lock', BTF_KIND.FUNC)).toBeGreaterThan(0);
  expect(btf.declTags(btf.find('bpf_rcu_read_lock', BTF_KIND.FUNC), -1)).toContain('bpf_kfunc');
});
