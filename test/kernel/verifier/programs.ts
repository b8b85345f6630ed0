/** Programs as text that reads like a lesson: header lines `;; key: value`, assembly, `---` between programs (see programs/README.md). */
import { readFileSync } from 'node:fs';
import { BPF_ATTACH_TYPE } from '../../../src/uapi/attach-types.ts';
import { BPF_PROG_TYPE } from '../../../src/uapi/prog-types.ts';

/** What the loading process may do. */
export type CapsName = 'all' | 'bpf' | 'net' | 'none';

export interface Program {
  readonly name: string;
  readonly file: string;
  readonly type: number;
  readonly flags: number;
  readonly attachType: number;
  /** What it attaches to: a kernel function, typedef, struct or `struct.member`, or `#123`; '' when nothing. */
  readonly target: string;
  readonly license: string;
  readonly caps: CapsName;
  /** C declarations that become the program's BTF and that of its maps. */
  readonly c: string;
  /** Map specification by name. */
  readonly maps: ReadonlyMap<string, string>;
  /** func_info records that stand for those made from the declarations: `0=main 5=g`. */
  readonly funcInfo: readonly string[] | undefined;
  /** Instructions that line_info names: `0 2 5:text`. */
  readonly lines: readonly string[];
  /** Maps and numbers that fd_array holds. */
  readonly fdArray: readonly string[] | undefined;
  /** Fields of instructions that are changed behind the assembler: `3 code=0x87 off=1`. */
  readonly patches: readonly string[];
  readonly body: string;
  readonly logLevel: number;
  /** C declarations of a kernel that is made up, `none` for one without types, '' for Linux 6.18. */
  readonly kernel: string;
  /** The caller gives up while the program is verified. */
  readonly interrupted: boolean;
  /** The kernel was started with mitigations=off. */
  readonly unmitigated: boolean;
  /** Why the live kernel cannot be asked; '' when it can. */
  readonly unasked: string;
  /** The hole of Linux 6.18 through which that kernel accepts it; '' without. */
  readonly hole: string;
  /** `accept` or `reject EACCES: last line of the log`. */
  readonly verdict: string;
  /** Instructions that the kernel walked until it accepted; undefined when the file does not tell. */
  readonly insns: number | undefined;
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
  'hostile-holes.txt',
  'hostile-qdisc.txt',
] as const;

/** Ordinary programs that are refused, and some that are not; their verdicts are the live kernel's. */
export const LESSONS = [
  'malformed.txt',
  'pointers.txt',
  'capabilities.txt',
  'records.txt',
  'functions.txt',
  'values.txt',
  'objects.txt',
  'kernel-functions.txt',
  'stack.txt',
  'attach.txt',
  'kernel-memory.txt',
  'limits.txt',
  'qdisc.txt',
  'helper-calls.txt',
  'callbacks.txt',
  'kfunc-calls.txt',
  'dynptrs.txt',
] as const;

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
  const all = (key: string): string =>
    heads
      .filter((h) => h.startsWith(`${key}: `))
      .map((h) => h.slice(key.length + 2))
      .flatMap((h) => {
        const [, count, text] = /^(\d+) (.*)$/.exec(h) ?? ['', '1', h];
        return Array.from({ length: Number(count) }, (_, i) => text.replaceAll('{i}', String(i)));
      })
      .join('\n');
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
    attachType: /^\d*$/.test(last('attach') ?? '')
      ? Number(last('attach') ?? 0)
      : constant(BPF_ATTACH_TYPE, 'BPF_', last('attach') ?? ''),
    target: last('target') ?? '',
    license: last('license') ?? 'GPL',
    caps: (last('caps') ?? 'all') as CapsName,
    c: [all('c'), ...(last('funcs')?.split(/\s+/) ?? []).map(declared)].join('\n').trim(),
    maps: new Map(
      heads
        .filter((h) => h.startsWith('map: '))
        .map((h): [string, string] => {
          const [, map, spec] = /^map: (\w+) (.*)$/.exec(h) ?? [];
          return [map, spec];
        }),
    ),
    patches: heads.filter((h) => h.startsWith('patch: ')).map((h) => h.slice(7)),
    funcInfo: last('func_info')?.split(/\s+/),
    lines: last('lines')?.split(/\s+/) ?? [],
    fdArray: last('fd_array')?.split(/\s+/),
    body: repeated(body.map((l) => l.replace(/^[-+]/, ' '))).join('\n'),
    logLevel: Number(last('log') ?? 1),
    kernel: all('kernel'),
    interrupted: last('caller') === 'gives up',
    unmitigated: last('mitigations') === 'off',
    unasked: last('unasked') ?? '',
    hole: last('hole') ?? '',
    verdict,
    insns: verdict === 'accept' && counted !== undefined ? Number(counted) : undefined,
  });
  const said = heads.findLast((h) => /^(?:reject |accept$|accept, \d+ insns$)/.test(h)) ?? '';
  const counted = /^accept, (\d+) insns$/.exec(said)?.[1];
  const verdict = counted === undefined ? said : 'accept';
  const twin = code.some((l) => /^[-+] /.test(l));
  const without = (sign: string): string[] => code.filter((l) => !l.startsWith(`${sign} `));
  return {
    hostile: program(without('+'), verdict, ''),
    safe: twin ? program(without('-'), 'accept', 'safe twin') : undefined,
  };
}

/** The functions of `funcs`, as C: `cb` is static, `g!` and the first one are global. */
const declared = (name: string, i: number): string =>
  `${i === 0 || name.endsWith('!') ? '' : 'static '}int ${name.replace('!', '')}(u64 a);`;

/** Writes lines between `.repeat 100` and `.end` as often as it says, `{i}` in them counting from 0. */
function repeated(lines: readonly string[]): string[] {
  const out: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const count = /^\s*\.repeat (\d+)$/.exec(lines[i])?.[1];
    if (count === undefined) {
      out.push(lines[i]);
      continue;
    }
    const end = lines.findIndex((l, at) => at > i && l.trim() === '.end');
    const block = lines.slice(i + 1, end);
    for (let n = 0; n < Number(count); n++) out.push(...block.map((l) => l.replaceAll('{i}', String(n))));
    i = end;
  }
  return out;
}
