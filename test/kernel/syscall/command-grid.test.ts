/**
 * Every command of bpf(2), asked in binary form: every answer is that of Linux 6.18. Recorded there: `SKEP_GRID=grid.bin npx vitest run` of
 * this file writes the calls, which scripts/record-grid.c asks of a kernel; `SKEP_ANSWERS=answers.bin` keeps what it was told.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/kernel/boot/runtime.ts';
import { BPF_ATTR_SIZE } from '../../../src/uapi/attr/layout.ts';
import { BPF_CMD as C, bpfCmdName } from '../../../src/uapi/cmd.ts';
import { ERRNO, errnoName } from '../../../src/uapi/errno.ts';
import { commandGrid } from './command-changes.ts';
import {
  ARENA_AT,
  ARENA_SIZE,
  BAD_ADDRESS,
  BTF_NAMES,
  type Call,
  fillArena,
  FDS,
  type Field,
  SETUP,
  type Step,
  type Value,
} from './command-grid.ts';
import { kernelBtf } from './embedded.ts';

const FIXTURE = new URL('../../recorded/syscall/command-grid-6.18.txt', import.meta.url);
const grid = commandGrid(14_000, 900);

const STEPS = ['bpf', 'directory', 'kprobe', 'tracepoint'] as const;
const PLACES = { id: 0, pid: 1, btf: 2 } as const;

// What the recorder reads.

/** The attribute's bytes, and the places that the kernel fills. */
function attrOf(fields: readonly Field[], size: number, tail: number | undefined) {
  const bytes = new Uint8Array(Math.max(BPF_ATTR_SIZE, tail === undefined ? 0 : tail + 1));
  const view = new DataView(bytes.buffer);
  const places = new Map<number, readonly [kind: number, arg: number]>();
  for (const [off, width, value] of fields) {
    places.delete(off);
    const found = placeOf(value);
    if (found !== undefined) places.set(off, found);
    if (width === 8) view.setBigUint64(off, BigInt(plain(value)), true);
    else view.setUint32(off, Number(plain(value)), true);
  }
  if (tail !== undefined) bytes[tail] = 1;
  return { bytes: bytes.subarray(0, Math.min(size, bytes.length)), places };
}

function placeOf(value: Value): readonly [kind: number, arg: number] | undefined {
  if (value === 'pid') return [PLACES.pid, 0];
  if (typeof value !== 'object') return undefined;
  if ('id' in value) return [PLACES.id, FDS.get(value.id) ?? 0];
  return 'btf' in value ? [PLACES.btf, BTF_NAMES.indexOf(value.btf as (typeof BTF_NAMES)[0])] : undefined;
}

function plain(value: Value): number | bigint {
  if (typeof value !== 'object')
    return value === 'null' || value === 'pid' ? 0n : value === 'bad' ? BAD_ADDRESS : value;
  if ('at' in value) return ARENA_AT + BigInt(value.at);
  return 'fd' in value ? (FDS.get(value.fd) ?? 0) : 0;
}

function writeScript(path: string): void {
  const parts: Uint8Array[] = [];
  const put = (...words: number[]): void => void parts.push(new Uint8Array(Uint32Array.from(words).buffer));
  const image = new Uint8Array(ARENA_SIZE);
  fillArena(image);
  const places = (of: ReadonlyMap<number, readonly [number, number]>): void => {
    put(of.size);
    for (const [off, [kind, arg]] of of) put(off, kind, arg);
  };
  parts.push(image);
  put(SETUP.length);
  for (const step of SETUP) {
    const attr = attrOf(step.fields, BPF_ATTR_SIZE, undefined);
    const bytes = step.kind === 'bpf' ? attr.bytes : new TextEncoder().encode(`${step.text}\0`);
    put(STEPS.indexOf(step.kind), step.cmd, bytes.length);
    parts.push(bytes);
    places(step.kind === 'bpf' ? attr.places : new Map());
  }
  put(grid.length);
  for (const call of grid) {
    const attr = attrOf(call.fields, call.size, call.tail);
    put(call.cmd, call.caps, call.size, attr.bytes.length);
    parts.push(attr.bytes);
    places(attr.places);
  }
  writeFileSync(path, Buffer.concat(parts));
}

