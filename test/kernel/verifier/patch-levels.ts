/** Verdicts that differ within 6.18: the files hold what 6.18.15 says, this table what later patch levels say instead. */

/** By the program's name: the verdict of 6.18.44. */
const LATER: ReadonlyMap<string, string> = new Map([
  // Kernel functions without a mark of their own want trusted pointers there.
  ['res_lock', 'reject EACCES: Possibly NULL pointer passed to trusted arg0'],
  [
    'a struct that nothing vouches for, passed to a function that does not insist',
    'reject EINVAL: R1 must be referenced or trusted',
  ],
]);

/** What a live 6.18 may say of a program: the verdict of the files, or that of a later patch level. */
export function verdictsWithin618(name: string, verdict: string): readonly string[] {
  const later = LATER.get(name);
  return later === undefined ? [verdict] : [verdict, later];
}
