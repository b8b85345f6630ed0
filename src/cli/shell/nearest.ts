/** The word that somebody may have meant. */

/** ` (did you mean WORD?)` with the nearest known word, or '' when none is near. */
export function didYouMean(word: string, known: Iterable<string>): string {
  let best = '';
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const each of known) {
    const edits = distance(word, each, least);
    if (edits < least) [best, least] = [each, edits];
  }
  return best === '' ? '' : ` (did you mean ${best}?)`;
}

/** Longest word that is compared: names of untrusted objects may be long. */
const LONGEST = 128;

/** Insertions, deletions, replacements and swaps of neighbours between two words; `most` when there are as many or more. */
function distance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) >= most || a.length > LONGEST || b.length > LONGEST) return most;
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let edits = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) edits = Math.min(edits, before[j - 2] + 1);
      next.push(edits);
    }
    before = row;
    row = next;
  }
  return Math.min(most, row[b.length]);
}
