/** A program over every packet of a capture: verdicts counted, what passes written, with progress. */
import { ProgramAbort } from '../../util/errors.ts';
import type { Collection } from '../../lib/collection.ts';
import type { ProgramSpec } from '../../lib/spec.ts';
import type { Program } from '../../lib/program.ts';
import type { Capture, CapturedPacket } from '../../net/capture.ts';
import { LINKTYPE, linkTypeName } from '../../net/capture.ts';
import { PcapWriter } from '../../net/pcap.ts';
import { PcapngWriter } from '../../net/pcapng.ts';
import { InputError } from '../shell/exit.ts';
import type { CollectionEvents } from '../session/events.ts';
import type { Io } from '../shell/io.ts';
import { openOutput, type OutputFile } from '../shell/output-file.ts';
import type { RunReport } from './run-report.ts';
import type { Session } from '../session/session.ts';
import { grouped } from '../verify/verdict-text.ts';
import { type CaptureClock, type CaptureFile } from './capture-file.ts';
import { type VerdictWords, verdictWords } from './verdict-names.ts';

export interface CaptureInput {
  readonly session: Session;
  readonly collection: Collection;
  readonly program: ProgramSpec;
  readonly reader: CollectionEvents | undefined;
  readonly repeat: number;
  readonly io: Io;
  readonly file: CaptureFile;
  /** Moves the guest's clock along with the packets; without it the clock does not know of them. */
  readonly clock: CaptureClock | undefined;
  /** Where passing packets are written. */
  readonly out: string | undefined;
}

interface CaptureResult {
  readonly verdicts: Map<string, number>;
  readonly packets: number;
  readonly bytes: number;
  /** Packets that were written. */
  readonly passed: number;
  /** Packets that the capture cut short. */
  readonly cut: number;
  /** Time spent running programs, with the copying of packets in and out. */
  readonly runMs: number;
  readonly out: string | undefined;
}

/** Packets between two looks at the clock, the rings and the screen. */
const CHUNK = 64;
/** Bytes of output that are written at once. */
const WRITE = 1 << 20;
/** Between two moments in which signals are heard. */
const BREATH_MS = 100;

/** Runs a chunk of packets; the packets as they were left are valid until the next chunk. */
interface ChunkRunner extends Disposable {
  readonly capacity: number;
  run(packets: readonly Uint8Array[], verdicts: Uint32Array): void;
  left(i: number): Uint8Array;
}

export async function runCapture(input: CaptureInput): Promise<CaptureResult> {
  const { file, program, collection } = input;
  const writer = input.out === undefined ? undefined : writerFor(input.out, file.capture);
  using output = input.out === undefined ? undefined : openOutput(input.out);
  const count = new Counter(verdictWords(program.type) as VerdictWords, writer, output);
  using runner = chunkRunner(collection.program(program.key));
  try {
    for (let pass = 0; pass < input.repeat; pass++) await runPass(input, runner, count, pass);
  } catch (e) {
    if (e instanceof ProgramAbort) throw new InputError('', `program ${program.key} was stopped: ${e.message}`);
    throw e;
  }
  input.io.progress('');
  count.writeOut(0);
  output?.commit();
  return { ...count.result(), out: input.out };
}

async function runPass(input: CaptureInput, runner: ChunkRunner, count: Counter, pass: number): Promise<void> {
  const { file, clock } = input;
  const chunk: CapturedPacket[] = [];
  const flush = (): void => {
    if (chunk.length === 0) return;
    count.chunk(chunk, runner, pass === 0);
    input.reader?.drain();
    showProgress(input.io, count, (pass + file.part) / input.repeat);
    chunk.length = 0;
  };
  const next = file.pass();
  clock?.restart();
  for (let packet = next(); packet !== undefined; packet = next()) {
    checkPacket(file.path, packet, runner.capacity, count.packets + chunk.length);
    if (clock !== undefined) {
      // The packets of a chunk see one clock.
      if (clock.isLater(packet)) flush();
      clock.moveTo(packet);
    }
    if (chunk.push(packet) < CHUNK) continue;
    flush();
    const breath = count.breathe();
    if (breath !== undefined) await breath;
  }
  flush();
  await count.breathe();
}

function checkPacket(path: string, packet: CapturedPacket, capacity: number, index: number): void {
  if (packet.linkType !== LINKTYPE.ETHERNET)
    throw new InputError(
      path,
      `packet ${index + 1} has link type ${linkTypeName(packet.linkType)}, and ETHERNET is needed`,
    );
  if (packet.data.length > capacity)
    throw new InputError(path, `packet ${index + 1} has ${packet.data.length} bytes, and ${capacity} are the most`);
}

class Counter {
  readonly verdicts = new Map<number, number>();
  packets = 0;
  bytes = 0;
  passed = 0;
  cut = 0;
  runMs = 0;
  #breathed = performance.now();
  readonly #views: Uint8Array[] = [];
  readonly #returned = new Uint32Array(CHUNK);

  constructor(
    readonly words: VerdictWords,
    readonly writer: PcapWriter | PcapngWriter | undefined,
    readonly output: OutputFile | undefined,
  ) {}