// The fixture: a line for each answer that there is, with how often it comes before the next one.

function keepAnswers(path: string): void {
  const bytes = readFileSync(path);
  const answers = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readInt32LE(4 * i));
  const runs: string[] = [];
  for (let i = 0; i < answers.length; ) {
    let n = i;
    while (answers[n] === answers[i]) n++;
    runs.push(n - i === 1 ? `${answers[i]}` : `${answers[i]}*${n - i}`);
    i = n;
  }
  writeFileSync(FIXTURE, `${runs.join(' ').replace(/(.{1,140})(?: |$)/g, '$1\n')}`);
}

const recorded = (): number[] =>
  readFileSync(FIXTURE, 'utf8')
    .trim()
    .split(/\s+/)
    .flatMap((run) => {
      const [value, times = '1'] = run.split('*');
      return Array.from({ length: Number(times) }, () => Number(value));
    });

if (process.env.SKEP_GRID !== undefined) writeScript(process.env.SKEP_GRID);
if (process.env.SKEP_ANSWERS !== undefined) keepAnswers(process.env.SKEP_ANSWERS);

// The embedded kernel.

const OPENS: ReadonlySet<number> = new Set([0, 5, 7, 13, 14, 17, 18, 19, 28, 30, 32, 33, 36]);

class Side {
  readonly caps = { bpf: true, perfmon: true, netAdmin: true, sysAdmin: true };
  readonly sys: Runtime = createRuntime({ kernelBtf, memory: 64 << 20, caps: this.caps });
  readonly #arena = new Uint8Array(ARENA_SIZE);
  readonly #image = new Uint8Array(ARENA_SIZE);
  readonly #memory = {
    read: (addr: bigint, size: number): Uint8Array | undefined => {
      const off = this.#at(addr, size);
      return off < 0 ? undefined : this.#arena.slice(off, off + size);
    },
    write: (addr: bigint, bytes: Uint8Array): boolean => {
      const off = this.#at(addr, bytes.length);
      if (off >= 0) this.#arena.set(bytes, off);
      return off >= 0;
    },
  };

  constructor() {
    fillArena(this.#image);
    this.#arena.set(this.#image);
    for (const step of SETUP) {
      const fd = this.#step(step);
      if (fd < 0) throw new Error(`${step.name}: ${errnoName(-fd)}`);
      expect(fd, step.name).toBe(step.name === undefined ? 0 : FDS.get(step.name));
    }
  }

  #at(addr: bigint, size: number): number {
    const off = Number(addr - ARENA_AT);
    return off >= 0 && off + size <= ARENA_SIZE ? off : -1;
  }

  #step({ kind, cmd, fields, text }: Step): number {
    const { sys } = this;
    if (kind === 'bpf') return this.#bpf(cmd, attrOf(fields, BPF_ATTR_SIZE, undefined));
    if (kind === 'kprobe') return sys.perfEventOpen({ type: 8, probe_name: text });
    if (kind === 'tracepoint') return sys.perfEventOpen({ type: 2, config: BigInt(sys.readText(text)) });
    sys.files!.mkdir(text);
    return sys.files!.openDirectory(text);
  }

  #bpf(cmd: number, { bytes, places }: ReturnType<typeof attrOf>, size = bytes.length): number {
    const attr = new Uint8Array(size);
    attr.set(bytes);
    for (const [off, [kind, arg]] of places) {
      const value =
        kind === PLACES.pid
          ? this.sys.world.tasks.current.pid
          : kind === PLACES.id
            ? this.#id(arg)
            : kernelBtf().find(BTF_NAMES[arg], arg === 1 ? 8 : 12);
      if (off + 4 <= size) new DataView(attr.buffer).setUint32(off, value, true);
    }
    return this.sys.bpfBinary(cmd, attr, this.#memory);
  }

  #id(fd: number): number {
    const info = new Uint32Array(64);
    this.sys.bpf(C.BPF_OBJ_GET_INFO_BY_FD, { info: { bpf_fd: fd, info: new Uint8Array(info.buffer) } });
    return info[fd === FDS.get('btf') ? 3 : 1];
  }

  ask(call: Call): number {
    this.#arena.set(this.#image);
    const set = (caps: number): void =>
      void Object.assign(this.caps, {
        bpf: (caps & 1) > 0,
        perfmon: (caps & 2) > 0,
        netAdmin: (caps & 4) > 0,
        sysAdmin: (caps & 8) > 0,
      });
    const attr = attrOf(call.fields, call.size, call.tail);
    const places = new Map([...attr.places].map(([off, [kind, arg]]) => [off, [kind, arg] as const]));
    const ids = new Map(
      [...places].filter(([, [kind]]) => kind === PLACES.id).map(([off, [, arg]]) => [off, this.#id(arg)]),
    );
    for (const [off, id] of ids) {
      places.delete(off);
      if (off + 4 <= attr.bytes.length) new DataView(attr.bytes.buffer).setUint32(off, id, true);
    }
    set(call.caps);
    const result = this.#bpf(call.cmd, { bytes: attr.bytes, places }, call.size);
    set(15);
    if (result >= 0 && OPENS.has(call.cmd)) {
      this.sys.close(result);
      return 1;
    }
    if (result === 0 && call.cmd === C.BPF_OBJ_PIN)
      for (const path of ['grid/new', 'grid/none', 'new', 'map']) this.sys.files!.unlink(`/sys/fs/bpf/${path}`);
    return result;
  }
}

/** What is not there yet is refused by name, where Linux would have done it. */
const NOT_YET: ReadonlySet<number> = new Set([C.BPF_LINK_CREATE, C.BPF_PROG_ATTACH]);

/** Answers that differ, with the reason: command, part of the name, the answer here and there. */
const KNOWN: readonly (readonly [cmd: number, name: RegExp, got: number, want: number])[] = [
  // That kernel verifies signatures, and says that these are none; this one is built without.
  [C.BPF_PROG_LOAD, /signature/, -ERRNO.EOPNOTSUPP, -ERRNO.EBADMSG],
  // Refused where attach types are checked; there at the end of verification, which knows no return value for it.
  [C.BPF_PROG_LOAD, /expected_attach_type 27/, -ERRNO.EINVAL, -ERRNO.ENOTSUPP],
];

describe.skipIf(!existsSync(FIXTURE))('every command of bpf(2)', () => {
  test('answers as Linux 6.18 does', () => {
    const wanted = recorded();
    expect(wanted).toHaveLength(grid.length);
    expect(new Set(grid.map(({ cmd }) => cmd)).size).toBeGreaterThanOrEqual(38);
    const side = new Side();
    const wrong: string[] = [];
    let notYet = 0;
    for (const [i, call] of grid.entries()) {
      const got = side.ask(call);
      const want = wanted[i];
      if (got === want) continue;
      if (got === -ERRNO.EOPNOTSUPP && want >= 0 && NOT_YET.has(call.cmd)) {
        notYet++;
        continue;
      }
      if (
        KNOWN.some(
          ([cmd, name, here, there]) => cmd === call.cmd && name.test(call.name) && got === here && want === there,
        )
      )
        continue;
      const say = (answer: number): string => (answer < 0 ? errnoName(-answer) : `${answer}`);
      wrong.push(`${i} ${bpfCmdName(call.cmd)} caps ${call.caps} ${call.name}: ${say(got)}, Linux ${say(want)}`);
    }
    if (process.env.SKEP_SHOW !== undefined) writeFileSync(process.env.SKEP_SHOW, wrong.join('\n'));
    expect(wrong.slice(0, 40)).toEqual([]);
    // Hooks of devices and namespaces.
    expect(notYet).toBeLessThan(40);
  });
});
