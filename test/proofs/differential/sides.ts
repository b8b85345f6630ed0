/** The two that are asked about a generated program: the live kernel and our verifier. */
import { Btf } from '../../../src/btf/btf.ts';
import { parseRecord } from '../../../src/btf/record.ts';
import { decodeInsns } from '../../../src/isa/decode.ts';
import type { MapDesc } from '../../../src/kernel/rules/map-desc.ts';
import { ALL_CAPS, type Caps } from '../../../src/kernel/rules/prog-type.ts';
import { BPF_LOG_STATS } from '../../../src/kernel/verifier/log.ts';
import { verify } from '../../../src/kernel/verifier/check.ts';
import type { VerifierInput } from '../../../src/kernel/verifier/result.ts';
import type { BpfSyscall } from '../../../src/uapi/attr/attr.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { GENERATOR_BTF, type Generated, LOCKED, MAP, MAPS, withKfuncs } from './generate.ts';
import { unaskedReason } from './unasked.ts';
import { compileRules } from '../../../src/kernel/rules/compile.ts';

const RULES = compileRules('6.18');

/** What a verifier said, in a form that both can be compared in. */
export interface Answer {
  /** 0 or a positive errno. */
  readonly errno: number;
  /** Last line before the statistics, '' when accepted. */
  readonly message: string;
  readonly insns: number;
  readonly states: number;
  readonly log: string;
  /** Ours: 6.18 accepts the program through a hole of its own, or perhaps so: the fixed rules take too long to say. */
  readonly unsound?: 'yes' | 'unknown';
}

/** A log for what does not fit into a mebibyte. */
const BIG_LOG = 1 << 28;
/** errno of an answer that is an exception. */
export const CRASHED = 9999;

const STATS = /^processed (\d+) insns .* total_states (\d+) /m;

function answer(errno: number, log: string): Answer {
  const stats = STATS.exec(log);
  const lines = log.split('\n').filter((l) => l !== '' && !STATS.test(l));
  if (lines.at(-1)?.startsWith('stack depth ')) lines.length = 0;
  return {
    errno,
    message: errno === 0 ? '' : normalLine(lines.at(-1) ?? ''),
    insns: Number(stats?.[1] ?? 0),
    states: Number(stats?.[2] ?? 0),
    log,
  };
}

/** Addresses of maps differ, and so do indices behind the kernel's inlined helpers. */
export const normalLine = (line: string): string =>
  line.replace(/(\(18\) r\d = 0x)[0-9a-f]+ */, '$1 ').replace(/^(verifier bug: No program to jit at insn) \d+/, '$1');

const BTF = Btf.parse(GENERATOR_BTF);
const LOCK_RECORD = parseRecord(BTF, LOCKED.value);
const DESCS: readonly MapDesc[] = MAPS.map(({ type, keySize, valueSize, maxEntries }, id) => ({
  id,
  name: '',
  ...{ type, keySize, valueSize, maxEntries },
  flags: 0,
  mapExtra: 0,
  btfKeyTypeId: id === MAP.locked ? LOCKED.key : 0,
  btfValueTypeId: id === MAP.locked ? LOCKED.value : 0,
  ...(id === MAP.locked && LOCK_RECORD !== undefined ? { btf: BTF, record: LOCK_RECORD } : {}),
  frozen: false,
  addr: 0x10000 + id * 256,
  valuesAddr: type === 2 ? 0x20000 + id * 0x10000 : 0,
  elemSize: valueSize,
}));
export const CAPS: Readonly<Record<Generated['caps'], Caps>> = {
  all: ALL_CAPS,
  bpf: { bpf: true, perfmon: false, netAdmin: false, sysAdmin: false },
  net: { bpf: true, perfmon: false, netAdmin: true, sysAdmin: false },
};

export function inputOf(g: Generated, logLevel: number, vmlinux: () => Btf | undefined): VerifierInput {
  return {
    insns: decodeInsns(withKfuncs(g, vmlinux)),
    progType: g.progType,
    expectedAttachType: 0,
    progFlags: g.progFlags,
    name: 'diff',
    license: 'GPL',
    caps: CAPS[g.caps],
    rules: RULES,
    logLevel,
    attachBtfId: 0,
    vmlinux,
    mapByFd: (fd) => DESCS[fd] ?? -ERRNO.EBADF,
    fdArray: (i) => i,
    ...(g.funcInfo ? { btf: BTF, funcInfo: g.funcInfo.map(([insnOff, typeId]) => ({ insnOff, typeId })) } : {}),
  };
}

/** Our answer by the rules of Linux 6.18, its holes included; EAGAIN once the signal says that it takes too long. */
export function askSkep(g: Generated, logLevel: number, vmlinux: () => Btf | undefined, signal?: AbortSignal): Answer {
  return answerOf({ ...inputOf(g, logLevel, vmlinux), ...(signal === undefined ? {} : { signal }) });
}

