/** One call into the kernel that runs programs: what the deadline bounds, and what keeps all that the programs may reach. */
import type { HookEnv } from './env.ts';

/** Calls inside of another one, from a port of the host, belong to it. */
export function inCall<R>({ rcu, deadline }: Pick<HookEnv, 'rcu' | 'deadline'>, work: () => R): R {
  if (!rcu.locked) deadline.reset();
  rcu.lock();
  try {
    return work();
  } finally {
    rcu.unlock();
  }
}
