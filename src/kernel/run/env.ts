/** The ground that helper implementations and engines share: ports of one runtime, and the CPU that programs run on. */
import { InternalError } from '../../util/errors.ts';
import type { KernelMemory } from '../mem/memory.ts';
import type { KernelLayouts } from '../world/layouts.ts';
import type { Wire } from '../world/net/device.ts';
import type { Random } from '../world/random.ts';
import type { CurrentTask, TaskIds } from '../world/task/current.ts';
import type { ClockPorts } from '../world/time/clock.ts';
import type { WorldTime } from '../world/time/time.ts';
import type { Cpu } from './cpu.ts';

/**
 * A helper implemented in TypeScript. Arguments and result lie in the caller's guest frame:
 * r0 at `frame`, r1..r5 at `frame + 8` to `frame + 40`, 64-bit little-endian each. The helper stores r0.
 */
export type JsHelper = (frame: number) => void;
export const FRAME_R0 = 0;
export const FRAME_R1 = 8;
export const FRAME_R2 = 16;
export const FRAME_R3 = 24;
export const FRAME_R4 = 32;
export const FRAME_R5 = 40;
export const FRAME_SIZE = 48;

/**
 * A helper implemented in the wasm core: name of the export, and its signature, one letter an argument, then `:` and the result.
 * `i` low 32 bits, `I` all 64, `W` all 64 as two words, the low one first, `F` 64-bit flags as 32 bits: all ones, which no export
 * knows, when a bit of the upper half is set; results `i` zero-extended i32, `s` sign-extended i32, `I` i64, `v` none (r0 becomes 0).
 */
export interface CoreHelper {
  readonly export: string;
  readonly sig: string;
}

/** Everything outside the kernel that it may touch; the host supplies it. Clocks are read by the world's time alone. */
export interface HostPorts extends ClockPorts {
  /**
   * Milliseconds with a fraction, monotonic: real time, for the runtime's own limits. Deadlines, the time that may_goto grants and
   * the durations of test runs are measured with it. It runs no programs.
   */
  stopwatch(): number;
  /** 32 random bits. */
  random32(): number;
  /** One line of bpf_trace_printk output, without newline. */
  tracePrintk(line: string): void;
  /** The task that runs when the runtime is made. */
  readonly current: Readonly<TaskIds>;
  /**
   * Sends a packet that bpf_clone_redirect copied out of a device, or takes it in on it: 0 or a value of the device, which the helper
   * returns. It is attached to `world.devices.wire`; with nothing there such a program is stopped.
   */
  transmit?(ifindex: number, packet: Uint8Array, ingress: boolean): number;
  /** Return addresses, innermost first, for bpf_get_stack and bpf_get_stackid; -EFAULT without. */
  stackTrace?(user: boolean): readonly bigint[];
}

/** The environment of helpers: one per runtime and CPU. */
export interface HelperEnv {
  readonly mem: KernelMemory;
  readonly host: Omit<HostPorts, keyof ClockPorts | 'transmit' | 'random32' | 'current'>;
  /** The task that runs. */
  readonly current: CurrentTask;
  /** The guest's random numbers. */
  readonly random: Pick<Random, 'next'>;
  /** The guest's clock and its events. */
  readonly time: WorldTime;
  /** The CPU that programs run on; `cpu.run` is the run that a helper is called in. */
  readonly cpu: Cpu;
  /** Instance of the wasm core (exports by name). */
  readonly core: Record<string, (...args: never[]) => unknown>;
  /**
   * Calls the code at a slot of the code table with arguments r1..r5 of `frame` (a frame of FRAME_SIZE bytes in guest memory)
   * and stores its r0 there. Throws what the program throws (abort, deadline).
   */
  invoke(slot: number, frame: number): void;
  /** Allocates and frees scratch guest memory for the length of a helper call. */
  alloc(size: number, align?: number): number;
  free(addr: number): void;
  /** Layouts of kernel structs; without them the packet helpers do not exist. */
  readonly layouts?: KernelLayouts;
  /** Whether there is a network device with this ifindex; none without. */
  hasDevice?(ifindex: number): boolean;
  /** Where devices send packets to; none without. */
  readonly wire?: Wire;
  /** Possible CPUs; 1 when left out. */
  readonly nrCpus?: number;
  /** Throws when the run's deadline has passed; bpf_loop and iterators poll it. */
  checkDeadline(): void;
}

/** The layouts of an environment that has them. */
export function layoutsOf(env: HelperEnv): KernelLayouts {
  if (!env.layouts) throw new InternalError('packet helpers need kernel layouts');
  return env.layouts;
}
