/** Memory of processes: read by user addresses, and by no others. */
import { describe, expect, test } from 'vitest';
import { createRuntime } from '../../../../src/kernel/boot/runtime.ts';
import { BPF_FUNC as F } from '../../../../src/uapi/helper-ids.ts';
import { setupHelpers } from '../../helpers/setup.ts';
import { userBytes } from '../../../../src/kernel/world/user/user-memory.ts';

const EFAULT = -14n;
const ERANGE = -34n;

describe('addresses say whose memory it is', () => {
  const s = setupHelpers();
  const env = { mem: s.env.mem, heap: s.maps.allocator, rcu: s.maps.rcu };
  const user = userBytes(env, 'hello');
  const kernel = BigInt(s.put('hello\0'));
  const to = s.put(new Uint8Array(8));
  const read = (id: number, address: bigint): bigint => BigInt.asIntN(64, s.call(id, to, 6, address));

  test.each([
    [F.BPF_FUNC_probe_read_user, 0n, EFAULT],
    [F.BPF_FUNC_copy_from_user, 0n, EFAULT],
    [F.BPF_FUNC_probe_read_kernel, ERANGE, 0n],
    [F.BPF_FUNC_probe_read, 0n, 0n],
    [F.BPF_FUNC_probe_read_user_str, 6n, EFAULT],
    [F.BPF_FUNC_probe_read_kernel_str, ERANGE, 6n],
    [F.BPF_FUNC_probe_read_str, 6n, 6n],
  ])('helper %i', (id, ofUser, ofKernel) => {
    expect(read(id, user.addr)).toBe(ofUser);
    expect(read(id, kernel)).toBe(ofKernel);
  });
});

test('bytes of a world, until they are disposed of', () => {
  using runtime = createRuntime({ memory: 16 << 20 });
  const bytes = runtime.world.user(Uint8Array.of(1, 2, 3));
  expect(bytes.addr >> 32n).toBe(0x7f00n);
  expect([...bytes.bytes]).toEqual([1, 2, 3]);
  bytes[Symbol.dispose]();
  bytes[Symbol.dispose]();
  expect(() => runtime.world.user(new Uint8Array(32 << 20))).toThrow('no memory');
});
