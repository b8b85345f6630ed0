/** Offers of a kernel inside this process beside bpf(2): calls of its programs without the cost of a test run, and its verifier's figures. */

/** Effort of one verification, as the last line of the verifier's log counts it. */
export interface VerifierStats {
  /** Instructions walked, over all paths. */
  insnsProcessed: number;
  /** Most states remembered at one instruction. */
  maxStatesPerInsn: number;
  /** States made. */
  totalStates: number;
  /** Most states alive at once. */
  peakStates: number;
  /** Wall clock, microseconds. */
  timeUs: number;
  /** Bytes of stack of each subprogram. */
  stackDepths: number[];
}

/** Result of a run on context bytes. */
export interface ContextRun {
  /** r0 as two 32-bit halves. */
  readonly r0: readonly [lo: number, hi: number];
  /** The context as the program left it. */
  readonly ctx: Uint8Array;
}

/** Settings of a {@link PacketRunner}. */
export interface PacketRunnerOptions {
  /** Longest packet in bytes. Default: 65,550. */
  readonly capacity?: number;
  /** Device that packets come from. Default: 1, the loopback device. */
  readonly ifindex?: number;
  /** Receive queue of that device. Default: 0. */
  readonly rxQueue?: number;
}

/** Runs one program over packets. Views that it hands out are valid until the next run. */
export interface PacketRunner extends Disposable {
  /** Longest packet that it takes, in bytes. */
  readonly capacity: number;
  /** Runs on a copy of the packet: r0, low 32 bits unsigned. Throws RangeError for packets beyond {@link capacity}. */
  run(packet: Uint8Array): number;
  /** The packet as the last run left it. */
  packet(): Uint8Array;
  /** Runs on each packet; verdicts[i] is r0. Redirects are not told apart: use {@link run} where they matter. */
  runBatch(packets: readonly Uint8Array[], verdicts: Uint32Array): void;
  /** Packet `i` of the last batch's last chunk of {@link batchSize}, as it was left. */
  batchPacket(i: number): Uint8Array;
  /** Packets that one call of compiled code takes. */
  readonly batchSize: number;
  /**
   * Copies a capture into kernel memory, a context and a frame for each packet, to be run over any number of times.
   * Throws RangeError when memory does not hold it.
   */
  prepare(packets: readonly Uint8Array[]): PreparedPackets;
}

/** A capture in kernel memory. Nothing is copied by a run: packets stay as the last one left them until {@link reset}. */
export interface PreparedPackets extends Disposable {
  /** Number of packets. */
  readonly length: number;
  /** r0 of each packet in the last run: a view of kernel memory. */
  readonly verdicts: Uint32Array;
  /** Runs on packets `from` to `to` (by default all), in one call of compiled code. */
  run(from?: number, to?: number): void;
  /** Packet `i` as it is now. */
  packet(i: number): Uint8Array;
  /** Puts every packet back to what it was when it was prepared. */
  reset(): void;
}

/** A loaded program seen from its own process. */
export interface EmbeddedProgram {
  /** Engine of the next run: `interp` until background compilation is done. */
  readonly engine: 'jit' | 'interp';
  /** Effort of its verification. */
  readonly stats: VerifierStats;
  /** Bytes of generated WebAssembly, 0 for interpreted programs. */
  readonly codeSize: number;
  /** Instructions executed in all runs so far; undefined for compiled programs. */
  readonly executed: number | undefined;
  /** Whether {@link runner} serves its type. */
  readonly takesPackets: boolean;
  /** Fewest bytes that {@link runContext} takes. Throws ProgramAbort when the type has no context here. */
  readonly contextSize: number;
  /** Resolves when it is compiled; what the JIT refuses stays interpreted. */
  compiled(): Promise<void>;
  /** One call on a copy of context bytes in the layout of user space. */
  runContext(ctx: Uint8Array): ContextRun;
  /** The fast path over packets. Throws RangeError when the program type takes none, or there is no such device. */
  runner(options?: PacketRunnerOptions): PacketRunner;
}

/** Pages of a map, shared with its kernel until they are disposed of, which keeps the map alive (mmap(2)). */
export interface MappedPages extends Disposable {
  /** The pages themselves, not to be touched after disposal. */
  readonly bytes: Uint8Array;
}

/** Samples of one CPU that programs sent with bpf_perf_event_output. */
export interface PerfRing extends Disposable {
  /** Hands over all samples since the last call, and gives how many found no room meanwhile. */
  read(take: (data: Uint8Array) => void): number;
}
