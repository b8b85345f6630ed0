/** Kernel versions as parameters: what a profile changes in limits, features and texts. */
import { LIMITS } from './limits.ts';

/** Every limit by name; a profile may have other numbers. */
export type Limits = { readonly [K in keyof typeof LIMITS]: number };

export interface Profile {
  /** `6.18`. */
  readonly name: string;
  readonly limits: Limits;
  readonly features: {
    /** may_goto by time instead of by count. */
    readonly timedMayGoto: boolean;
    /** Private stacks of tracing programs. */
    readonly privateStack: boolean;
    /** Load-acquire and store-release. */
    readonly loadAcquire: boolean;
    /** Indirect jumps and BPF_MAP_TYPE_INSN_ARRAY. */
    readonly indirectJump: boolean;
    /** Uprobes that write registers. */
    readonly uprobeWriteCtx: boolean;
    /** Liveness of registers and stack slots computed before exploration. */
    readonly staticLiveness: boolean;
  };
  readonly texts: {
    /** Precedes a helper's name in the log. */
    readonly unknownHelper: 'unknown';
  };
}

export const PROFILE_6_18: Profile = {
  name: '6.18',
  limits: LIMITS,
  features: {
    timedMayGoto: true,
    privateStack: true,
    loadAcquire: true,
    indirectJump: false,
    uprobeWriteCtx: false,
    staticLiveness: true,
  },
  texts: { unknownHelper: 'unknown' },
};

const PROFILES: ReadonlyMap<string, Profile> = new Map([[PROFILE_6_18.name, PROFILE_6_18]]);

/** The profile of that name, or undefined: callers answer with the list of {@link profileNames}. */
export function findProfile(name: string): Profile | undefined {
  return PROFILES.get(name);
}

export function profileNames(): string[] {
  return [...PROFILES.keys()];
}
