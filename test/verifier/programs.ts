/** Programs as text that reads like a lesson: header lines `;; key: value`, assembly, `---` between programs (see programs/README.md). */
import { readFileSync } from 'node:fs';
import type { Btf } from '../../src/btf/btf.ts';
import { BtfBuilder } from '../../src/btf/encode.ts';
import { assembleProgram } from '../../src/isa/asm.ts';
import { type Insn, Insns } from '../../src/isa/insn.ts';
import { encodeInsns } from '../../src/isa/encode.ts';
import { createRuntime, type Runtime } from '../../src/kernel/runtime.ts';
import { ALL_CAPS, type Caps } from '../../src/kernel/spec/prog-type.ts';
import type { BpfSyscall, MapCreateAttr } from '../../src/uapi/attr.ts';
import { BPF_CMD } from '../../src/uapi/cmd.ts';
import { errnoName } from '../../src/uapi/errno.ts';
import { BPF_MAP_TYPE } from '../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE } from '../../src/uapi/prog-types.ts';

/** What the loading process may do. */
export type CapsName = 'all' | 'bpf' | 'net';

export interface Program {
  readonly name: string;
  readonly file: string;
  readonly type: number;
  readonly flags: number;
  readonly attachType: number;
  readonly license: string;
  readonly caps: CapsName;
  /** Map specification by name. */
  readonly maps: ReadonlyMap<string, string>;
  /** Functions described by BTF, in the order of their code: label, `!` behind a global one; empty without BTF. */
  readonly funcs: readonly string[];
  /** Fields of instructions that are changed behind the assembler: `3 code=0x87 off=1`. */
  readonly patches: readonly string[];
  readonly body: string;
  /** `accept` or `reject EACCES: last line of the log`. */
  readonly verdict: string;
}

/** A hostile program and its safe twin; a program without twin has the same body in both. */
export interface Pair {
  readonly hostile: Program;
  readonly safe: Program | undefined;
}

/** The files of programs that no verifier may accept. */
export const HOSTILE = [
  'hostile-bounds.txt',
  'hostile-scalars.txt',
  'hostile-null.txt',
  'hostile-stack.txt',
  'hostile-packet.txt',
  'hostile-helpers.txt',
  'hostile-lifetime.txt',
  'hostile-flow.txt',
] as const;

/** Ordinary programs that are refused, and some that are not; their verdicts are the live kernel's. */
export const LESSONS = ['malformed.txt', 'pointers.txt', 'capabilities.txt'] as const;

const folder = new URL('./programs/', import.meta.url);

/** The pairs of a data file. A first block of headers alone gives defaults to all others. */
export function readPairs(file: string): Pair[] {
  const blocks = readFileSync(new URL(file, folder), 'utf8').split(/^---.*\n/m);
  let defaults: string[] = [];
  const pairs: Pair[] = [];
  for (const block of blocks) {
    const lines = block.split('\n');
    const heads = lines.filter((l) => l.startsWith(';; ')).map((l) => l.slice(3));
    const code = lines.filter((l) => l.trim() !== '' && !l.startsWith(';'));
    if (code.length === 0) defaults = heads;
    else pairs.push(pairOf(file, [...defaults, ...heads], code));
  }
  return pairs;
}

