/**
 * The door never throws: random attributes of every command, typed, weak and binary, against embedded kernels with and without
 * kernel types, privileges and engines. A case is one attribute; the answer must be a descriptor, 0 or -errno.
 */
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import type { Btf } from '../../../src/btf/btf.ts';
import type { Runtime } from '../../../src/kernel/boot/assemble.ts';
import { type AttrField, ATTR_LAYOUTS, type AttrLayout, BPF_ATTR_SIZE } from '../../../src/uapi/attr/layout.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import type { UserMemory } from '../../../src/uapi/attr/decode.ts';
import { Rng } from '../differential/rng.ts';
import { programSeed } from '../differential/rng.ts';
import type { Proof, Report } from '../soundness/command.ts';
import { BTF_OF_INT, fitting, NO_COMMANDS, RETURN_0, strange } from './values.ts';

type Fields = Record<string, unknown>;
type Loose = (cmd: unknown, attr: unknown) => unknown;

/** Kernels are made anew after so many cases, so that a case can be found again without all before it. */
const ROUND = 2000;
const MAX_FDS = 24;
const WEIGHTS: readonly (readonly [weight: number, cmd: number])[] = Object.keys(ATTR_LAYOUTS).map((cmd) => [
  Number(cmd) === C.BPF_PROG_LOAD ? 1 : Number(cmd) === C.BPF_MAP_CREATE ? 8 : 4,
  Number(cmd),
]);

const KERNELS: readonly ((vmlinux: Btf) => Runtime)[] = [
  (vmlinux) => createRuntime({ kernelBtf: vmlinux, memory: 32 << 20, cpus: 2, engine: 'interp' }),
  () => createRuntime({ memory: 32 << 20, engine: 'interp' }),
  (vmlinux) => createRuntime({ kernelBtf: vmlinux, memory: 32 << 20 }),
  (vmlinux) => createRuntime({ kernelBtf: vmlinux, memory: 16 << 20, verifyOnly: true }),
  (vmlinux) =>
    createRuntime({
      ...{ vmlinux, memory: 16 << 20, engine: 'interp' },
      caps: { bpf: false, netAdmin: false, perfmon: false, sysAdmin: false },
    }),
];

/** Memory of a binary attribute's pointers: one page at an address that is easily met. */
class Page implements UserMemory {
  readonly bytes = new Uint8Array(4096);
  read(addr: bigint, size: number): Uint8Array | undefined {
    const at = Number(addr);
    return at >= 4096 && at + size <= 8192 ? this.bytes.slice(at - 4096, at - 4096 + size) : undefined;
  }
  write(addr: bigint, bytes: Uint8Array): boolean {
    const at = Number(addr);
    if (at < 4096 || at + bytes.length > 8192) return false;
    this.bytes.set(bytes, at - 4096);
    return true;
  }
}

class Round {
  readonly #sys: Runtime;
  readonly #fds: number[] = [];
  readonly #page = new Page();

  constructor(sys: Runtime) {
    this.#sys = sys;
    const size = { value_size: 8, max_entries: 4 };
    const made = [
      ...[1, 2, 5, 6, 9].map((map_type) => sys.bpf(C.BPF_MAP_CREATE, { map_type, key_size: 4, ...size })),
      sys.bpf(C.BPF_MAP_CREATE, { map_type: 11, key_size: 8, ...size, map_flags: 1 }),
      sys.bpf(C.BPF_MAP_CREATE, { map_type: 22, key_size: 0, ...size }),
      sys.bpf(C.BPF_BTF_LOAD, { btf: BTF_OF_INT }),
      ...[1, 3, 6, 17].map((prog_type) => sys.bpf(C.BPF_PROG_LOAD, { prog_type, insns: RETURN_0, license: 'GPL' })),
    ];
    this.#fds.push(...made.filter((fd) => fd > 2));
  }

  [Symbol.dispose](): void {
    this.#sys[Symbol.dispose]();
  }

  one(rng: Rng, report: Report, name: string): void {
    const way = rng.below(100);
    try {
      if (way < 2) this.#noCommand(rng, report, name);
      else if (way < 4) this.#close(rng, report, name);
      else this.#command(rng, report, name, way < 45 ? 'typed' : way < 80 ? 'weak' : 'binary');
    } catch (error) {
      report.fail(`${name} throws ${error instanceof Error ? error.stack : String(error)}`);
    }
  }

  #noCommand(rng: Rng, report: Report, name: string): void {
    const cmd = rng.pick(NO_COMMANDS);
    report.count('no command');
    const answer = (this.#sys.bpf as Loose).call(this.#sys, cmd, rng.chance(50) ? {} : strange(rng));
    if (answer !== -ERRNO.EINVAL) report.fail(`${name}: command ${String(cmd)} answers ${String(answer)}`);
  }

