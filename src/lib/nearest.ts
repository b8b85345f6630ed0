/** The known names nearest to one that is not known, for messages. */

/** Longer names are cut: a hostile object may name things at any length. */
const LONGEST = 64;

/** Edits (insert, delete, replace, swap of neighbours) that lead from one text to the other. */
export function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const now = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let d = Math.min(last[j] + 1, now[j - 1] + 1, last[j - 1] + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) d = Math.min(d, before[j - 2] + 1);
      now.push(d);
    }
    before = last;
    last = now;
  }
  return last[b.length];
}

/** Up to `count` of `known`, nearest first; those that share nothing with `name` are left out. */
export function nearest(name: string, known: Iterable<string>, count = 3): string[] {
  const wanted = name.slice(0, LONGEST).toLowerCase();
  const scored: { name: string; d: number }[] = [];
  for (const k of new Set(known)) {
    const text = k.slice(0, LONGEST).toLowerCase();
    const prefix = text.startsWith(wanted) || wanted.startsWith(text);
    const d = prefix ? Math.abs(text.length - wanted.length) / 8 : distance(wanted, text);
    if (prefix || d <= Math.max(1, Math.floor(Math.max(wanted.length, text.length) / 3 + 0.5)))
      scored.push({ name: k, d });
  }
  return scored
    .sort((x, y) => x.d - y.d || (x.name < y.name ? -1 : 1))
    .slice(0, count)
    .map((s) => s.name);
}

/** `; did you mean a, b or c?`, or nothing. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const names = nearest(name, known);
  if (names.length === 0) return '';
  const list = names.length === 1 ? names[0] : `${names.slice(0, -1).join(', ')} or ${names[names.length - 1]}`;
  return `; did you mean ${list}?`;
}
