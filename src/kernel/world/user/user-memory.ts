/** Memory of processes: bytes that programs reach by user addresses alone. */
import type { Allocator } from '../../mem/allocator.ts';
import type { KernelMemory } from '../../mem/memory.ts';
import type { Rcu } from '../../mem/rcu.ts';
import { StructError } from '../struct-types.ts';

/** Upper half of every address of a process; the lower half is where the bytes lie in guest memory (core/assembly/probe.ts). */
const USER_HALF = 0x7f00n << 32n;

/** Bytes of a process, until they are disposed of. */
export interface UserBytes extends Disposable {
  /** Their address as programs see it: bpf_probe_read_user reads there, bpf_probe_read_kernel does not. */
  readonly addr: bigint;
  /** The bytes themselves. */
  readonly bytes: Uint8Array;
}

/** Puts bytes, or text with its NUL, into the memory of processes. Throws StructError when there is no room. */
export function userBytes(
  { mem, heap, rcu }: { readonly mem: KernelMemory; readonly heap: Allocator; readonly rcu: Rcu },
  content: string | Uint8Array,
): UserBytes {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(`${content}\0`) : content;
  const at = heap.alloc(bytes.length + 1, 8);
  if (at === 0) throw new StructError('no-memory', 'user memory', `no memory for ${bytes.length} bytes`);
  mem.u8.set(bytes, at);
  let held = true;
  return {
    addr: USER_HALF | BigInt(at),
    bytes: mem.u8.subarray(at, at + bytes.length),
    [Symbol.dispose]() {
      if (held) rcu.call(() => heap.free(at));
      held = false;
    },
  };
}