  #close(rng: Rng, report: Report, name: string): void {
    report.count('close');
    const given =
      rng.chance(70) && this.#fds.length > 0 ? this.#fds.splice(rng.below(this.#fds.length), 1)[0] : strange(rng);
    const answer = this.#sys.close(given as number);
    if (answer !== 0 && answer !== -ERRNO.EBADF) report.fail(`${name}: close answers ${answer}`);
  }

  #command(rng: Rng, report: Report, name: string, way: 'typed' | 'weak' | 'binary'): void {
    const cmd = rng.weighted(WEIGHTS);
    const layout: AttrLayout = (ATTR_LAYOUTS as Readonly<Record<number, AttrLayout>>)[cmd];
    report.count(way);
    const answer =
      way === 'binary'
        ? this.#sys.bpfBinary(cmd, this.#binary(layout, rng), this.#page)
        : (this.#sys.bpf as Loose).call(this.#sys, cmd, this.#attr(layout, rng, way === 'weak'));
    if (typeof answer !== 'number' || !Number.isInteger(answer) || answer < -4095)
      report.fail(`${name}: command ${cmd} answers ${String(answer)}`);
    else if (answer > 2) this.#keep(answer);
    report.count(Number(answer) < 0 ? 'refused' : 'done');
  }

  #keep(fd: number): void {
    this.#fds.push(fd);
    if (this.#fds.length > MAX_FDS) this.#sys.close(this.#fds.shift() as number);
  }

  #attr(layout: AttrLayout, rng: Rng, weak: boolean): unknown {
    if (weak && rng.chance(3)) return strange(rng);
    const fields: Fields = {};
    const likely = (field: AttrField): boolean => field.off < 16 || field.kind === 'cstr' || field.size !== undefined;
    for (const field of layout.fields) {
      if (weak && rng.chance(6)) fields[field.name] = strange(rng);
      else if (rng.chance(likely(field) ? 95 : 8)) fields[field.name] = fitting(field, rng, this.#fds);
    }
    if (weak && rng.chance(5)) takesAway(fields, rng.pick(layout.fields).name, rng);
    if (rng.chance(10)) fields['data_size_out'] = weak ? strange(rng) : rng.below(5000);
    if (layout.group === 'info' && rng.chance(50)) {
      fields['kind'] = weak && rng.chance(20) ? strange(rng) : rng.pick(['prog', 'map', 'btf']);
      const buffer = weak && rng.chance(20) ? strange(rng) : new Uint8Array(rng.below(64));
      fields['buffers'] = { [rng.pick(['map_ids', 'hash', 'name', '__proto__', 'constructor', 'btf'])]: buffer };
    }
    const given = weak && rng.chance(2) ? Object.freeze(fields) : fields;
    return layout.group === '' ? given : { [layout.group]: weak && rng.chance(3) ? strange(rng) : given };
  }

  #binary(layout: AttrLayout, rng: Rng): Uint8Array {
    const size = rng.chance(80) ? layout.size : rng.below(rng.chance(50) ? 24 : 300);
    const bytes = new Uint8Array(Math.max(size, BPF_ATTR_SIZE));
    const view = new DataView(bytes.buffer);
    for (const field of layout.fields) {
      if (rng.chance(30)) continue;
      if (field.kind === 'name') bytes[field.off] = rng.u32();
      else if (field.kind === 'u32' || field.kind === 's32')
        view.setUint32(field.off, Number(fitting(field, rng, this.#fds)), true);
      else if (field.kind === 'u64')
        view.setBigUint64(field.off, BigInt.asUintN(64, rng.chance(60) ? 0n : BigInt(rng.u32()) << 20n), true);
      else {
        view.setBigUint64(field.off, BigInt(rng.chance(80) ? 4096 + rng.below(4000) : rng.u32()), true);
        if (field.lenAt !== undefined) view.setUint32(field.lenAt, rng.chance(90) ? rng.below(80) : rng.u32(), true);
      }
    }
    if (rng.chance(3)) bytes[rng.below(bytes.length)] = 1;
    // The repeats of a run are what the caller asks for; a fuzz has no time for them.
    if (layout.group === 'test') view.setUint32(32, rng.below(3), true);
    return bytes.subarray(0, size);
  }
}

/** Makes a field a getter that takes away the memory of all buffers given, and may throw. */
function takesAway(fields: Fields, name: string, rng: Rng): void {
  const buffers = Object.values(fields).filter(
    (v): v is Uint8Array<ArrayBuffer> => ArrayBuffer.isView(v) && Object.getPrototypeOf(v) === Uint8Array.prototype,
  );
  const thrown = rng.chance(30);
  Object.defineProperty(fields, name, {
    enumerable: true,
    get() {
      for (const { buffer } of buffers)
        if (buffer instanceof ArrayBuffer && buffer.byteLength > 0) structuredClone(buffer, { transfer: [buffer] });
      if (thrown) throw new RangeError('a getter of the caller');
      return 4;
    },
  });
}

export const ATTRS: Proof = {
  name: 'attrs',
  n: 5_000_000,
  async prepare(seed) {
    const vmlinux = await loadPackagedBtf();
    let round: Round | undefined;
    let left = 0;
    return {
      run(index, report) {
        if (round === undefined || left-- === 0) {
          round?.[Symbol.dispose]();
          round = new Round(KERNELS[Math.floor(index / ROUND) % KERNELS.length](vmlinux));
          left = ROUND - 1;
        }
        round.one(new Rng(programSeed(seed, index)), report, `case ${index} of seed ${seed}`);
      },
    };
  },
};
