/** A capture that is run: its file, its packets pass by pass, and the guest's clock that goes with them. */
import type { VirtualClockOptions } from '../../kernel/world/time/clock.ts';
import type { Capture, CapturedPacket } from '../../net/capture.ts';
import { openCapture } from '../../net/open.ts';
import { inFile, type InputStream, streamInput } from '../shell/files.ts';

const NS_PER_SECOND = 1_000_000_000n;

/** When the packet was seen, in nanoseconds since 1970. */
export const packetTime = (packet: Pick<CapturedPacket, 'seconds' | 'nanoseconds'>): bigint =>
  BigInt(packet.seconds) * NS_PER_SECOND + BigInt(packet.nanoseconds);

export class CaptureFile implements Disposable {
  readonly #input: InputStream;
  readonly capture: Capture;
  /** The pass that has begun with a look at its first packet. */
  #begun: { readonly first: IteratorResult<CapturedPacket>; readonly rest: Iterator<CapturedPacket> } | undefined;

  constructor(readonly path: string) {
    const input = streamInput(path);
    try {
      this.capture = inFile(path, () => openCapture(() => input.open()));
    } catch (e) {
      input[Symbol.dispose]();
      throw e;
    }
    this.#input = input;
  }

  /** Read part of a pass, 0 to 1; 0 where the size is unknown. */
  get part(): number {
    const { size, done } = this.#input;
    return size === 0 ? 0 : Math.min(1, done / size);
  }

  /** A virtual clock that begins when the first packet was seen. */
  startOfClock(): VirtualClockOptions {
    const rest = this.capture[Symbol.iterator]();
    const first = inFile(this.path, () => rest.next());
    this.#begun = { first, rest };
    return first.done === true ? {} : { realtime: packetTime(first.value) };
  }

  /** The next packet by a function that gives undefined behind the last one, from the first one on. */
  pass(): () => CapturedPacket | undefined {
    const begun = this.#begun;
    this.#begun = undefined;
    let looked = begun?.first;
    const rest = begun?.rest ?? this.capture[Symbol.iterator]();
    return () => {
      const next = looked ?? inFile(this.path, () => rest.next());
      looked = undefined;
      return next.done === true ? undefined : next.value;
    };
  }

  [Symbol.dispose](): void {
    this.#input[Symbol.dispose]();
  }
}

/** Moves the guest's clock on from packet to packet. It never goes back: a packet that is older than the one before comes at the same time. */
export class CaptureClock {
  readonly #advance: (ns: bigint) => void;
  #latest: bigint | undefined;

  constructor(advance: (ns: bigint) => void) {
    this.#advance = advance;
  }

  /** A pass begins at the time at which the last one ended. */
  restart(): void {
    this.#latest = undefined;
  }

  /** Whether time passes before this packet. */
  isLater(packet: CapturedPacket): boolean {
    return this.#latest !== undefined && packetTime(packet) > this.#latest;
  }

  moveTo(packet: CapturedPacket): void {
    const time = packetTime(packet);
    if (this.#latest !== undefined && time > this.#latest) this.#advance(time - this.#latest);
    if (this.#latest === undefined || time > this.#latest) this.#latest = time;
  }
}