  chunk(packets: readonly CapturedPacket[], runner: ChunkRunner, write: boolean): void {
    const views = this.#views;
    views.length = packets.length;
    for (let i = 0; i < packets.length; i++) views[i] = packets[i].data;
    const started = performance.now();
    runner.run(views, this.#returned);
    this.runMs += performance.now() - started;
    this.packets += packets.length;
    for (let i = 0; i < packets.length; i++) {
      const r = this.#returned[i];
      this.verdicts.set(r, (this.verdicts.get(r) ?? 0) + 1);
      this.bytes += packets[i].data.length;
      if (packets[i].length > packets[i].data.length) this.cut++;
      if (write) this.#write(packets[i], r, runner, i);
    }
    this.writeOut(WRITE);
  }

  /** Lets signals be heard now and then, however short the passes are. */
  breathe(): Promise<unknown> | undefined {
    const now = performance.now();
    if (now - this.#breathed < BREATH_MS) return undefined;
    this.#breathed = now;
    return new Promise(setImmediate);
  }

  /** Gives the file what has come, when that is enough. */
  writeOut(enough: number): void {
    const { writer, output } = this;
    if (writer !== undefined && output !== undefined && writer.pending > enough) output.write(writer.take());
  }

  #write(packet: CapturedPacket, retval: number, runner: ChunkRunner, i: number): void {
    const left = runner.left(i);
    const kept = this.words.passes(retval, left.length);
    if (kept === 0) return;
    this.passed++;
    if (this.writer === undefined) return;
    // What the capture had cut off is still part of the packet's length.
    const missing = Math.max(0, packet.length - packet.data.length);
    this.writer.write({ ...packet, data: left.subarray(0, kept), length: kept + missing });
  }

  result(): Omit<CaptureResult, 'out'> {
    const named = new Map<string, number>();
    for (const [value, n] of [...this.verdicts].sort((a, b) => a[0] - b[0])) {
      const name = this.words.name(value);
      named.set(name, (named.get(name) ?? 0) + n);
    }
    const { packets, bytes, passed, cut, runMs } = this;
    return { verdicts: named, packets, bytes, passed, cut, runMs };
  }
}

function chunkRunner(program: Program): ChunkRunner {
  if (program.embedded === undefined) return kernelRunner(program);
  const runner = program.runner();
  return {
    capacity: runner.capacity,
    run: (packets, verdicts) => runner.runBatch(packets, verdicts),
    left: (i) => runner.batchPacket(i),
    [Symbol.dispose]: () => runner[Symbol.dispose](),
  };
}

/** Test runs of the real kernel take what fits one page with its headroom and tailroom. */
const KERNEL_PACKET = 3500;

function kernelRunner(program: Program): ChunkRunner {
  let left: Uint8Array[] = [];
  return {
    capacity: KERNEL_PACKET,
    run(packets, verdicts) {
      left = packets.map((data, i) => {
        const out = program.testRun({ data });
        verdicts[i] = out.retval;
        return out.data;
      });
    },
    left: (i) => left[i],
    [Symbol.dispose]() {},
  };
}

function writerFor(path: string, capture: Capture): PcapWriter | PcapngWriter {
  const options = { linkType: LINKTYPE.ETHERNET, nanoseconds: capture.nanoseconds, littleEndian: capture.littleEndian };
  const ng = path.endsWith('.pcapng') || (capture.format === 'pcapng' && !path.endsWith('.pcap'));
  return ng ? new PcapngWriter(options) : new PcapWriter(options);
}

const BAR = 24;

function showProgress(io: Io, count: Counter, part: number): void {
  const full = Math.round(Math.min(1, part) * BAR);
  const bar = '#'.repeat(full) + '.'.repeat(BAR - full);
  io.progress(`[${bar}] ${grouped(count.packets)} packets, ${grouped(rate(count))} packets/s`);
}

const rate = ({ packets, runMs }: { packets: number; runMs: number }): number =>
  runMs > 0 ? Math.round((packets * 1000) / runMs) : 0;

export function captureReport(result: CaptureResult): RunReport {
  const { packets, bytes, passed, cut, runMs, verdicts, out } = result;
  const durationNs = packets > 0 ? Math.round((runMs * 1e6) / packets) : 0;
  return {
    json: {
      packets,
      bytes,
      verdicts: Object.fromEntries(verdicts),
      passed,
      ...(cut > 0 ? { cutShort: cut } : {}),
      durationNs,
      packetsPerSecond: rate(result),
      ...(out === undefined ? {} : { pcapOut: out }),
    },
    print(io) {
      const speed = `${runMs.toFixed(1)} ms, ${grouped(rate(result))} packets/s, ${grouped(durationNs)} ns each`;
      io.out(
        `${io.style('bold', `${grouped(packets)} packets`)}, ${grouped(bytes)} bytes ${io.style('dim', `in ${speed}`)}\n`,
      );
      for (const [name, n] of verdicts) io.out(verdictLine(io, name, n, packets));
      if (cut > 0)
        io.out(io.style('yellow', `  ${grouped(cut)} packets are shorter in the capture than they were on the wire\n`));
      if (out !== undefined) io.out(`${grouped(passed)} packets that passed are in ${out}\n`);
    },
  };
}

function verdictLine(io: Io, name: string, n: number, of: number): string {
  const share = (100 * n) / of;
  const bar = '#'.repeat(Math.max(1, Math.round((share / 100) * BAR)));
  const colour = /DROP|SHOT|ABORTED|drop|deny/.test(name) ? 'red' : 'green';
  return `  ${name.padEnd(16)} ${grouped(n).padStart(9)}  ${share.toFixed(1).padStart(5)} %  ${io.style(colour, bar)}\n`;
}
