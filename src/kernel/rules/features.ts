/** Behaviour that differs between kernel versions and is no data: a row for each feature, asked in one place. */
import { holdsIn, type Versioned } from './version.ts';

const FEATURES = {
  /** Load-acquire and store-release instructions. */
  loadAcquire: { since: '6.15' },
  /** A may_goto to the next instruction. */
  mayGotoNext: { since: '6.14' },
  /** Functions of tracing programs get a stack of their own, so that call chains may use more than 512 bytes. */
  privateStack: { since: '6.13' },
  /** PROG_LOAD binds every descriptor of fd_array to the program (fd_array_cnt). */
  fdArrayCount: { since: '6.14' },
} as const satisfies Readonly<Record<string, Versioned>>;

export type Features = { readonly [F in keyof typeof FEATURES]: boolean };

/** The features of a kernel version, given as a number. */
export function compileFeatures(version: number): Features {
  return Object.freeze(
    Object.fromEntries(Object.entries<Versioned>(FEATURES).map(([name, row]) => [name, holdsIn(row, version)])),
  ) as Features;
}
