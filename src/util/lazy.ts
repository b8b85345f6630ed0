/** Tables that are built when they are first asked for: a start pays only for those that it reads. */

/** A constant that is made at its first use. */
export function lazy<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** Constants by a number, each made at its first use; numbers that have none are asked again. */
export function lazyRow<T extends object>(make: (index: number) => T | undefined): (index: number) => T | undefined {
  const made: (T | undefined)[] = [];
  return (index) => made[index] ?? (made[index] = make(index));
}
