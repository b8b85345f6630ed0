/** An embedded kernel whose runs are compared with what the verifier believed, instruction by instruction. */
import type { Btf } from '../../../src/btf/btf.ts';
import { BPF_CALL, BPF_JMP } from '../../../src/isa/opcodes.ts';
import { type Linkage } from '../../../src/kernel/run/linkage.ts';
import { ProgramAbort } from '../../../src/util/errors.ts';
import { type Stepper, interpret } from '../../../src/kernel/interp/index.ts';
import { KernelLayouts } from '../../../src/kernel/world/layouts.ts';
import { assembleRuntime, type Runtime } from '../../../src/kernel/boot/assemble.ts';
import { ProgramCode } from '../../../src/kernel/boot/program-code.ts';
import { LIFE } from '../../../src/kernel/boot/runtime.ts';
import type { Executable } from '../../../src/kernel/object/executable.ts';
import { createLinkage } from '../../../src/kernel/boot/linkage.ts';
import type { Caps } from '../../../src/kernel/rules/prog-type.ts';
import { ALL_CAPS } from '../../../src/kernel/rules/prog-type.ts';
import { verify } from '../../../src/kernel/verifier/check.ts';
import type { VerifiedProgram, VerifierInput, VerifierOutcome } from '../../../src/kernel/verifier/result.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { BPF_PROG_TYPE } from '../../../src/uapi/prog-types.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { accessBase, accessFault, accessSize } from './access.ts';
import type { Mode } from './beliefs.ts';
import type { ConcreteFrame, World } from './contains.ts';
import { patience } from './patience.ts';
import { Recorder } from './recorder.ts';
import { withStandIns } from './stand-ins.ts';

const XDP = BPF_PROG_TYPE.BPF_PROG_TYPE_XDP;
const SKB_TYPES: ReadonlySet<number> = new Set([1, 3, 4, 8, 10, 11, 12, 19]);
/** Instructions of one run that are looked at. */
const MOST_STEPS = 20_000;
/** Instructions that are walked when all scalars are compared. */
const MOST_EXACT_INSNS = 500_000;

interface Watched {
  readonly program: VerifiedProgram;
  readonly recorder: Recorder;
  /** Slots where an instruction of the original program begins. */
  readonly first: Uint8Array;
  /** Original instructions that call helpers and kernel functions: what becomes of them may be no call. */
  readonly calls: Uint8Array;
}

export class WatchedKernel {
  readonly runtime: Runtime;
  mode: Mode = 'exact';
  caps: Caps = ALL_CAPS;
  /** Instructions of a verification that are waited for. */
  mostInsns = Number.POSITIVE_INFINITY;
  /** What did not hold in the runs so far. */
  readonly faults: string[] = [];
  steps = 0;
  accesses = 0;
  recorder = new Recorder('exact');
  /** The last program was refused before anything was watched. */
  refused = false;
  /** The last verification took too long, or too much memory, to be watched. */
  tooLarge = false;
  readonly #chain: Stepper[] = [];
  /** Those that run a program from its beginning. */
  readonly #entries = new Set<Stepper>();
  readonly #known = new Set<number>();
  #calls = new Uint8Array(0);
  #left = 0;
  #afterCall = false;
  readonly #offsets: { xdp: readonly number[]; skb: readonly number[] };

