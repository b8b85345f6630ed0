/** What traced calls need of their world. */
import type { KeptStructs } from '../kept-structs.ts';
import type { Structs, StructView } from '../struct-view.ts';
import type { CurrentTask } from '../task/current.ts';
import type { WorldTime } from '../time/time.ts';
import type { ProbeOrder } from './probes.ts';
import type { Registers } from './registers.ts';
import type { AddressSpace } from '../user/address-space.ts';
import type { ArgumentWords } from './words.ts';

export interface TraceEnv {
  readonly structs: Structs;
  readonly kept: KeptStructs;
  readonly time: WorldTime;
  /** The task that runs. */
  readonly current: Pick<CurrentTask, 'tgid'>;
  /** Memory of the process that runs. Throws RangeError in a kernel thread. */
  readonly userSpace: () => AddressSpace;
  /** Registers that the task that runs entered the kernel with. */
  readonly entry: () => StructView;
  /** The process of a task by its pid. */
  readonly processOf: (pid: number) => number | undefined;
  readonly words: ArgumentWords;
  readonly registers: Registers;
  readonly probeOrder: ProbeOrder;
  /** A call into the kernel that may run programs; what they may reach stays until its end. */
  readonly section: { begin(): void; end(): void };
}
