/** What a kernel, embedded or real, says of the programs of the data files. */
import { Btf } from '../../../src/btf/btf.ts';
import { BTF_KIND } from '../../../src/btf/types.ts';
import { assembleProgram } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { type Insn, Insns } from '../../../src/isa/insn.ts';
import { BPF_PSEUDO_BTF_ID } from '../../../src/isa/opcodes.ts';
import { buildRuntime, type Runtime } from '../../../src/kernel/boot/runtime.ts';
import { ALL_CAPS, type Caps } from '../../../src/kernel/rules/prog-type.ts';
import { verify } from '../../../src/kernel/verifier/check.ts';
import type { VerifierInput, VerifierOutcome } from '../../../src/kernel/verifier/result.ts';
import type { BpfSyscall, MapCreateAttr, ProgLoadAttr } from '../../../src/uapi/attr/attr.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { errnoName } from '../../../src/uapi/errno.ts';
import { BPF_MAP_TYPE } from '../../../src/uapi/map-types.ts';
import { type CTypes, parseC } from './c-types.ts';
import type { CapsName, Program } from './programs.ts';

/** What `map: m ... lock` and `timer` give the value. */
const LOCK = 'struct value { u32 count; struct bpf_spin_lock lock; u64 data; };';
const TIMER = 'struct value { struct bpf_timer timer; u64 data; };';
const KERNEL_KINDS = [BTF_KIND.STRUCT, BTF_KIND.UNION, BTF_KIND.TYPEDEF, BTF_KIND.FUNC, BTF_KIND.VAR, BTF_KIND.INT];
const STATISTICS = /^(processed \d|verification time |stack depth )/;
const LOG_SIZE = 1 << 22;
const SHA256_SIZE = 32;

interface Loaded extends CTypes {
  readonly fd: number;
}

