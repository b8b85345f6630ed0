/** Where execution stands: in a sleepable program, under RCU, in a section that must not sleep (in_sleepable, in_rcu_cs). */
import type { VerifierEnv } from '../env.ts';

/** in_sleepable: what is being explored may sleep in principle. A timer's callback may not, whatever the program that sets it. */
export const inSleepable = (env: VerifierEnv): boolean => env.state.inSleepable;

/** in_rcu_cs: RCU protects what is read here. */
export const inRcuCs = (env: VerifierEnv): boolean =>
  env.state.activeRcuLocks > 0 || env.state.activeLocks > 0 || !inSleepable(env);

/** in_sleepable_context: sleeping is allowed at this very instruction. */
export const inSleepableContext = (env: VerifierEnv): boolean =>
  env.state.activeRcuLocks === 0 &&
  env.state.activePreemptLocks === 0 &&
  env.state.activeLocks === 0 &&
  env.state.activeIrqId === 0 &&
  inSleepable(env);
