/** The guest's time: what clocks say, when events happen and in which order, and that the host's clock runs them on its own. */
import { describe, expect, test } from 'vitest';
import { WorldTime } from '../../../../src/kernel/world/time/time.ts';

const SECOND = 1_000_000_000n;
const noHost = {
  ktimeNs(): void {
    throw new Error('the host is not asked');
  },
};
const virtual = (boot = SECOND, cpus = 2): WorldTime =>
  new WorldTime({ clock: { boot, realtime: 5n * SECOND }, ports: noHost, cpus });

/** A host whose clock is a variable, and what asked to be woken. */
class Host {
  ns = 1000n;
  readonly waiting = new Map<number, { readonly ms: number; readonly run: () => void }>();
  #next = 0;
  readonly ktimeNs = (out: Int32Array): void => {
    out[0] = Number(BigInt.asIntN(32, this.ns));
    out[1] = Number(this.ns >> 32n);
  };
  readonly wakeAfter = (ms: number, run: () => void): (() => void) => {
    const id = this.#next++;
    this.waiting.set(id, { ms, run });
    return () => this.waiting.delete(id);
  };
  /** The only wish of the pump. */
  wish(): { readonly ms: number; readonly run: () => void } {
    expect(this.waiting.size).toBe(1);
    const [[id, wish]] = this.waiting;
    this.waiting.delete(id);
    return wish;
  }
}

describe('a virtual clock', () => {
  test('stands still until it is advanced', () => {
    const time = virtual();
    expect([time.now(), time.now(), time.boot(), time.tai()]).toEqual([SECOND, SECOND, SECOND, 5n * SECOND]);
    expect(time.advance(3n * SECOND)).toBe(0);
    expect([time.now(), time.tai(), time.halves()]).toEqual([4n * SECOND, 8n * SECOND, [4_000_000_000, 0]]);
    time.advance(SECOND);
    expect(time.halves()).toEqual([705_032_704, 1]);
  });

  test.each([0n, 1n, 3_999_999n, 4_000_000n, 4_294_967_295n, (1n << 53n) + 12_345n, (1n << 63n) - 1n])(
    'coarse time and jiffies at %i ns',
    (ns) => {
      const time = virtual(ns);
      const ticks = ns / 4_000_000n;
      expect(time.coarse()).toBe(ticks * 4_000_000n);
      expect(time.jiffies()).toBe(BigInt((-300 * 250) >>> 0) + ticks);
    },
  );

  test('does not go backwards or beyond the end of time', () => {
    const time = virtual();
    expect(() => time.advance(-1n)).toThrow(RangeError);
    expect(() => time.advance(1n << 63n)).toThrow(RangeError);
    expect(time.now()).toBe(SECOND);
  });
});

