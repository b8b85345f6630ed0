/** Running mutually recursive generators on a heap-allocated stack: depth is bounded by memory, not by the engine's stack. */

/** A routine that yields the routines it calls and is resumed with their results. */
export type Routine<R> = Generator<Routine<R>, R, R>;

/** Runs a routine and everything that it calls to the end; `tooDeep` throws where calls nest deeper than `most`. */
export function runRoutine<R>(root: Routine<R>, most = Number.POSITIVE_INFINITY, tooDeep?: () => never): R {
  const stack: Routine<R>[] = [root];
  let result: R | undefined;
  while (stack.length > 0) {
    const step = stack[stack.length - 1].next(result as R);
    if (step.done) {
      stack.pop();
      result = step.value;
    } else {
      if (stack.length > most) tooDeep?.();
      stack.push(step.value);
      result = undefined;
    }
  }
  return result as R;
}
