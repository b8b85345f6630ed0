/** Helpers and kernel functions that the runtime has not, as far as proofs need them for programs to go on. */
import type { Btf } from '../../../src/btf/btf.ts';
import { BTF_KIND } from '../../../src/btf/types.ts';
import type { JsHelper } from '../../../src/kernel/run/env.ts';
import type { Linkage } from '../../../src/kernel/run/linkage.ts';
import { INTERNAL_HELPER } from '../../../src/kernel/rules/internal-helpers.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';

/** Adds bpf_iter_num_*, a number that counts up to another in the program's stack, and what LD_ABS and LD_IND become. */
export function withStandIns(
  linkage: Linkage,
  vmlinux: Btf,
  linear: (skb: number) => { readonly data: number; readonly dataEnd: number },
): Linkage {
  const { view } = linkage.env.mem;
  const result = (frame: number, lo: number): void => {
    view.setInt32(frame, lo, true);
    view.setInt32(frame + 4, lo >> 31, true);
  };
  const arg = (frame: number, n: number): number => view.getInt32(frame + 8 * n, true);
  const ops: Readonly<Record<string, (frame: number) => void>> = {
    bpf_iter_num_new(frame) {
      const [it, start, end] = [arg(frame, 1) >>> 0, arg(frame, 2), arg(frame, 3)];
      const bad = start > end ? -22 : end - start > 8 * 1024 * 1024 ? -7 : 0;
      view.setInt32(it, bad === 0 ? start - 1 : 0, true);
      view.setInt32(it + 4, bad === 0 ? end : 0, true);
      result(frame, bad);
    },
    bpf_iter_num_next(frame) {
      const it = arg(frame, 1) >>> 0;
      const next = view.getInt32(it, true) + 1;
      const going = next < view.getInt32(it + 4, true);
      view.setInt32(it, going ? next : 0, true);
      if (!going) view.setInt32(it + 4, 0, true);
      view.setInt32(frame, going ? it : 0, true);
      view.setInt32(frame + 4, 0, true);
    },
    bpf_iter_num_destroy() {},
  };
  const load = (size: number): JsHelper => {
    const read = size === 1 ? view.getUint8 : size === 2 ? view.getUint16 : view.getUint32;
    return (frame) => {
      const { data, dataEnd } = linear(arg(frame, 1) >>> 0);
      const off = arg(frame, 2);
      const inside = off >= 0 && data + off + size <= dataEnd;
      // Network byte order becomes the host's: a big-endian load.
      view.setUint32(frame, inside ? read.call(view, data + off) : -ERRNO.EFAULT, true);
      view.setUint32(frame + 4, inside ? 0 : -1, true);
    };
  };
  const loads = new Map([
    [INTERNAL_HELPER.skb_load_helper_8 as number, load(1)],
    [INTERNAL_HELPER.skb_load_helper_16, load(2)],
    [INTERNAL_HELPER.skb_load_helper_32, load(4)],
  ]);
  const byId = new Map(Object.entries(ops).map(([name, fn]) => [vmlinux.find(name, BTF_KIND.FUNC), fn]));
  return {
    ...linkage,
    helper(id) {
      const fn = loads.get(id);
      return fn === undefined ? linkage.helper(id) : { kind: 'js', fn };
    },
    kfunc(id, fdIndex) {
      const fn = byId.get(id);
      return fn === undefined ? linkage.kfunc(id, fdIndex) : { kind: 'js', fn };
    },
  };
}
