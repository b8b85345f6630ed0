/** What traced calls need of their world. */
import type { Structs } from '../struct-view.ts';
import type { ArgumentWords } from './words.ts';

export interface TraceEnv {
  readonly structs: Structs;
  readonly words: ArgumentWords;
  /** A call into the kernel that may run programs; what they may reach stays until its end. */
  readonly section: { begin(): void; end(): void };
}
