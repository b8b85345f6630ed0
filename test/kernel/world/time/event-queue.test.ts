/** The order of events: by time, then by insertion, whatever is taken out meanwhile. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventQueue, isEarlier, TimeEvent } from '../../../../src/kernel/world/time/event-queue.ts';

const nothing = (): void => undefined;

function drained(queue: EventQueue): TimeEvent[] {
  const out: TimeEvent[] = [];
  for (let { first } = queue; first !== undefined; { first } = queue) {
    out.push(first);
    expect(first.cancel()).toBe(true);
  }
  return out;
}

test('events come out as a sorted list would have them, cancelled ones not at all', () => {
  const time = fc.record({ lo: fc.constantFrom(0, 1, 2, 0xffff_ffff), hi: fc.constantFrom(0, 1, 0x7fff_ffff) });
  fc.assert(
    fc.property(fc.array(fc.record({ time, cancelled: fc.boolean() }), { maxLength: 60 }), (wanted) => {
      const queue = new EventQueue();
      const events = wanted.map(({ time: { lo, hi } }, seq) => {
        const event = new TimeEvent(queue, { lo, hi, seq, cpu: 0 }, nothing);
        queue.push(event);
        return event;
      });
      for (const [i, { cancelled }] of wanted.entries()) if (cancelled) expect(events[i].cancel()).toBe(true);
      const kept = events.filter((_, i) => !wanted[i].cancelled);
      expect(queue.size).toBe(kept.length);
      const sorted = [...kept].sort((a, b) => (isEarlier(a, b) ? -1 : 1));
      expect(drained(queue).map((e) => e.seq)).toEqual(sorted.map((e) => e.seq));
      expect(events.filter((e) => e.pending || e.cancel())).toEqual([]);
    }),
  );
});
