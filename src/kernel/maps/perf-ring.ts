/** Rings of perf events in guest memory: bpf_perf_event_output writes samples to them, the host reads them. */
import type { KernelMemory } from '../mem/memory.ts';

/**
 * Words of a ring, its data behind them. Head and tail count bytes without end; what lies between them is unread. Records are those of
 * PERF_SAMPLE_RAW in size: eight bytes of header, the length of the sample in a word, the sample, and padding to eight bytes.
 */
const HEAD = 0;
const TAIL = 4;
const LOST = 8;
const MASK = 12;
const DATA = 16;
const RECORD_HEADER = 8;
const RECORD_DATA = 12;
const SMALLEST = 64;
const LARGEST = 2 ** 30;

/** Bytes of data of a ring that takes no more than `bytes`: a power of two, as pages of perf_event_open(2). 0 when there is none. */
export function perfRingSize(bytes: number): number {
  return bytes >= SMALLEST ? 2 ** Math.floor(Math.log2(Math.min(bytes, LARGEST))) : 0;
}

/** Bytes that a ring takes with its words. */
export const perfRingBytes = (size: number): number => DATA + size;

/** Makes a ring of zeroed memory. @param size of its data, of {@link perfRingSize} */
export function initPerfRing({ u32 }: Pick<KernelMemory, 'u32'>, ring: number, size: number): void {
  u32[(ring + MASK) >>> 2] = size - 1;
}

/** A sample: bytes of guest memory, and bytes of a packet behind them. */
export interface Sample {
  readonly data: number;
  readonly size: number;
  readonly packet?: Uint8Array | undefined;
}

/** What writing takes: the memory, and a copy inside of it, which is the core's. */
export interface RingMemory {
  readonly mem: KernelMemory;
  readonly copy: (to: number, from: number, size: number) => void;
}

/** Writes a sample. False when the ring has no room: it is counted as lost. */
export function writeSample({ mem, copy }: RingMemory, ring: number, { data, size, packet }: Sample): boolean {
  const { u32 } = mem;
  const length = packet === undefined ? size : size + packet.length;
  const record = (RECORD_DATA + length + 7) & ~7;
  const at = ring >>> 2;
  const head = u32[at + HEAD / 4];
  const mask = u32[at + MASK / 4];
  if (record > mask + 1 - ((head - u32[at + TAIL / 4]) >>> 0)) {
    u32[at + LOST / 4]++;
    return false;
  }
  const start = ring + DATA;
  u32[(start + (head & mask)) >>> 2] = record;
  u32[(start + ((head + RECORD_HEADER) & mask)) >>> 2] = length;
  const to = (head + RECORD_DATA) & mask;
  const first = Math.min(size, mask + 1 - to);
  copy(start + to, data, first);
  if (first < size) copy(start, data + first, size - first);
  if (packet !== undefined) copyPacket(mem, start, packet, (to + size) & mask, mask);
  u32[at + HEAD / 4] = head + record;
  return true;
}

/** Copies bytes to a place of the data at `start`, in two pieces where it ends in between. */
function copyPacket({ u8 }: KernelMemory, start: number, packet: Uint8Array, to: number, mask: number): void {
  const first = Math.min(packet.length, mask + 1 - to);
  u8.set(first === packet.length ? packet : packet.subarray(0, first), start + to);
  if (first < packet.length) u8.set(packet.subarray(first), start);
}

/** Hands over all samples that the ring holds now, and gives how many were lost since the last time. */
export function readSamples(mem: KernelMemory, ring: number, take: (data: Uint8Array) => void): number {
  const { u32 } = mem;
  const at = ring >>> 2;
  const start = ring + DATA;
  const mask = u32[at + MASK / 4];
  const lost = u32[at + LOST / 4];
  u32[at + LOST / 4] = 0;
  const head = u32[at + HEAD / 4];
  for (let tail = u32[at + TAIL / 4]; tail !== head; ) {
    const size = u32[(start + ((tail + RECORD_HEADER) & mask)) >>> 2];
    const from = (tail + RECORD_DATA) & mask;
    const first = Math.min(size, mask + 1 - from);
    const data =
      first === size ? mem.read(start + from, size) : joined(mem, { start, end: start + mask + 1 }, start + from, size);
    tail = (tail + u32[(start + (tail & mask)) >>> 2]) >>> 0;
    // Before it is handed over: what `take` throws loses this sample alone.
    u32[at + TAIL / 4] = tail;
    take(data);
  }
  return lost;
}

/** Bytes of the data between `start` and `end`, from `from` on and then from the start. */
function joined(
  { u8 }: KernelMemory,
  data: { readonly start: number; readonly end: number },
  from: number,
  size: number,
) {
  const out = new Uint8Array(size);
  const first = data.end - from;
  out.set(u8.subarray(from, data.end));
  out.set(u8.subarray(data.start, data.start + size - first), first);
  return out;
}