  constructor(
    vmlinux: Btf,
    random32: () => number,
    /** The verifier under proof. */
    readonly verifier: (input: VerifierInput) => VerifierOutcome = verify,
  ) {
    const layouts = new KernelLayouts(() => vmlinux);
    const offsets = (struct: string, names: readonly string[]): number[] =>
      names.map((n) => layouts.struct(struct).offset(n));
    this.#offsets = {
      xdp: offsets('xdp_buff', ['data', 'data_meta', 'data_end']),
      skb: offsets('sk_buff', ['data', 'len', 'data_len']),
    };
    this.runtime = assembleRuntime(
      { memory: 96 << 20, engine: 'interp', kernelBtf: vmlinux, host: { random32 }, deadlineMs: 2000 },
      (input) => this.#verify({ ...input, caps: this.caps }),
      {
        ...LIFE,
        engines: (parts) => {
          const linkage = createLinkage(parts);
          const compile = (program: VerifiedProgram): Executable =>
            this.#watch(
              program,
              withStandIns(linkage, vmlinux, (skb) => this.#linear(linkage.env.mem.view, skb)),
            );
          return { linkage, code: new ProgramCode(linkage, compile, parts.rcu) };
        },
      },
    );
  }

  /** Accepts what is accepted, and stays within what can be recorded. */
  #verify(input: VerifierInput): VerifierOutcome {
    const { code, src, length } = input.insns;
    this.#calls = Uint8Array.from({ length }, (_, i) => (code[i] === (BPF_JMP | BPF_CALL) && src[i] !== 1 ? 1 : 0));
    const recorder = new Recorder(this.mode);
    this.recorder = recorder;
    this.tooLarge = false;
    const plain = this.verifier({ ...input, holes: 'closed', logLevel: 0, signal: patience(this.mostInsns) });
    this.refused = !plain.ok;
    if (!plain.ok) {
      this.tooLarge = plain.errno === ERRNO.EAGAIN;
      return plain;
    }
    const most = this.mode === 'exact' ? Math.min(MOST_EXACT_INSNS, this.mostInsns) : this.mostInsns;
    const signal = patience(most, () => !recorder.complete);
    const watched = this.verifier({ ...input, holes: 'closed', logLevel: 0, signal, testing: recorder.testing });
    this.tooLarge = !watched.ok || !recorder.complete;
    return watched;
  }

  takesPackets(fd: number): boolean {
    return this.runtime.program(fd)?.takesPackets === true;
  }

  /** Runs a loaded program once; the reason why the run ended early, '' when it did not. */
  run(fd: number, data: Uint8Array): string {
    const program = this.runtime.program(fd);
    if (program === undefined) return 'no program';
    this.#chain.length = 0;
    this.#entries.clear();
    this.#known.clear();
    this.#left = MOST_STEPS;
    this.#afterCall = false;
    try {
      if (program.takesPackets) {
        const test = { prog_fd: fd, data_in: data, repeat: 1, aborted: '' };
        const err = this.runtime.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test });
        return err === 0 ? '' : test.aborted || `errno ${-err}`;
      }
      program.runContext(data);
      return '';
    } catch (e) {
      if (e instanceof ProgramAbort || e instanceof RangeError) return e.message;
      throw e;
    }
  }

  #watch(program: VerifiedProgram, linkage: Linkage) {
    const { insns, origin } = program;
    const first = Uint8Array.from({ length: insns.length }, (_, i) => (i === 0 || origin[i] !== origin[i - 1] ? 1 : 0));
    const watched: Watched = { program, recorder: this.recorder, first, calls: this.#calls };
    return interpret(program, linkage, { observe: (act) => this.#look(watched, act, linkage) });
  }

  #look(watched: Watched, act: Stepper, linkage: Linkage): void {
    if (this.#left-- <= 0) throw new ProgramAbort('fuel', act.pc, 'long enough');
    this.#follow(act);
    // A program begins, perhaps as the tail call of a function; or a callback, whose arguments are addresses that it was given.
    if (act.steps === 0 && act.pc === 0) this.#entries.add(act);
    else if (act.steps === 0) {
      this.#entries.delete(act);
      this.#afterCall = false;
      for (let n = 1; n < 6; n++) this.#known.add(act.reg(n)[1] >>> 0);
    }
    const slot = act.pc;
    const [hi, lo] = act.reg(0);
    if (this.#afterCall && watched.first[slot] === 1 && hi === 0 && lo !== 0) this.#known.add(lo >>> 0);
    if (watched.first[slot] === 0) return;
    this.steps++;
    const idx = act.origin;
    this.#afterCall = watched.calls[idx] === 1;
    const world = this.#world(watched, linkage);
    const { regs } = world.frames[world.frames.length - 1];
    const why = watched.recorder.fault(idx, world) || this.#access(watched, slot, regs, world);
    if (why === '') return;
    const shown = Array.from({ length: 10 }, (_, n) => `r${n}=${hex(regs[2 * n + 1], regs[2 * n])}`).join(' ');
    this.faults.push(`instruction ${idx}: ${why} (${watched.recorder.mode})\n  ${shown}`);
    throw new ProgramAbort('fuel', slot, 'a state does not hold');
  }

  /** What is wrong with the access that the instruction makes. */
  #access({ program, recorder }: Watched, slot: number, regs: ArrayLike<number>, world: World): string {
    const { insns } = program;
    const base = accessBase(insns, slot);
    if (base < 0 || base > 9 || regs[2 * base + 1] !== 0) return '';
    const { beliefs } = recorder;
    const row = beliefs.rowOf(base);
    if (row < 0) return '';
    this.accesses++;
    const address = (regs[2 * base] >>> 0) + insns.off[slot];
    return accessFault(world, beliefs.rows, row, beliefs.shift, address, accessSize(insns.code[slot]));
  }

  /** Keeps the chain of activations: callbacks run in their own. */
  #follow(act: Stepper): void {
    const chain = this.#chain;
    const at = chain.lastIndexOf(act);
    if (at >= 0) {
      chain.length = at + 1;
      return;
    }
    chain.push(act);
  }

  /** The part of a packet that lies in one piece. */
  #linear(view: DataView, skb: number): { data: number; dataEnd: number } {
    const [data, len, dataLen] = this.#offsets.skb.map((off) => view.getUint32(skb + off, true));
    return { data, dataEnd: data + len - dataLen };
  }

  #world(watched: Watched, linkage: Linkage): World {
    const { view } = linkage.env.mem;
    const { ctx } = linkage.env.cpu.run;
    const frames: ConcreteFrame[] = [];
    let callsite = -1;
    const last = this.#chain.length - 1;
    for (let k = this.#chain.findLastIndex((a) => this.#entries.has(a)); k <= last; k++) {
      for (const { at, regs, from, fp } of this.#chain[k].frames) {
        frames.push({ regs, from: k === last ? from : 6, fp, callsite });
        callsite = at;
      }
    }
    const { progType } = watched.program;
    const { xdp } = this.#offsets;
    const word = (off: number): number => view.getUint32(ctx + off, true);
    let packet = { data: 0, dataMeta: 0, dataEnd: 0 };
    if (progType === XDP) packet = { data: word(xdp[0]), dataMeta: word(xdp[1]), dataEnd: word(xdp[2]) };
    else if (SKB_TYPES.has(progType)) packet = { dataMeta: 0, ...this.#linear(view, ctx) };
    return { view, ctx, ...packet, frames, maps: watched.program.usedMaps, known: this.#known };
  }
}

const hex = (hi: number, lo: number): string =>
  `0x${(hi >>> 0).toString(16)}${(lo >>> 0).toString(16).padStart(8, '0')}`;