function pairOf(file: string, heads: readonly string[], code: readonly string[]): Pair {
  const last = (key: string): string | undefined =>
    heads.findLast((h) => h.startsWith(`${key}: `))?.slice(key.length + 2);
  const constant = (table: object, prefix: string, name: string): number => {
    const value = (table as Record<string, number>)[prefix + name.toUpperCase()];
    if (value === undefined) throw new Error(`${file}: no ${prefix}${name}`);
    return value;
  };
  const name = last('name') ?? '';
  const program = (body: readonly string[], verdict: string, which: string): Program => ({
    name: which === '' ? name : `${name} (${which})`,
    file,
    type: constant(BPF_PROG_TYPE, 'BPF_PROG_TYPE_', last('prog') ?? 'socket_filter'),
    flags: Number(last('flags') ?? 0),
    attachType: Number(last('attach') ?? 0),
    license: last('license') ?? 'GPL',
    caps: (last('caps') ?? 'all') as CapsName,
    maps: new Map(
      heads
        .filter((h) => h.startsWith('map: '))
        .map((h): [string, string] => {
          const [, map, spec] = /^map: (\w+) (.*)$/.exec(h) ?? [];
          return [map, spec];
        }),
    ),
    patches: heads.filter((h) => h.startsWith('patch: ')).map((h) => h.slice(7)),
    funcs: last('funcs')?.split(/\s+/) ?? [],
    body: body.map((l) => l.replace(/^[-+]/, ' ')).join('\n'),
    verdict,
  });
  const verdict = heads.findLast((h) => h.startsWith('reject ') || h === 'accept') ?? '';
  const twin = code.some((l) => /^[-+] /.test(l));
  const without = (sign: string): string[] => code.filter((l) => !l.startsWith(`${sign} `));
  return {
    hostile: program(without('+'), verdict, ''),
    safe: twin ? program(without('-'), 'accept', 'safe twin') : undefined,
  };
}

/** `3 code=0x87 off=1`: fields of one instruction that no assembler would write. */
function patched(insns: Insns, patches: readonly string[]): Insns {
  const rows = Array.from({ length: insns.length }, (_, i) => ({ ...insns.get(i) }));
  for (const patch of patches) {
    const [at, ...fields] = patch.split(' ');
    for (const field of fields) {
      const [key, value] = field.split('=');
      rows[Number(at)][key as keyof Insn] = Number(value);
    }
  }
  return Insns.from(rows);
}

/** One kernel, embedded or real, with the maps made in it so far. */
export class Judge {
  readonly #maps = new Map<string, number>();

  constructor(readonly sys: BpfSyscall) {}

  #map(spec: string): number {
    const known = this.#maps.get(spec);
    if (known !== undefined) return known;
    const [type, ...options] = spec.split(/\s+/);
    const option = (key: string): number =>
      Number(options.find((o) => o.startsWith(`${key}=`))?.slice(key.length + 1) ?? 0);
    const attr: MapCreateAttr = {
      map_type: BPF_MAP_TYPE[`BPF_MAP_TYPE_${type.toUpperCase()}` as keyof typeof BPF_MAP_TYPE],
      key_size: option('key'),
      value_size: option('value'),
      max_entries: option('entries'),
      map_flags: option('flags'),
    };
    if (options.includes('lock') || options.includes('timer'))
      Object.assign(attr, this.#valueBtf(options.includes('lock')));
    if (type.endsWith('_of_maps')) attr.inner_map_fd = this.#map('array key=4 value=48 entries=1');
    const fd = this.sys.bpf(BPF_CMD.BPF_MAP_CREATE, attr);
    if (fd < 0) throw new Error(`map ${spec}: ${errnoName(-fd)}`);
    this.#maps.set(spec, fd);
    if (options.includes('frozen')) this.sys.bpf(BPF_CMD.BPF_MAP_FREEZE, { map_fd: fd });
    return fd;
  }

  /** `struct value { u32 count; struct bpf_spin_lock lock; u64 data; }`, or with a timer: `struct value { struct bpf_timer timer; u64 data; }`. */
  #valueBtf(lock: boolean): Partial<MapCreateAttr> {
    const b = new BtfBuilder();
    const u32 = b.int('unsigned int', 4);
    const u64 = b.int('unsigned long', 8);
    const member = (name: string, type: number, byte: number) => ({ name, type, bitOffset: byte * 8, bitfieldSize: 0 });
    const words = b.array(u64, u32, 2);
    const special = lock
      ? b.struct('bpf_spin_lock', 4, [member('val', u32, 0)])
      : b.struct('bpf_timer', 16, [member('__opaque', words, 0)]);
    const value = lock
      ? b.struct('value', 16, [member('count', u32, 0), member('lock', special, 4), member('data', u64, 8)])
      : b.struct('value', 24, [member('timer', special, 0), member('data', u64, 16)]);
    return { btf_fd: this.#btf(b), btf_key_type_id: u32, btf_value_type_id: value };
  }

