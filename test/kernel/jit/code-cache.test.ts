/** Code of a program loaded again is found by its tag, told apart when it differs, accounted and evicted. */
import { describe, expect, it } from 'vitest';
import { CodeCache, weightOf } from '../../../src/kernel/jit/index.ts';
import { compile, makeLink, programOf, r0Of, type Row } from './support.ts';

const returns = (value: number, tag: string) =>
  programOf([[0xb7, 0, 0, 0, value] as Row, [0x95] as Row], { tag: { hex: tag } });
/** What an entry of such a program counts for. */
const weight = (codeSize: number): number => weightOf({ codeSize, program: returns(1, 'a') });

describe('code cache', () => {
  it('gives the same code to the same program, with a result cell of its own', () => {
    const link = makeLink();
    const cache = new CodeCache();
    const first = compile(link, returns(1, 'a'), { cache });
    const second = compile(link, returns(1, 'a'), { cache });
    expect([cache.hits, cache.misses, cache.size, cache.bytes]).toEqual([1, 1, 1, weight(first.codeSize)]);
    expect(second.codeSize).toBe(first.codeSize);
    expect(second.wasm).toBeUndefined();
    expect(second.retAddr).not.toBe(first.retAddr);
    first.run(0);
    link.mem.view.setBigUint64(first.retAddr, 7n, true);
    expect(second.run(0)).toBe(1);
    expect([r0Of(link, first), r0Of(link, second)]).toEqual([7n, 1n]);
    first.dispose();
    expect(second.run(0)).toBe(1);
  });

  it('compares instructions, not tags alone', () => {
    const link = makeLink();
    const cache = new CodeCache();
    expect(compile(link, returns(1, 'a'), { cache }).run(0)).toBe(1);
    expect(compile(link, returns(2, 'a'), { cache }).run(0)).toBe(2);
    expect(compile(link, returns(2, 'a'), { cache }).run(0)).toBe(2);
    expect([cache.hits, cache.size]).toEqual([1, 1]);
  });

  it('drops what was used longest ago', () => {
    const link = makeLink();
    const { codeSize } = compile(link, returns(1, 'a'));
    const cache = new CodeCache(2 * weight(codeSize));
    for (const tag of ['a', 'b', 'a', 'c']) compile(link, returns(1, tag), { cache });
    expect([cache.size, cache.bytes]).toEqual([2, 2 * weight(codeSize)]);
    compile(link, returns(1, 'a'), { cache });
    expect(cache.hits).toBe(2);
    compile(link, returns(1, 'b'), { cache });
    expect(cache.hits).toBe(2);
    cache.evict();
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
  });

  it('does not share code with slots of its own', () => {
    const link = makeLink();
    const cache = new CodeCache();
    // bpf_loop over a callback.
    const rows: Row[] = [
      [0xb7, 1, 0, 0, 3],
      [0x18, 2, 4, 0, 5],
      [0],
      [0xb7, 3],
      [0xb7, 4],
      [0x85, 0, 0, 0, 181],
      [0x95],
      [0xb7, 0],
      [0x95],
    ];
    const exe = compile(link, programOf(rows, { tag: { hex: 'loop' } }), { cache });
    expect(exe.run(0)).toBe(3);
    expect(cache.size).toBe(0);
  });
});