function answerOf(input: VerifierInput): Answer {
  try {
    const out = verify(input);
    const said = answer(out.ok ? 0 : out.errno, out.log);
    if (!out.ok || out.unsound === undefined) return said;
    return { ...said, unsound: out.unsound.fixed.errno === ERRNO.EAGAIN ? 'unknown' : 'yes' };
  } catch (e) {
    // A broken invariant of our own: no errno of the kernel's.
    const text = e instanceof Error ? (e.stack ?? e.message) : String(e);
    return { errno: CRASHED, message: text.split('\n', 4).join(' '), insns: 0, states: 0, log: text };
  }
}

/** Changes what this thread may do while `run` runs; undefined where that cannot be done. */
export type WithCaps = (caps: Generated['caps'] | 'none', run: () => number) => number;

/** The live kernel with the maps and the BTF of all programs. Programs are loaded and closed, never run. */
export class KernelSide {
  readonly #fds: Uint32Array;
  /** A prog array serves programs of one type only. */
  readonly #progArrays = new Map<number, number>();
  readonly #btf: number;
  readonly #logs = new Map<number, Uint8Array>();
  /** The answer given last. */
  last: Answer = { errno: 0, message: '', insns: 0, states: 0, log: '' };

  constructor(
    readonly kernel: BpfSyscall,
    readonly withCaps: WithCaps | undefined,
    readonly vmlinux: () => Btf | undefined,
  ) {
    this.#btf = kernel.bpf(BPF_CMD.BPF_BTF_LOAD, { btf: GENERATOR_BTF });
    const fds = MAPS.map(({ type, keySize, valueSize, maxEntries }, id) =>
      kernel.bpf(BPF_CMD.BPF_MAP_CREATE, {
        map_type: type,
        key_size: keySize,
        value_size: valueSize,
        max_entries: maxEntries,
        ...(id === MAP.locked
          ? { btf_fd: this.#btf, btf_key_type_id: LOCKED.key, btf_value_type_id: LOCKED.value }
          : {}),
      }),
    );
    if ([...fds, this.#btf].some((fd) => fd < 0)) throw new Error(`maps ${fds}, BTF ${this.#btf}`);
    this.#fds = Uint32Array.from(fds);
  }

  #fdArray(progType: number): Uint8Array {
    const { type, keySize, valueSize, maxEntries } = MAPS[MAP.programs];
    let own = this.#progArrays.get(progType);
    if (own === undefined) {
      own = this.kernel.bpf(BPF_CMD.BPF_MAP_CREATE, {
        map_type: type,
        key_size: keySize,
        value_size: valueSize,
        max_entries: maxEntries,
      });
      if (own < 0) throw new Error(`prog array ${own}`);
      this.#progArrays.set(progType, own);
    }
    const fds = this.#fds.slice();
    fds[MAP.programs] = own;
    return new Uint8Array(fds.buffer);
  }

  /** Loads the program, whatever it does to a kernel: a descriptor or -errno. */
  load(g: Generated, logLevel: number, log?: Uint8Array): number {
    const { withCaps } = this;
    const fdArray = this.#fdArray(g.progType);
    const load = (): number =>
      this.kernel.bpf(BPF_CMD.BPF_PROG_LOAD, {
        prog_type: g.progType,
        insns: withKfuncs(g, this.vmlinux),
        license: 'GPL',
        ...(log === undefined ? {} : { log_level: logLevel, log_buf: log }),
        prog_flags: g.progFlags,
        prog_name: 'diff',
        fd_array: fdArray,
        ...(g.funcInfo
          ? {
              prog_btf_fd: this.#btf,
              func_info_rec_size: 8,
              func_info: new Uint8Array(Uint32Array.from(g.funcInfo.flat()).buffer),
            }
          : {}),
      });
    return withCaps === undefined ? load() : withCaps(g.caps, load);
  }

  ask(g: Generated, logLevel: number, logSize = 1 << 20): Answer | undefined {
    if (g.caps !== 'all' && this.withCaps === undefined) return undefined;
    const reason = unaskedReason(g);
    if (reason !== undefined) throw new Error(`program ${g.seed} is for no kernel: ${reason}`);
    let log = this.#logs.get(logSize);
    if (log === undefined) this.#logs.set(logSize, (log = new Uint8Array(logSize)));
    log[0] = 0;
    const fd = this.load(g, logLevel, log);
    if (fd >= 0) this.kernel.close(fd);
    // A log that does not fit hides the verdict: statistics alone do fit.
    if (fd === -ERRNO.ENOSPC && logLevel !== BPF_LOG_STATS) return this.ask(g, BPF_LOG_STATS);
    // Complaints about contradicting bounds are printed at every level, at worst a million times.
    if (fd === -ERRNO.ENOSPC && logSize < BIG_LOG) return this.ask(g, BPF_LOG_STATS, BIG_LOG);
    const text = new TextDecoder().decode(log.subarray(0, log.indexOf(0)));
    return (this.last = answer(fd < 0 ? -fd : 0, text));
  }
}
