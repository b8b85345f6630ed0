/** A run in single steps shows where it stands: instruction, registers, call stack. */
import { expect, it } from 'vitest';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { interpret, type Stepper, unverified } from '../../../src/kernel/interp/index.ts';
import { linkage } from './engine.ts';

const SOURCE = `
  r6 = 7
  r1 = 5
  call double
  r0 += r6
  exit
double:
  r0 = r1
  r0 += r1
  exit`;

it('shows registers and callers at every instruction', () => {
  const program = interpret(unverified(assemble(SOURCE)), linkage());
  const run = program.start(0);
  const seen: string[] = [];
  const show = (at: Stepper): string =>
    `${at.origin}: ${at.frames.map((f) => `${f.at} r6=${f.regs[12]} from r${f.from}`).join(', ')}`;
  do seen.push(show(run));
  while (!run.step());
  expect(seen).toEqual([
    '0: 0 r6=0 from r0',
    '1: 1 r6=7 from r0',
    '2: 2 r6=7 from r0',
    '5: 2 r6=7 from r6, 5 r6=7 from r0',
    '6: 2 r6=7 from r6, 6 r6=7 from r0',
    '7: 2 r6=7 from r6, 7 r6=7 from r0',
    '3: 3 r6=7 from r0',
    '4: 4 r6=7 from r0',
  ]);
  expect(run.reg(0)).toEqual([0, 17]);
  expect(run.steps).toBe(8);
  program.close(run);
});

it('names instructions of the original program where slots moved', () => {
  const moved = { ...unverified(assemble('r0 = 1\nr0 += 1\nexit')), origin: Int32Array.of(10, 10, 12) };
  const origins: number[] = [];
  const program = interpret(moved, linkage(), { observe: (at) => void origins.push(at.origin) });
  expect(program.run(0)).toBe(2);
  expect(origins).toEqual([10, 10, 12]);
});
