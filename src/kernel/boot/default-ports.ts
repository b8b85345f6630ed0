/** Host ports from what every JavaScript host has: the clock, random numbers, and a task of pid 1. */
import type { HostPorts } from '../run/env.ts';

const TWO_32 = 0x1_0000_0000;
const PER_TWO_32 = 1 / TWO_32;

/** Ports that a host may override one by one. Trace output goes nowhere unless the host takes it. */
export function defaultPorts(overrides: Partial<HostPorts> = {}): HostPorts {
  const pool = new Uint32Array(256);
  let next = pool.length;
  return {
    ktimeNs(out) {
      // A product and a difference: the remainder of doubles takes ten nanoseconds more.
      const ns = Math.floor(performance.now() * 1e6);
      const high = Math.floor(ns * PER_TWO_32);
      out[0] = ns - high * TWO_32;
      out[1] = high;
    },
    stopwatch: () => performance.now(),
    random32() {
      if (next === pool.length) {
        crypto.getRandomValues(pool);
        next = 0;
      }
      return pool[next++];
    },
    tracePrintk() {},
    current: { pid: 1, tgid: 1, uid: 0, gid: 0, comm: 'skep', cgroupId: 1n },
    ...overrides,
  };
}
