/** The simulated host of one runtime: its time, its devices. Programs see it through helpers and contexts; it knows nothing of them. */
import type { NetDevices } from './net/device.ts';
import type { WorldTime } from './time/time.ts';

/** What a runtime's programs live in. */
export class World {
  /** The guest's clock, and what is to happen by it. */
  readonly time: WorldTime;
  /** Network devices by ifindex. */
  readonly devices: NetDevices;

  constructor(parts: { readonly time: WorldTime; readonly devices: NetDevices }) {
    this.time = parts.time;
    this.devices = parts.devices;
  }
}
