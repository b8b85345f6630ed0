/** Host ports from what every JavaScript host has: the clock, random numbers, and a task of pid 1. */
import type { HostPorts } from '../run/env.ts';
import { hostKtime, hostStopwatch } from '../world/time/clock.ts';

const FIRST_TASK: HostPorts['current'] = { pid: 1, tgid: 1, uid: 0, gid: 0, comm: 'skep', cgroupId: 1n };

/** Ports that a host may override one by one. Trace output goes nowhere unless the host takes it. */
export function defaultPorts(overrides: Partial<HostPorts> = {}): HostPorts {
  const pool = new Uint32Array(256);
  let next = pool.length;
  return {
    ktimeNs: hostKtime,
    stopwatch: hostStopwatch,
    random32() {
      if (next === pool.length) {
        crypto.getRandomValues(pool);
        next = 0;
      }
      return pool[next++];
    },
    tracePrintk() {},
    ...overrides,
    // Programs see the task as it was when the runtime was made.
    current: Object.freeze({ ...(overrides.current ?? FIRST_TASK) }),
  };
}
