/** Hook points: order, verdicts, and hooks that attach, detach, throw and run the same point while it runs. */
import { describe, expect, test } from 'vitest';
import { type Attachment, HookPoint } from '../../../src/kernel/world/hook-point.ts';

/** A point that says who was called. */
class Listened {
  readonly said: string[] = [];
  readonly point = new HookPoint<string>({ idle: undefined });

  add(name: string, then: (event: string) => void = () => undefined): Attachment {
    return this.point.attach((event) => {
      this.said.push(`${name}:${event}`);
      then(event);
    });
  }
  run(event: string): readonly string[] {
    this.said.length = 0;
    this.point.run(event);
    return [...this.said];
  }
}

describe('hooks', () => {
  test('are called in the order of attachment, as long as they are attached', () => {
    const t = new Listened();
    expect([t.point.idle, t.point.size, t.run('x')]).toEqual([true, 0, []]);
    t.add('a');
    const b = t.add('b');
    t.add('c');
    expect([t.point.idle, t.point.size, t.run('x')]).toEqual([false, 3, ['a:x', 'b:x', 'c:x']]);
    expect([b.attached, b.detach(), b.detach(), b.attached]).toEqual([true, true, false, false]);
    expect(t.run('y')).toEqual(['a:y', 'c:y']);
  });

  test('that attach others leave them for the next run', () => {
    const t = new Listened();
    const a = t.add('a', () => {
      a.detach();
      t.add('b');
    });
    t.add('c');
    expect([t.run('1'), t.run('2')]).toEqual([
      ['a:1', 'c:1'],
      ['c:2', 'b:2'],
    ]);
  });

  test.each([0, 1, 2, 3])('that detach number %i lose no other call and double none', (victim) => {
    for (const at of [0, 1, 2, 3]) {
      const t = new Listened();
      const all = [0, 1, 2, 3].map((i) => t.add(`${i}`, () => void (i === at && all[victim].detach())));
      const expected = [0, 1, 2, 3].filter((i) => i !== victim || i <= at).map((i) => `${i}:x`);
      expect(t.run('x')).toEqual(expected);
      expect(t.run('y')).toEqual([0, 1, 2, 3].filter((i) => i !== victim).map((i) => `${i}:y`));
    }
  });

  test('that detach and attach themselves again are called once a run', () => {
    const t = new Listened();
    const again = (): void => {
      own.detach();
      own = t.add('a', again);
    };
    let own = t.add('a', again);
    t.add('b');
    expect([t.run('1'), t.run('2'), t.point.size]).toEqual([['a:1', 'b:1'], ['b:2', 'a:2'], 2]);
  });

  test('that throw end the run and leave nothing behind', () => {
    const t = new Listened();
    t.add('a');
    const b = t.add('b', () => {
      throw new Error('stopped');
    });
    t.add('c');
    expect(() => t.point.run('x')).toThrow('stopped');
    expect(t.said).toEqual(['a:x', 'b:x']);
    b.detach();
    expect(t.run('y')).toEqual(['a:y', 'c:y']);
  });

  test('may run their own point, which goes on where it was', () => {
    const t = new Listened();
    t.add('a');
    const b = t.add('b', (event) => {
      if (event.length < 3) t.point.run(`${event}+`);
      else b.detach();
    });
    t.add('c');
    expect(t.run('x')).toEqual(['a:x', 'b:x', 'a:x+', 'b:x+', 'a:x++', 'b:x++', 'c:x++', 'c:x+', 'c:x']);
    expect(t.run('y')).toEqual(['a:y', 'c:y']);
  });
});

describe('verdicts', () => {
  const said =
    (...verdicts: readonly number[]) =>
    (point: HookPoint<null, number>): readonly [number, number] => {
      let asked = 0;
      for (const verdict of verdicts)
        point.attach(() => {
          asked++;
          return verdict;
        });
      return [point.run(null), asked];
    };

  test('are that of the last hook by default, and the idle one when there is none', () => {
    expect(said()(new HookPoint({ idle: 7 }))).toEqual([7, 0]);
    expect(said(1, 2, 3)(new HookPoint({ idle: 7 }))).toEqual([3, 3]);
  });

  test('may end the run', () => {
    const point = (): HookPoint<null, number> => new HookPoint({ idle: -1, ends: (v) => v !== -1 });
    expect(said(-1, 2, 3)(point())).toEqual([2, 2]);
    expect(said(-1, -1)(point())).toEqual([-1, 2]);
  });

  test('may be joined', () => {
    const point = (): HookPoint<null, number> => new HookPoint({ idle: 1, join: (a, b) => a & b });
    expect([said(1, 0, 1)(point()), said(1, 1)(point())]).toEqual([
      [0, 3],
      [1, 2],
    ]);
  });
});

test('what was attached can be put back', () => {
  const t = new Listened();
  t.add('a');
  const b = t.add('b');
  const back = t.point.save();
  const c = t.add('c');
  b.detach();
  expect(t.run('x')).toEqual(['a:x', 'c:x']);
  back();
  expect([t.run('y'), b.attached, c.attached]).toEqual([['a:y', 'b:y'], true, false]);
  b.detach();
  c.detach();
  expect(t.run('z')).toEqual(['a:z']);
});
