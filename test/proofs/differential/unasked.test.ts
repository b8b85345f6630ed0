/** Which generated programs no kernel is asked about. */
import { describe, expect, test } from 'vitest';
import { assembleProgram } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { generateAny } from './callback-loop.ts';
import { programSeed } from './rng.ts';
import { KernelSide } from './sides.ts';
import { unaskedReason } from './unasked.ts';

const insnsOf = (text: string): Uint8Array => encodeInsns(assembleProgram(text).insns);
const reason = (text: string): string | undefined => unaskedReason({ insns: insnsOf(text) });
const LOOP = 'r1 = 5\n r2 = func[cb]\n r3 = 0\n r4 = 0\n call bpf_loop\n r0 = 0\n exit\n';
const TURN = 'r0 = 0\n exit\n';
const ITERATE = 'call bpf_kfunc#1\n';

describe('what verifying may harm a kernel', () => {
  test.each([
    ['an iterator in a callback', `${LOOP} cb: ${ITERATE} ${TURN}`],
    ['an iterator in a callback', `${LOOP} cb: call f\n ${TURN} f: ${ITERATE} ${TURN}`],
    ['a packet load or a tail call may leave a function', `call f\n exit\n f: r0 = *(u8 *)skb[0]\n ${TURN}`],
    ['a packet load or a tail call may leave a function', `call f\n exit\n f: r0 = *(u16 *)skb[r1 + 4]\n ${TURN}`],
    ['a packet load or a tail call may leave a function', `call f\n exit\n f: call bpf_tail_call\n ${TURN}`],
  ])('%s: %j', (why, text) => {
    expect(reason(text)).toBe(why);
  });
  test.each([
    `${ITERATE} ${LOOP} cb: ${TURN}`,
    `r0 = *(u8 *)skb[0]\n call bpf_tail_call\n call f\n exit\n f: ${ITERATE} ${TURN}`,
    `${LOOP} cb: ${TURN} f: ${TURN}`,
  ])('nothing of that: %j', (text) => {
    expect(reason(text)).toBeUndefined();
  });
});

test('the generator makes some, and a kernel is not given them', () => {
  const some = Array.from({ length: 3000 }, (_, i) => generateAny(programSeed(1, i))).filter((g) => unaskedReason(g));
  expect(some.length).toBeGreaterThan(5);
  let asked = 0;
  const kernel = { bpf: () => (asked++, 100), close: () => 0 } as unknown as ConstructorParameters<
    typeof KernelSide
  >[0];
  const side = new KernelSide(
    kernel,
    (_, run) => run(),
    () => undefined,
  );
  asked = 0;
  for (const g of some) expect(() => side.ask(g, 1)).toThrow('is for no kernel');
  expect(asked).toBe(0);
});
