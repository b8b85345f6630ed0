/** What is said where no detector knows better: the explanation of the rejection itself. */
import type { Refused } from '../../verifier/result.ts';
import type { Inquiry } from '../inquiry.ts';
import { storyOf, tell } from '../story.ts';
import { accessOf } from '../trace/access.ts';
import type { Finding } from './cause.ts';

/** The cause is the id of the rejection, `ATTACH.NO_TARGET`. */
export function general(q: Inquiry, refused: Refused): Finding {
  const { why } = refused;
  const stop = why.search(/\.\s/);
  const [explanation, fix] = stop < 0 ? [why, ''] : [why.slice(0, stop + 1), why.slice(stop + 2)];
  const access = q.insn < 0 ? undefined : accessOf(q.env.insns, q.insn);
  const story = access === undefined ? [] : storyOf(q, q.trail(q.reg(access.regno)));
  const fault = q.last < 0 ? [] : [{ step: q.last, event: q.event(q.last, 'fault', refused.message) }];
  return { cause: q.id, label: '', explanation, fix, path: tell([...story, ...fault]) };
}
