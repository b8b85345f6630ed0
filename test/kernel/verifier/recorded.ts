/** Programs that a live kernel was asked about: one JSON object a line, with its instructions, maps, BTF records and log. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { Btf } from '../../../src/btf/btf.ts';
import { decodeInsns } from '../../../src/isa/decode.ts';
import type { MapDesc } from '../../../src/kernel/rules/map-desc.ts';
import { ALL_CAPS, type Caps } from '../../../src/kernel/rules/prog-type.ts';
import { compileRules } from '../../../src/kernel/rules/compile.ts';
import { Rejected } from '../../../src/kernel/verifier/diag/reject.ts';
import { VerifierEnv } from '../../../src/kernel/verifier/env.ts';
import { VerifierLog } from '../../../src/kernel/verifier/log.ts';
import type { VerifierInput } from '../../../src/kernel/verifier/result.ts';

const RULES = compileRules('6.18');

export interface Recorded {
  readonly prog: string;
  /** 0 or -errno. */
  readonly ret: number;
  readonly type: number;
  readonly eat: number;
  readonly flags: number;
  readonly license: string;
  readonly insns: string;
  readonly func_info?: string;
  readonly line_info?: string;
  readonly btf?: string;
  /** Type, key size, value size, entries, flags, name by fd. */
  readonly maps: Record<string, [number, number, number, number, number, string]>;
  /** Present when the program named maps by index. */
  readonly fd_array?: number[];
  readonly caps?: 'bpf';
  readonly tag?: string;
  readonly xlated?: string;
  readonly log: string;
}

export function unhex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (b) => Number.parseInt(b, 16));
}

/** Lines of a committed fixture. */
export function fixture(name: string): Recorded[] {
  const path = new URL(`../../recorded/verifier/${name}`, import.meta.url);
  return parse(readFileSync(path, 'utf8'));
}

/** Lines of all recordings in the folder that SKEP_RECORDINGS names; empty without it. */
export function localRecordings(): Recorded[] {
  const dir = process.env['SKEP_RECORDINGS'];
  if (dir === undefined || !existsSync(dir)) return [];
  return readdirSync(dir).flatMap((f) => (f.endsWith('.jsonl') ? parse(readFileSync(`${dir}/${f}`, 'utf8')) : []));
}

const parse = (text: string): Recorded[] =>
  text
    .split('\n')
    .filter((l) => l !== '')
    .map((l) => JSON.parse(l) as Recorded);

const PERF_CAPS: Caps = { ...ALL_CAPS, perfmon: false, netAdmin: false, sysAdmin: false };

export function inputOf(r: Recorded, vmlinux: () => Btf | undefined = () => undefined): VerifierInput {
  const maps = new Map<number, MapDesc>();
  for (const [fd, [type, keySize, valueSize, maxEntries, flags, name]] of Object.entries(r.maps)) {
    maps.set(Number(fd), {
      id: Number(fd),
      name,
      type,
      keySize,
      valueSize,
      maxEntries,
      flags,
      mapExtra: 0,
      btfKeyTypeId: 0,
      btfValueTypeId: 0,
      frozen: false,
      addr: 0x10000 + Number(fd) * 256,
      valuesAddr: type === 2 ? 0x20000 + Number(fd) * 4096 : 0,
      elemSize: (valueSize + 7) & ~7,
    });
  }
  const words = (hex: string | undefined): Uint32Array =>
    hex === undefined ? new Uint32Array(0) : new Uint32Array(unhex(hex).buffer);
  const func = words(r.func_info);
  const line = words(r.line_info);
  return {
    insns: decodeInsns(unhex(r.insns)),
    progType: r.type,
    expectedAttachType: r.eat,
    progFlags: r.flags,
    name: r.prog,
    license: r.license,
    caps: r.caps === 'bpf' ? PERF_CAPS : ALL_CAPS,
    rules: RULES,
    logLevel: 2,
    attachBtfId: 0,
    vmlinux,
    mapByFd: (fd) => maps.get(fd) ?? -9,
    ...(r.fd_array ? { fdArray: (i: number) => r.fd_array?.[i] } : {}),
    ...(r.btf ? { btf: Btf.parse(unhex(r.btf)) } : {}),
    ...(func.length
      ? {
          funcInfo: Array.from({ length: func.length / 2 }, (_, i) => ({
            insnOff: func[i * 2],
            typeId: func[i * 2 + 1],
          })),
        }
      : {}),
    ...(line.length
      ? {
          lineInfo: Array.from({ length: line.length / 4 }, (_, i) => ({
            insnOff: line[i * 4],
            fileNameOff: line[i * 4 + 1],
            lineOff: line[i * 4 + 2],
            lineCol: line[i * 4 + 3],
          })),
        }
      : {}),
  };
}

export function envOf(input: VerifierInput): VerifierEnv {
  const ops = RULES.prog(input.progType);
  if (ops === undefined) throw new Error(`no table for program type ${input.progType}`);
  return new VerifierEnv(input, ops, new VerifierLog(input.logLevel), new Set());
}

/** 0, or -errno when a check rejected. */
export function verdictOf(run: () => void): number {
  try {
    run();
    return 0;
  } catch (e) {
    if (e instanceof Rejected) return -e.errno;
    throw e;
  }
}