/** Changes fields of instructions that no assembler would write: `3 code=0x87 off=1`. */
function patched(insns: Insns, patches: readonly string[]): Insns {
  if (patches.length === 0) return insns;
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

const words = (values: readonly number[]): Uint8Array =>
  new Uint8Array(Uint32Array.from(values, (v) => v >>> 0).buffer);

/** One kernel, embedded or real, with the maps and types made in it so far. */
export class Judge {
  readonly #maps = new Map<string, number>();
  readonly #types = new Map<string, Loaded>();
  /** Instructions that the last verification walked. */
  processed = 0;

  constructor(
    readonly sys: BpfSyscall,
    /** The kernel's own types; absent in a kernel without. */
    readonly kernelBtf?: Btf,
  ) {}

  verdict(p: Program, load: (run: () => number) => number = (run) => run()): string {
    const attr = this.#attr(p);
    const fd = load(() => this.sys.bpf(BPF_CMD.BPF_PROG_LOAD, attr));
    const log = attr.log_buf as Uint8Array;
    const text = new TextDecoder().decode(log.subarray(0, log.indexOf(0)));
    this.processed = Number(/processed (\d+) insns/.exec(text)?.[1] ?? 0);
    if (fd >= 0) {
      this.sys.close(fd);
      return 'accept';
    }
    return this.#rejection(-fd, text.split('\n'), p);
  }

  #rejection(errno: number, lines: readonly string[], p: Program): string {
    // A message without newline runs into the statistics.
    const last = lines.findLast((l) => l !== '' && !STATISTICS.test(l)) ?? '';
    const text = last
      .replace(/processed \d+ insns.*/, '')
      .replace(/#\d+ (?=conv|ref|failed)/, '#N ')
      .replace(/^(\d+: \(85\) call \w+)#\d+$/, '$1#N')
      .replace(`fd ${this.#types.get(p.c)?.fd} `, 'fd btf ');
    return `reject ${errnoName(errno)}: ${text}`.trim();
  }

  #attr(p: Program): ProgLoadAttr {
    const types = p.c === '' ? undefined : this.#btf(p.c);
    const map = (name: string): number | undefined => {
      const spec = p.maps.get(name);
      if (spec === undefined) return undefined;
      // The first program that names a program array decides which programs it may hold.
      return this.#map(spec.startsWith('prog_array') ? `${spec} type=${p.type}` : spec, p.c);
    };
    const named = (text: string): string => this.#names(text, types);
    const body = p.body.split('\n');
    const variables = body.flatMap((l, i) => (/= ksym\(/.test(l) ? [i + 1] : []));
    const { insns, labels, lines } = assembleProgram(named(p.body), { map });
    const at = variables.map((line) => `${lines.indexOf(line)} src=${BPF_PSEUDO_BTF_ID}`);
    const target = this.#target(p);
    return {
      prog_type: p.type,
      insns: encodeInsns(patched(insns, [...at, ...p.patches.map(named)])),
      license: p.license,
      prog_flags: p.flags,
      prog_name: 'lesson',
      expected_attach_type: target?.member ?? p.attachType,
      ...(target === undefined ? {} : { attach_btf_id: target.id }),
      ...(p.fdArray === undefined ? {} : { fd_array: words(p.fdArray.map((f) => map(f) ?? this.#fd(f, types))) }),
      log_level: p.logLevel,
      log_buf: new Uint8Array(LOG_SIZE),
      ...(types === undefined ? {} : this.#records(p, types, labels)),
    };
  }

  /** `btf` is the program's own, everything else a number. */
  #fd(name: string, types: Loaded | undefined): number {
    return name === 'btf' ? (types?.fd ?? 0) : Number(name);
  }

  /** Replaces `@f`, `kernel(s)`, `ksym(v)` and `local(s)` by what they are numbered here. */
  #names(text: string, types: Loaded | undefined): string {
    return text
      .replace(/call @(\w+)/g, (_, f: string) => `call bpf_kfunc#${this.#kernelId(f, [BTF_KIND.FUNC])}`)
      .replace(/ksym\((\w+)\)/g, (_, v: string) => `${this.#kernelId(v, [BTF_KIND.VAR, BTF_KIND.FUNC])} ll`)
      .replace(/kernel\((\w+)\)/g, (_, s: string) => String(this.#kernelId(s, KERNEL_KINDS)))
      .replace(/local\((\w+)\)/g, (_, s: string) => {
        const id = types?.types.get(s);
        if (id === undefined) throw new Error(`no C type ${s}`);
        return String(id);
      });
  }

  /** The kernel's number of a type; in a kernel without types, any. */
  #kernelId(name: string, kinds: readonly number[]): number {
    if (this.kernelBtf === undefined) return 1;
    for (const kind of kinds) {
      const id = this.kernelBtf.find(name, kind);
      if (id > 0) return id;
    }
    throw new Error(`the kernel has no ${name}`);
  }

  #target({ target }: Program): { id: number; member?: number } | undefined {
    if (target === '' || target === 'none') return undefined;
    if (target.startsWith('#')) return { id: Number(target.slice(1)) };
    const [name, member] = target.split('.');
    if (member === undefined) return { id: this.#kernelId(name, [BTF_KIND.FUNC, ...KERNEL_KINDS]) };
    const id = this.#kernelId(name, [BTF_KIND.STRUCT]);
    return { id, member: this.kernelBtf?.type(id)?.members.findIndex((m) => m.name === member) ?? 0 };
  }

  #btf(c: string): Loaded {
    let types = this.#types.get(c);
    if (types === undefined) {
      const parsed = parseC(c);
      const id = (name: string, size: number): [string, number] => [name, parsed.btf.int(name, size)];
      // What keys of maps are typed with.
      const keys = new Map([...parsed.types, id('key4', 4), id('key8', 8)]);
      const fd = this.sys.bpf(BPF_CMD.BPF_BTF_LOAD, { btf: parsed.btf.encode() });
      if (fd < 0) throw new Error(`BTF: ${errnoName(-fd)}: ${c}`);
      types = { ...parsed, types: keys, fd };
      this.#types.set(c, types);
    }
    return types;
  }

  #map(spec: string, c: string): number {
    const key = `${spec} ${c}`;
    const known = this.#maps.get(key);
    if (known !== undefined) return known;
    const [type, ...options] = spec.split(/\s+/);
    const text = (name: string): string => options.find((o) => o.startsWith(`${name}=`))?.slice(name.length + 1) ?? '0';
    const attr: MapCreateAttr = {
      map_type: BPF_MAP_TYPE[`BPF_MAP_TYPE_${type.toUpperCase()}` as keyof typeof BPF_MAP_TYPE],
      key_size: Number(text('key')),
      value_size: Number(text('value')),
      max_entries: Number(text('entries')),
      map_flags: Number(text('flags')),
      map_extra: BigInt(text('extra')),
    };
    const short = options.includes('lock') ? LOCK : options.includes('timer') ? TIMER : '';
    if (short !== '') this.#typed(attr, this.#btf(short), 'value');
    else if (!/^\d/.test(text('value'))) this.#typed(attr, this.#btf(c), text('value'));
    if (type === 'struct_ops') {
      attr.btf_fd = this.#btf(c).fd;
      attr.btf_vmlinux_value_type_id = this.#kernelId(`bpf_struct_ops_${text('ops')}`, [BTF_KIND.STRUCT]);
      attr.value_size = this.kernelBtf?.sizeOf(attr.btf_vmlinux_value_type_id) ?? 0;
    }
    // Made for a program whose hash nothing has.
    if (options.includes('exclusive')) attr.excl_prog_hash = new Uint8Array(SHA256_SIZE);
    if (type.endsWith('_of_maps')) attr.inner_map_fd = this.#map('array key=4 value=48 entries=1', '');
    const fd = this.sys.bpf(BPF_CMD.BPF_MAP_CREATE, attr);
    if (fd < 0) throw new Error(`map ${spec}: ${errnoName(-fd)}`);
    this.#maps.set(key, fd);
    this.#fill(fd, attr, text('text'));
    if (options.includes('frozen')) this.sys.bpf(BPF_CMD.BPF_MAP_FREEZE, { map_fd: fd });
    return fd;
  }

  #typed(attr: MapCreateAttr, types: Loaded, value: string): void {
    attr.btf_fd = types.fd;
    attr.btf_key_type_id = types.types.get(`key${attr.key_size}`) ?? 0;
    attr.btf_value_type_id = types.types.get(value) ?? 0;
    attr.value_size = types.sizes.get(value) ?? 0;
  }

  /** `text=...` fills the first element of an array; it is ended by a 0 byte when the value has room for one. */
  #fill(fd: number, attr: MapCreateAttr, text: string): void {
    if (text === '0') return;
    const value = new Uint8Array(attr.value_size);
    value.set(new TextEncoder().encode(text).subarray(0, attr.value_size));
    this.sys.bpf(BPF_CMD.BPF_MAP_UPDATE_ELEM, { map_fd: fd, key: new Uint8Array(attr.key_size), value });
  }

  /** func_info of the functions that have a label (main may do without), and line_info. */
  #records(p: Program, types: Loaded, labels: ReadonlyMap<string, number>): Partial<ProgLoadAttr> {
    const start = (name: string): number => labels.get(name) ?? (name === 'main' ? 0 : -1);
    const func =
      p.funcInfo?.map((record) => {
        const [insn, type] = record.split('=');
        return [Number(insn), type.startsWith('#') ? Number(type.slice(1)) : (types.types.get(type) ?? 0)];
      }) ??
      [...types.funcs]
        .map(([name, id]) => [start(name), id])
        .filter(([insn]) => insn >= 0)
        .sort((a, b) => a[0] - b[0]);
    const line = p.lines.map((l) => {
      const [insn, text] = l.split(':');
      // Names that lie in the string section, or one that lies behind it.
      return [Number(insn), 1, text === undefined ? 1 : Number(text), 1 << 10];
    });
    return {
      prog_btf_fd: types.fd,
      ...(func.length === 0 ? {} : { func_info_rec_size: 8, func_info: words(func.flat()) }),
      ...(line.length === 0 ? {} : { line_info_rec_size: 16, line_info: words(line.flat()) }),
    };
  }
}

const NO_CAPS: Caps = { bpf: false, perfmon: false, netAdmin: false, sysAdmin: false };
const CAPS: Readonly<Record<CapsName, Caps>> = {
  all: ALL_CAPS,
  net: { ...NO_CAPS, bpf: true, netAdmin: true },
  bpf: { ...NO_CAPS, bpf: true },
  none: NO_CAPS,
};

/** An embedded kernel for each set of capabilities, and the catalogue ids that its rejections had. */
export class OurKernels {
  readonly ids = new Set<string>();
  readonly #judges = new Map<string, Judge>();
  readonly #runtimes: Runtime[] = [];

  constructor(
    readonly vmlinux: Btf,
    /** What verifies in them. */
    readonly verifier: (input: VerifierInput) => VerifierOutcome = verify,
  ) {}

  /** The verdict in a kernel with the program's capabilities and types. */
  verdict(p: Program): string {
    return this.judge(p).verdict(p);
  }

  judge(p: Program): Judge {
    const key = `${p.caps} ${p.kernel} ${p.interrupted} ${p.unmitigated}`;
    let judge = this.#judges.get(key);
    if (judge === undefined) {
      judge = this.#judge(p);
      this.#judges.set(key, judge);
    }
    return judge;
  }

  #judge({ caps, kernel, interrupted, unmitigated }: Program): Judge {
    const own = kernel === 'none' ? undefined : kernel === '' ? this.vmlinux : Btf.parse(parseC(kernel).btf.encode());
    const runtime = buildRuntime(
      {
        ...(own === undefined ? {} : { vmlinux: own }),
        verifyOnly: true,
        memory: 64 << 20,
        cpus: 2,
        // bpf(2) refuses a loader without CAP_BPF at once where kernel.unprivileged_bpf_disabled is set; the verifier is asked nonetheless.
        caps: CAPS[caps === 'none' ? 'bpf' : caps],
        onVerified: (o) => {
          if (!o.ok) this.ids.add(o.id);
          for (const id of o.notes) this.ids.add(id);
        },
      },
      (input) =>
        this.verifier({
          ...input,
          ...(caps === 'none' ? { caps: NO_CAPS } : {}),
          ...(unmitigated ? { mitigationsOff: true } : {}),
          ...(interrupted ? { signal: AbortSignal.abort() } : {}),
        }),
    );
    this.#runtimes.push(runtime);
    return new Judge(runtime, own);
  }

  [Symbol.dispose](): void {
    for (const r of this.#runtimes) r[Symbol.dispose]();
  }
}
