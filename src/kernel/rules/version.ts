/** Kernel versions in rows: written as `6.18`, compared as numbers. */

/** A release of Linux: `5.10`, `6.18`. */
export type VersionName = `${number}.${number}`;

/** In which kernels a row holds. */
export interface Versioned {
  /** The first release that has it. */
  readonly since: VersionName;
  /** The first release that no longer has it. */
  readonly until?: VersionName;
}

/** A version as a number that orders as versions do: `6.18` is 6018. */
export function versionNumber(name: VersionName): number {
  const dot = name.indexOf('.');
  return Number(name.slice(0, dot)) * 1000 + Number(name.slice(dot + 1));
}

/** Whether a row holds in a version, given as a number. */
export function holdsIn(row: Versioned, version: number): boolean {
  if (versionNumber(row.since) > version) return false;
  return row.until === undefined || version < versionNumber(row.until);
}
