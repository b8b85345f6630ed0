/** Programs with the live kernel's verdict, as text that reads like a lesson: `## name type options`, assembly, `-> verdict`. */
import { readFileSync } from 'node:fs';
import type { Btf } from '../../../../src/btf/btf.ts';
import { BTF_KIND } from '../../../../src/btf/types.ts';
import { assemble } from '../../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../../src/isa/encode.ts';
import type { BpfSyscall, MapCreateAttr, ProgLoadAttr } from '../../../../src/uapi/attr.ts';
import { BPF_CMD } from '../../../../src/uapi/cmd.ts';
import { errnoName } from '../../../../src/uapi/errno.ts';
import { BPF_MAP_TYPE as M } from '../../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE } from '../../../../src/uapi/prog-types.ts';

export interface Case {
  readonly name: string;
  readonly head: string;
  readonly type: number;
  readonly flags: number;
  readonly attachType: number;
  readonly license: string;
  readonly body: string;
  /** `accept, 12 insns` or `reject EACCES: text`. */
  readonly verdict: string;
}

/** Maps that a case may name as `map[hash]`. */
const MAPS: Readonly<Record<string, MapCreateAttr>> = {
  array: { map_type: M.BPF_MAP_TYPE_ARRAY, key_size: 4, value_size: 16, max_entries: 4 },
  hash: { map_type: M.BPF_MAP_TYPE_HASH, key_size: 8, value_size: 48, max_entries: 4 },
  ringbuf: { map_type: M.BPF_MAP_TYPE_RINGBUF, key_size: 0, value_size: 0, max_entries: 4096 },
  progs: { map_type: M.BPF_MAP_TYPE_PROG_ARRAY, key_size: 4, value_size: 4, max_entries: 4 },
  perf: { map_type: M.BPF_MAP_TYPE_PERF_EVENT_ARRAY, key_size: 4, value_size: 4, max_entries: 4 },
  stack: { map_type: M.BPF_MAP_TYPE_STACK, key_size: 0, value_size: 8, max_entries: 4 },
  bloom: { map_type: M.BPF_MAP_TYPE_BLOOM_FILTER, key_size: 0, value_size: 8, max_entries: 4 },
  sockmap: { map_type: M.BPF_MAP_TYPE_SOCKMAP, key_size: 4, value_size: 8, max_entries: 4 },
  devmap: { map_type: M.BPF_MAP_TYPE_DEVMAP, key_size: 4, value_size: 4, max_entries: 4 },
  percpu: { map_type: M.BPF_MAP_TYPE_PERCPU_ARRAY, key_size: 4, value_size: 8, max_entries: 4 },
  stacktrace: { map_type: M.BPF_MAP_TYPE_STACK_TRACE, key_size: 4, value_size: 80, max_entries: 4 },
  rdonly: { map_type: M.BPF_MAP_TYPE_ARRAY, key_size: 4, value_size: 16, max_entries: 1, map_flags: 128 },
};

/** The cases of a committed file. */
export function readCases(file: string): Case[] {
  const text = readFileSync(new URL(`../../../fixtures/verifier/calls/${file}`, import.meta.url), 'utf8');
  return text
    .split(/^## /m)
    .slice(1)
    .map((block) => {
      const end = block.indexOf('\n');
      const head = block.slice(0, end).trim();
      const [name, type, ...options] = head.split(/\s+/);
      const arrow = block.lastIndexOf('\n-> ');
      const option = (key: string): string | undefined =>
        options.find((o) => o.startsWith(`${key}=`))?.slice(key.length + 1);
      return {
        name,
        head,
        type: BPF_PROG_TYPE[`BPF_PROG_TYPE_${type.toUpperCase()}` as keyof typeof BPF_PROG_TYPE],
        flags: Number(option('flags') ?? 0),
        attachType: Number(option('attach') ?? 0),
        license: option('license') ?? 'GPL',
        body: block.slice(end + 1, arrow < 0 ? block.length : arrow + 1),
        verdict: arrow < 0 ? '' : block.slice(arrow + 4).trim(),
      };
    });
}

/** One kernel, embedded or real, and the maps made in it so far. */
export class Judge {
  readonly #maps = new Map<string, number>();

  constructor(
    readonly sys: BpfSyscall,
    readonly kernelBtf: Btf,
  ) {}

  #map(name: string): number {
    let fd = this.#maps.get(name);
    if (fd === undefined) {
      fd = this.sys.bpf(BPF_CMD.BPF_MAP_CREATE, { ...MAPS[name] });
      if (fd < 0) throw new Error(`map ${name}: ${fd}`);
      this.#maps.set(name, fd);
    }
    return fd;
  }

  #typeId(name: string, kind: number): string {
    const id = this.kernelBtf.find(name, kind);
    if (id <= 0) throw new Error(`the kernel has no ${name}`);
    return String(id);
  }

  /** Verdict in the words of the fixture files. `@name` is a kernel function, `%name` the id of a kernel struct. */
  verdict(c: Case): string {
    const body = c.body
      .replace(/@(\w+)/g, (_, f: string) => `bpf_kfunc#${this.#typeId(f, BTF_KIND.FUNC)}`)
      .replace(/%(\w+)/g, (_, f: string) => this.#typeId(f, BTF_KIND.STRUCT));
    const log = new Uint8Array(1 << 20);
    const attr: ProgLoadAttr = {
      prog_type: c.type,
      insns: encodeInsns(assemble(body, { map: (name) => this.#map(name) })),
      license: c.license,
      prog_flags: c.flags,
      prog_name: 'case',
      expected_attach_type: c.attachType,
      log_level: 1,
      log_buf: log,
    };
    const fd = this.sys.bpf(BPF_CMD.BPF_PROG_LOAD, attr);
    const lines = new TextDecoder()
      .decode(log.subarray(0, log.indexOf(0)))
      .trimEnd()
      .split('\n');
    if (fd < 0) {
      // A message without a newline runs into the statistics.
      const text = (lines.filter((l) => !l.startsWith('processed ')).at(-1) ?? '').replace(/processed \d+ insns.*/, '');
      return `reject ${errnoName(-fd)}: ${text.replace(/#\d+ (?=conv|ref|failed)/, '#N ')}`.trim();
    }
    this.sys.close(fd);
    return `accept, ${/^processed (\d+)/m.exec(lines.join('\n'))?.[1]} insns`;
  }
}
