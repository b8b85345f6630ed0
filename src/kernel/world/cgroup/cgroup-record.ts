/** What helpers read of a control group: a record of guest memory, which never changes, so that every thread sees the same. */
import type { Allocator } from '../../mem/allocator.ts';
import type { KernelMemory } from '../../mem/memory.ts';

/** Words of a record: halves of its id, steps from the root, guest address of the record above (0 at the root). */
const ID = 0;
const LEVEL = 2;
const PARENT = 3;
const BYTES = 16;

/** Guest address of a new record. @param parent that of the group above, 0 for the root. Throws RangeError when memory is spent. */
export function makeCgroupRecord(mem: KernelMemory, heap: Allocator, id: bigint, parent: number): number {
  const at = heap.alloc(BYTES, 8);
  if (at === 0) throw new RangeError('no memory for a control group');
  const { i32 } = mem;
  i32[(at >>> 2) + ID] = Number(BigInt.asIntN(32, id));
  i32[(at >>> 2) + ID + 1] = Number(BigInt.asIntN(32, id >> 32n));
  i32[(at >>> 2) + LEVEL] = parent === 0 ? 0 : i32[(parent >>> 2) + LEVEL] + 1;
  i32[(at >>> 2) + PARENT] = parent;
  return at;
}

/** The record, of this one and those above it, that lies `level` steps from the root; 0 when there is none. */
export function ancestorRecord({ i32, u32 }: KernelMemory, record: number, level: number): number {
  let at = record;
  while (at !== 0 && i32[(at >>> 2) + LEVEL] > level) at = u32[(at >>> 2) + PARENT];
  return at !== 0 && i32[(at >>> 2) + LEVEL] === level ? at : 0;
}

/** Halves of the id in a record. */
export function idOfRecord({ i32 }: KernelMemory, record: number): readonly [lo: number, hi: number] {
  const at = (record >>> 2) + ID;
  return [i32[at], i32[at + 1]];
}

/** Whether a group is another one, or lies in it: both by their records. */
export const isUnder = (mem: KernelMemory, record: number, above: number): boolean =>
  ancestorRecord(mem, record, mem.i32[(above >>> 2) + LEVEL]) === above;