describe('events', () => {
  test('happen at their times, those of one time in the order of their making, on all CPUs', () => {
    const time = virtual(0n);
    const said: string[] = [];
    const say = (what: string) => () => void said.push(`${what} at ${time.now()}`);
    time.at(20n, 1, say('c'));
    time.at(10n, 0, say('a'));
    time.at(20n, 0, say('d'));
    time.at(10n, 1, say('b'));
    time.at(31n, 0, say('never'));
    expect(time.pending).toBe(5);
    expect(time.advance(30n)).toBe(4);
    expect(said).toEqual(['a at 10', 'b at 10', 'c at 20', 'd at 20']);
    expect([time.now(), time.pending]).toEqual([30n, 1]);
  });

  test('that are cancelled do not happen, by an event before them either', () => {
    const time = virtual(0n);
    const said: string[] = [];
    const second = time.at(2n, 0, () => void said.push('second'));
    const first = time.at(1n, 0, () => {
      said.push(`first ${first.pending} ${first.cancel()} ${second.cancel()}`);
    });
    const third = time.at(3n, 0, () => void said.push('third'));
    expect([first.pending, third.cancel(), third.cancel(), third.pending]).toEqual([true, true, false, false]);
    time.advance(10);
    expect(said).toEqual(['first false false true']);
  });

  test('may ask for more, which is due a nanosecond later at the earliest', () => {
    const time = virtual((1n << 32n) - 2n, 1);
    const at: bigint[] = [];
    const again = (): void => {
      at.push(time.now());
      time.at(0n, 0, again);
    };
    time.at(0n, 0, again);
    expect(time.advance(4n)).toBe(5);
    expect(at).toEqual([0n, 1n, 2n, 3n, 4n].map((ns) => (1n << 32n) - 2n + ns));
  });

  test('of the past happen at once', () => {
    const time = virtual();
    let at = 0n;
    time.at(5n, 0, () => (at = time.now()));
    expect(time.advance(0)).toBe(1);
    expect(at).toBe(SECOND);
  });

  test('that throw end the advance at their time; the rest is still to come', () => {
    const time = virtual(0n);
    const said: bigint[] = [];
    time.at(5n, 0, () => {
      throw new Error('stopped');
    });
    time.at(7n, 0, () => void said.push(time.now()));
    expect(() => time.advance(10n)).toThrow('stopped');
    expect([time.now(), time.pending, said]).toEqual([5n, 1, []]);
    expect(time.advance(5n)).toBe(1);
    expect([time.now(), said]).toEqual([10n, [7n]]);
  });

  test('cannot advance time, be on a CPU that there is not, or be before boot', () => {
    const time = virtual(0n);
    time.at(5n, 0, () => void time.advance(1n));
    expect(() => time.advance(10n)).toThrow(RangeError);
    expect(() => time.at(5n, 2, () => undefined)).toThrow('CPU 2');
    expect(() => time.at(-1n, 0, () => undefined)).toThrow(RangeError);
    time.at(1n << 70n, 0, () => undefined);
    expect(time.next).toMatchObject({ lo: 0xffff_ffff, hi: 0x7fff_ffff });
  });

  test('look at the deadline before each of them', () => {
    let looks = 0;
    const poll = (): void => {
      if (++looks === 3) throw new Error('too long');
    };
    const time = new WorldTime({ clock: { boot: 0n }, ports: noHost, cpus: 1, poll });
    const again = (): void => void time.at(0n, 0, again);
    again();
    expect(() => time.advance(SECOND)).toThrow('too long');
    expect(time.pending).toBe(1);
  });
});

describe("the host's clock", () => {
  const hosted = (): { host: Host; time: WorldTime } => {
    const host = new Host();
    return { host, time: new WorldTime({ ports: host, cpus: 1 }) };
  };

  test('goes by itself', () => {
    const { host, time } = hosted();
    expect(time.now()).toBe(1000n);
    host.ns = 1n << 40n;
    expect([time.now(), time.virtual]).toEqual([1n << 40n, false]);
    expect(() => time.advance(1n)).toThrow('virtual clock');
    expect(time.advance(0n)).toBe(0);
  });

  test('wakes the pump for the earliest event, in whole milliseconds and no sooner', () => {
    const { host, time } = hosted();
    const said: string[] = [];
    time.at(9_000_000n, 0, () => void said.push('late'));
    time.at(3_000_000n, 0, () => void said.push('early'));
    time.at(5_000_000n, 0, () => void said.push('middle'));
    const { ms, run } = host.wish();
    expect(ms).toBe(3);
    host.ns = 5_000_000n;
    run();
    expect(said).toEqual(['early', 'middle']);
    const next = host.wish();
    expect(next.ms).toBe(4);
    // Woken too early, it waits for the rest.
    next.run();
    expect([said.length, host.wish().ms]).toEqual([2, 4]);
  });

  test('goes on after an event that throws', () => {
    const { host, time } = hosted();
    const said: string[] = [];
    time.at(1000n, 0, () => {
      throw new Error('stopped');
    });
    time.at(1000n, 0, () => void said.push('second'));
    expect(host.wish().run).toThrow('stopped');
    host.wish().run();
    expect([said, host.waiting.size]).toEqual([['second'], 0]);
  });

  test('waits for nothing once the runtime has ended', () => {
    const { host, time } = hosted();
    time.at(1n << 62n, 0, () => undefined);
    expect([...host.waiting.values()].map((w) => w.ms)).toEqual([0x7fff_ffff]);
    time[Symbol.dispose]();
    expect([host.waiting.size, time.pending]).toEqual([0, 0]);
  });

  test('of this JavaScript host runs events too', async () => {
    const time = new WorldTime({ ports: { ktimeNs: (out) => void out.fill(7) }, cpus: 1 });
    const at = await new Promise<bigint>((done) => time.at(0n, 0, () => done(time.now())));
    expect(at).toBe((7n << 32n) | 7n);
  });
});
