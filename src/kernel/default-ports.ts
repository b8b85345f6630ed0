/** Host ports from what every JavaScript host has: the clock, random numbers, and a task of pid 1. */
import type { HostPorts } from './helpers/env.ts';

const TWO_32 = 0x1_0000_0000;

/** Ports that a host may override one by one. Trace output goes nowhere unless the host takes it. */
export function defaultPorts(overrides: Partial<HostPorts> = {}): HostPorts {
  const pool = new Uint32Array(256);
  let next = pool.length;
  return {
    ktimeNs(out) {
      const ns = Math.round(performance.now() * 1e6);
      out[0] = (ns % TWO_32) | 0;
      out[1] = Math.floor(ns / TWO_32) | 0;
    },
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