  #btf(b: BtfBuilder): number {
    const fd = this.sys.bpf(BPF_CMD.BPF_BTF_LOAD, { btf: b.encode() });
    if (fd < 0) throw new Error(`BTF: ${errnoName(-fd)}`);
    return fd;
  }

  /** func_info for `int f(u64)`: static functions may take anything, global ones just that. */
  #funcInfo(p: Program, labels: ReadonlyMap<string, number>): object {
    const b = new BtfBuilder();
    const int = b.int('int', 4, 1);
    const u64 = b.int('unsigned long', 8);
    const proto = b.funcProto(int, [{ name: 'a', type: u64 }]);
    const info = p.funcs.flatMap((f, i) => {
      const name = f.replace('!', '');
      return [i === 0 ? 0 : (labels.get(name) ?? -1), b.func(name, proto, i === 0 || f.endsWith('!') ? 1 : 0)];
    });
    return {
      prog_btf_fd: this.#btf(b),
      func_info_rec_size: 8,
      func_info: new Uint8Array(Uint32Array.from(info).buffer),
    };
  }

  verdict(p: Program, load: (run: () => number) => number = (run) => run()): string {
    const map = (name: string): number | undefined => {
      const spec = p.maps.get(name);
      // The first program that names a program array decides which programs it may hold.
      if (spec?.startsWith('prog_array')) return this.#map(`${spec} type=${p.type}`);
      return spec === undefined ? undefined : this.#map(spec);
    };
    const { insns, labels } = assembleProgram(p.body, { map });
    const log = new Uint8Array(1 << 22);
    const attr = {
      prog_type: p.type,
      insns: encodeInsns(patched(insns, p.patches)),
      license: p.license,
      prog_flags: p.flags,
      prog_name: 'lesson',
      expected_attach_type: p.attachType,
      log_level: 1,
      log_buf: log,
      ...(p.funcs.length > 0 ? this.#funcInfo(p, labels) : {}),
    };
    const fd = load(() => this.sys.bpf(BPF_CMD.BPF_PROG_LOAD, attr));
    if (fd >= 0) {
      this.sys.close(fd);
      return 'accept';
    }
    const lines = new TextDecoder()
      .decode(log.subarray(0, log.indexOf(0)))
      .trimEnd()
      .split('\n');
    const text = (lines.filter((l) => !l.startsWith('processed ')).at(-1) ?? '').replace(/processed \d+ insns.*/, '');
    return `reject ${errnoName(-fd)}: ${text}`.trim();
  }
}

const CAPS: Readonly<Record<CapsName, Caps>> = {
  all: ALL_CAPS,
  net: { bpf: true, perfmon: false, netAdmin: true, sysAdmin: false },
  bpf: { bpf: true, perfmon: false, netAdmin: false, sysAdmin: false },
};

/** An embedded kernel for each set of capabilities, and the catalogue ids that its rejections had. */
export class OurKernels {
  readonly ids = new Set<string>();
  readonly #judges = new Map<CapsName, Judge>();
  readonly #runtimes: Runtime[] = [];

  constructor(readonly vmlinux: Btf) {}

  verdict(p: Program): string {
    let judge = this.#judges.get(p.caps);
    if (judge === undefined) {
      const runtime = createRuntime({
        vmlinux: this.vmlinux,
        verifyOnly: true,
        memory: 64 << 20,
        cpus: 2,
        caps: CAPS[p.caps],
        onVerified: (o) => {
          if (!o.ok) this.ids.add(o.id);
        },
      });
      this.#runtimes.push(runtime);
      judge = new Judge(runtime);
      this.#judges.set(p.caps, judge);
    }
    return judge.verdict(p);
  }

  [Symbol.dispose](): void {
    for (const r of this.#runtimes) r[Symbol.dispose]();
  }
}
