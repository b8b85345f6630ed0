/** What a column of a C line means. */
import { describe, expect, it } from 'vitest';
import { baseOf, conditionAt, expressionAt } from '../../../../src/kernel/diagnose/source/expression.ts';

/** The expression at the `|` in the line, which is taken out. */
function at(marked: string): string | undefined {
  const column = marked.indexOf('|') + 1;
  return expressionAt(marked.replace('|', ''), column)?.text;
}

describe('the expression at a column', () => {
  it.each([
    ['\teth->h_proto |= bpf_htons(ETH_P_IP);', 'eth->h_proto'],
    ['    return ip->|ttl;', 'ip->ttl'],
    ['    if (a.b[i + 1].|c > 4)', 'a.b[i + 1].c'],
    ['    v = |bpf_map_lookup_elem(&m, &k);', 'bpf_map_lookup_elem(&m, &k)'],
    ['    sum += |d[o + 2];', 'd[o + 2]'],
    ['    return |*p;', '*p'],
    ['    |*n += 1;', '*n'],
    ['    *n |+= 1;', '*n'],
    ['    x = |*(__u32 *)(d + 4);', '*(__u32 *)(d + 4)'],
    ['    if (data |+ 14 > end)', 'data + 14'],
    ['    if ((void *)(eth + 1) |> end)', '(void *)(eth + 1) > end'],
    ['    i|++;', 'i'],
    ['    |return x->y;', 'x->y'],
    ['    f(g(1), h[2])->k |= 3;', 'f(g(1), h[2])->k'],
    ['}', undefined],
    ['|}', undefined],
    ['    s->a[|i] = 1;', 'i'],
  ])('%s', (marked, wanted) => {
    expect(at(marked)).toBe(wanted);
  });

  it('columns outside of the line, and lines that end within brackets, give no more than there is', () => {
    expect(expressionAt('x', 0)).toBeUndefined();
    expect(expressionAt('x', 2)).toBeUndefined();
    expect(expressionAt('', 1)).toBeUndefined();
    expect(at('    f(|g(a,')).toBe('g(a,');
    expect(at('    ((|(((')).toBeDefined();
    expect(at(')))|)')).toBeUndefined();
  });
});

it.each([
  ['eth->h_proto', 'eth'],
  ['ip->a.b', 'ip->a'],
  ['*p', 'p'],
  ['*(__u32 *)d', 'd'],
  ['d[o + 2]', 'd'],
  ['((struct ethhdr *)data)->h_proto', 'data'],
  ['v', 'v'],
  ['*(__u8 *)(long)ctx->data', 'ctx->data'],
])('the pointer behind %s is %s', (text, base) => {
  expect(baseOf(text)).toBe(base);
});

it.each([
  ['    if (e->pid < 1000) return 0;', 8, 'e->pid < 1000'],
  ['    while (n--) {', 12, 'n--'],
  ['    for (int i = 0; i < 10; i++)', 22, 'i < 10'],
  ['    if (a) if (b(c)) x();', 16, 'b(c)'],
  ['    x = y;', 5, undefined],
])('the condition of %s', (line, column, wanted) => {
  expect(conditionAt(line, column)).toBe(wanted);
});
