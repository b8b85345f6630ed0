/** The allocator: blocks never overlap, come zeroed, respect the budget, and all memory comes back. */
import { describe, expect, test } from 'vitest';
import { Allocator } from '../../../src/kernel/mem/allocator.ts';
import { layoutMemory, STACK_SIZE } from '../../../src/kernel/mem/layout.ts';
import { KernelMemory, NULL_REGION } from '../../../src/kernel/mem/memory.ts';
import { InternalError } from '../../../src/util/errors.ts';
import { xorshift } from '../maps/setup.ts';

const START = 1 << 20;
const END = 4 << 20;

test.each([false, true])('random blocks do not overlap, are aligned and zeroed, in shared memory: %s', (shared) => {
  const mem = new KernelMemory(END, { shared });
  const heap = new Allocator(mem, START, END);
  const random = xorshift(7);
  const live: { addr: number; size: number }[] = [];
  for (let step = 0; step < 4000; step++) {
    if (random() % 5 < 3 || live.length === 0) {
      const size = random() % 3 === 0 ? random() % 60_000 : random() % 600;
      const align = 8 << (random() % 5);
      const addr = heap.alloc(size, align);
      if (addr === 0) continue;
      expect(addr % align).toBe(0);
      expect(addr >= START && addr + size <= END).toBe(true);
      const overlaps = live.some((other) => size > 0 && addr < other.addr + other.size && other.addr < addr + size);
      expect(overlaps).toBe(false);
      expect(mem.u8.subarray(addr, addr + size).every((b) => b === 0)).toBe(true);
      mem.u8.fill(0xff, addr, addr + size);
      live.push({ addr, size });
    } else {
      const [block] = live.splice(random() % live.length, 1);
      heap.free(block.addr);
    }
  }
  for (const { addr } of live) heap.free(addr);
  expect(heap.used).toBe(0);
  expect(heap.blocks).toBe(0);
});

describe.each([false, true])('the books in shared memory: %s', (shared) => {
  test('grow with the blocks: 100,000 live ones come back one by one', () => {
    const mem = new KernelMemory(64 << 20, { shared });
    const heap = new Allocator(mem, START, mem.size);
    const random = xorshift(11);
    const sizes = Array.from({ length: 100_000 }, () => 1 + (random() % 300));
    const live = sizes.map((size) => heap.alloc(size));
    expect(new Set(live).size).toBe(sizes.length);
    expect(live).not.toContain(0);
    expect(heap.blocks).toBe(sizes.length);
    // In an order of its own.
    for (let i = 0; i < live.length; i++) heap.free(live[(i * 7919) % live.length]);
    expect([heap.used, heap.blocks]).toEqual([0, 0]);
    for (let i = 0; i < 1000; i++) expect(heap.alloc(1 + (random() % 300))).not.toBe(0);
  });

  test('are gone back to: what follows gets the same addresses', () => {
    const mem = new KernelMemory(16 << 20, { shared });
    const heap = new Allocator(mem, START, mem.size);
    const live: number[] = [];
    const life = (seed: number, steps: number): readonly number[] => {
      const random = xorshift(seed);
      const got: number[] = [];
      for (let i = 0; i < steps; i++) {
        if (random() % 3 === 0 && live.length > 0) heap.free(live.splice(random() % live.length, 1)[0]);
        else {
          const addr = heap.alloc(random() % (random() % 4 ? 300 : 9000), 8 << (random() % 5));
          got.push(addr);
          if (addr !== 0) live.push(addr);
        }
      }
      return got;
    };
    life(3, 2000);
    const before = live.slice();
    const restore = heap.save();
    const first = [life(4, 3000), heap.used, heap.blocks, heap.written];
    for (let round = 0; round < 2; round++) {
      life(5 + round, 20_000);
      restore();
      live.splice(0, live.length, ...before);
      expect([life(4, 3000), heap.used, heap.blocks, heap.written]).toEqual(first);
    }
  });

  test('may be full before the memory is: what is given back can be had again', () => {
    const heap = new Allocator(new KernelMemory(END, { shared }), START, END, undefined, 50);
    const live: number[] = [];
    for (let addr = heap.alloc(16); addr !== 0; addr = heap.alloc(16)) live.push(addr);
    expect(live.length).toBeGreaterThan(40);
    expect(live.length).toBeLessThanOrEqual(50);
    heap.free(live[7]);
    expect(heap.alloc(16)).toBe(live[7]);
    expect(heap.alloc(5000)).not.toBe(0);
  });

  test('a block is freed once', () => {
    const heap = new Allocator(new KernelMemory(END, { shared }), START, END);
    for (const size of [48, 5000]) {
      const addr = heap.alloc(size);
      heap.free(addr);
      expect(() => heap.free(addr)).toThrow(InternalError);
      expect(() => heap.free(addr + 8)).toThrow(InternalError);
    }
  });
});

test('the budget is charged before anything is taken', () => {
  const mem = new KernelMemory(END);
  const heap = new Allocator(mem, START, END, 100_000);
  expect(heap.alloc(100_001)).toBe(0);
  const addr = heap.alloc(90_000);
  expect(addr).not.toBe(0);
  expect(heap.alloc(20_000)).toBe(0);
  heap.free(addr);
  expect(heap.alloc(99_000)).not.toBe(0);
});

test('sizes that no memory has give 0', () => {
  const heap = new Allocator(new KernelMemory(END), START, END);
  for (const size of [END, 2 ** 40, 2 ** 60, Number.POSITIVE_INFINITY, Number.NaN, -1])
    expect(heap.alloc(size)).toBe(0);
  expect(heap.used).toBe(0);
});

test('a large block touches no pages', () => {
  const mem = new KernelMemory(1 << 30);
  const heap = new Allocator(mem, START, mem.size);
  const before = process.memoryUsage().rss;
  expect(heap.alloc(800 << 20)).not.toBe(0);
  expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20);
});

test('freeing what is no block is a bug of ours', () => {
  const heap = new Allocator(new KernelMemory(END), START, END);
  const addr = heap.alloc(64);
  heap.free(addr);
  expect(() => heap.free(addr)).toThrow(InternalError);
  heap.free(0);
});

describe('layout', () => {
  test('stacks follow each other behind the core', () => {
    const mem = new KernelMemory(8 << 20);
    const layout = layoutMemory(mem, 3);
    expect(layout.stacks.map((s) => s.top - s.base)).toEqual([STACK_SIZE, STACK_SIZE, STACK_SIZE]);
    expect(layout.stacks[0]?.base).toBeGreaterThanOrEqual(2 * NULL_REGION);
    expect(layout.stacks[1]?.base).toBe(layout.stacks[0]?.top);
    expect(layout.stacks[2]?.sp.value).toBe(layout.stacks[2]?.top);
    expect(layout.heapStart).toBe(layout.stacks[2]?.top);
  });
  test('a memory that is too small says so', () => {
    expect(() => layoutMemory(new KernelMemory(1 << 18), 64)).toThrow(RangeError);
    expect(() => layoutMemory(new KernelMemory(1 << 20), 0)).toThrow(RangeError);
  });
});
