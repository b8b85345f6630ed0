/** From a program of a collection to the attributes of BPF_PROG_LOAD: assembled, CO-RE relocated, references resolved. */
import type { Btf } from '../btf/btf.ts';
import { BTF_KIND } from '../btf/types.ts';
import type { Insns } from '../isa/insn.ts';
import { BPF_PSEUDO_BTF_ID, BPF_PSEUDO_KFUNC_CALL, BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE } from '../isa/opcodes.ts';
import type { ProgLoadAttr } from '../uapi/attr/attr.ts';
import { BPF_PROG_TYPE } from '../uapi/prog-types.ts';
import { type Assembled, assemble } from './assemble.ts';
import { attachTarget } from './attach/attach-target.ts';
import type { CollectionSpec } from './collection-spec.ts';
import type { TargetProgram } from './load/target-program.ts';
import { typesAreCompatible } from './core-relo/compat.ts';
import { explainMissing } from './core-relo/explain.ts';
import { BAD_RELO } from './core-relo/patch.ts';
import { CoreRelocator } from './core-relo/relocate.ts';
import { loaderError } from './errors.ts';
import { encodeInsns } from '../isa/encode.ts';
import { type Missing, MISSING_KFUNC, missingKfunc } from './missing.ts';
import { kernelName } from './object/map-common.ts';
import { withoutType } from './sections.ts';
import { essentialName } from '../btf/name-index.ts';
import type { ExternSpec, MapSpec, ProgramSpec } from './spec.ts';
import { BPF_F_SLEEPABLE, BPF_F_XDP_HAS_FRAGS } from '../uapi/flags.ts';

/** A program's needs from outside. */
export interface PrepareEnv {
  /** Types of the kernel that loads: attach targets, kfuncs, variables; and the target of CO-RE, unless `targetBtf` is another. */
  readonly kernelBtf?: Btf;
  readonly targetBtf?: Btf;
  /** File descriptor (or any number that stands for one) of a map. Asked once for each map that the program uses. */
  mapFd(map: MapSpec): number;
  /** File descriptor of the object's BTF; 0 loads without function and line information. */
  readonly btfFd?: number;
  /** Addresses of kernel symbols, for externs without a type (kallsyms). */
  readonly ksyms?: (name: string) => bigint | undefined;
  /** Program that is replaced or traced. */
  readonly target?: TargetProgram;
  /** Shared between the programs of one object. */
  readonly relocator?: CoreRelocator;
}

export interface PreparedProgram {
  readonly spec: ProgramSpec;
  readonly insns: Insns;
  /** Names of the maps that the program refers to. */
  readonly maps: readonly string[];
  readonly attr: ProgLoadAttr;
  /** Instructions that stand for what the kernel does not have. */
  readonly missing: readonly Missing[];
}

/** Prepares the program `name` (key or name) of the collection. Throws BpfError; other programs are not touched. */
export function prepareProgram(spec: CollectionSpec, name: string, env: PrepareEnv): PreparedProgram {
  const program = spec.program(name);
  if (program === undefined) throw loaderError(`prepare ${name}`, 'ENOENT', 'the object has no such program');
  const op = `prepare ${program.key}`;
  if (program.type === 0) throw loaderError(op, 'EINVAL', withoutType(program.section));
  if (!spec.littleEndian) throw loaderError(op, 'EOPNOTSUPP', 'the object is big-endian');
  const built = assemble(spec, program);
  const missing: Missing[] = [];
  if (built.coreRelos.length > 0 && spec.btf) {
    const relocator = env.relocator ?? new CoreRelocator(spec.btf, env.targetBtf ?? env.kernelBtf, spec.littleEndian);
    for (const relo of relocator.apply(program.key, built.insns, built.coreRelos)) {
      const { local, target } = relocator;
      missing.push({ insn: relo.insn, call: BAD_RELO, why: () => explainMissing(local, target, relo) });
    }
  }
  const maps = resolveRefs(spec, program, built, env, missing);
  const byType = program.attachBtf || program.type === BPF_PROG_TYPE.BPF_PROG_TYPE_STRUCT_OPS;
  const target = attachTarget(program, byType ? env.kernelBtf : undefined, env.target);
  const sleepable = program.sleepable ? BPF_F_SLEEPABLE : 0;
  const frags = program.xdpFrags ? BPF_F_XDP_HAS_FRAGS : 0;
  const attr: ProgLoadAttr = {
    prog_type: program.type,
    insns: encodeInsns(built.insns),
    license: spec.license,
    kern_version: spec.version,
    prog_flags: program.flags | sleepable | frags,
    prog_name: kernelName(program.name),
    expected_attach_type: target.expectedAttachType,
    attach_btf_id: target.btfId,
    ...(env.target ? { attach_prog_fd: env.target.fd } : {}),
    ...(env.btfFd ? infoAttrs(built, env.btfFd) : {}),
  };
  return { spec: program, insns: built.insns, maps, attr, missing };
}

/** func_info and line_info, when every function of the program has its type. */
function infoAttrs(built: Assembled, fd: number): Partial<ProgLoadAttr> {
  if (!built.pieces.every((p) => p.fn.btfId !== 0)) return {};
  const funcs = words(built.pieces.flatMap((p) => [p.start, p.fn.btfId]));
  const lines = words(built.lines.flatMap((l) => [l.insn, l.fileOff, l.lineOff, l.lineCol]));
  return {
    prog_btf_fd: fd,
    func_info_rec_size: 8,
    func_info: funcs,
    ...(lines.length > 0 ? { line_info_rec_size: 16, line_info: lines } : {}),
  };
}

function words(list: readonly number[]): Uint8Array {
  const out = new Uint8Array(list.length * 4);
  const view = new DataView(out.buffer);
  list.forEach((v, i) => {
    view.setUint32(i * 4, v, true);
  });
  return out;
}

/** Fills maps, global data, externs and kfuncs in; returns the maps' names. */
function resolveRefs(
  spec: CollectionSpec,
  program: ProgramSpec,
  built: Assembled,
  env: PrepareEnv,
  missing: Missing[],
): string[] {
  const { insns } = built;
  const fds = new Map<string, number>();
  const kfuncs = new Map<string, number>();
  const fdOf = (name: string): number => {
    let fd = fds.get(name);
    if (fd === undefined) {
      const map = spec.maps.get(name);
      if (map === undefined) throw loaderError(`prepare ${program.key}`, 'ENOENT', `map ${name} does not exist`);
      fd = env.mapFd(map);
      fds.set(name, fd);
    }
    return fd;
  };
  const wide = (i: number, src: number, lo: number, hi: number): void => {
    insns.src[i] = src;
    insns.imm[i] = lo;
    insns.imm[i + 1] = hi;
  };
  for (const ref of built.refs) {
    if (ref.kind === 'map') wide(ref.insn, BPF_PSEUDO_MAP_FD, fdOf(ref.map), 0);
    else if (ref.kind === 'data') wide(ref.insn, BPF_PSEUDO_MAP_VALUE, fdOf(ref.map), ref.offset);
    else if (ref.kind === 'extern' || ref.kind === 'kfunc') {
      const index = spec.externIndex(ref.name);
      const ext = spec.externs[index];
      if (ext === undefined || ext.kind === 'unknown') {
        if (ext?.weak && ref.kind === 'extern') wide(ref.insn, 0, 0, 0);
        else
          throw loaderError(
            `resolve ${program.key}`,
            'ENOENT',
            `${ref.name} is defined nowhere, and is no ksym or kconfig value`,
          );
      } else if (ext.kconfig !== undefined) wide(ref.insn, BPF_PSEUDO_MAP_VALUE, fdOf('.kconfig'), ext.kconfig.offset);
      else if (ref.kind === 'kfunc') {
        const id = kfuncs.get(ref.name) ?? kfuncId(spec, program, ext, env);
        kfuncs.set(ref.name, id);
        if (id === 0) missing.push(missingKfunc(ref.insn, index, ext.name, env.kernelBtf));
        callKfunc(insns, ref.insn, id, index);
      } else {
        const at = ksymTarget(spec, program, ext, env);
        wide(ref.insn, at.src, at.lo, at.hi);
      }
    }
  }
  return [...fds.keys()];
}

/** Turns a call into one of a kernel function; `id` 0 is one that the kernel does not have. */
function callKfunc(insns: Insns, i: number, id: number, externIndex: number): void {
  insns.src[i] = id === 0 ? 0 : BPF_PSEUDO_KFUNC_CALL;
  insns.imm[i] = id === 0 ? MISSING_KFUNC + externIndex : id;
  insns.off[i] = 0;
}

/** BTF id of a kernel function, 0 for a weak one that is missing or has another prototype. */
function kfuncId(spec: CollectionSpec, program: ProgramSpec, ext: ExternSpec, env: PrepareEnv): number {
  const { kernelBtf } = env;
  const id = kernelBtf?.find(essentialName(ext.name), BTF_KIND.FUNC) ?? 0;
  if (kernelBtf === undefined || id === 0) {
    if (ext.weak) return 0;
    throw loaderError(
      `resolve ${program.key}`,
      'ESRCH',
      `kernel function ${ext.name} is not found in the kernel's BTF`,
    );
  }
  if (spec.btf && !typesAreCompatible(spec.btf, ext.typeId, kernelBtf, kernelBtf.ref(id))) {
    if (ext.weak) return 0;
    throw loaderError(
      `resolve ${program.key}`,
      'EINVAL',
      `kernel function ${ext.name} has another prototype than the object declares`,
    );
  }
  return id;
}

function ksymTarget(spec: CollectionSpec, program: ProgramSpec, ext: ExternSpec, env: PrepareEnv) {
  const btfId = (id: number) => (id === 0 ? { src: 0, lo: 0, hi: 0 } : { src: BPF_PSEUDO_BTF_ID, lo: id, hi: 0 });
  if (ext.isFunction) return btfId(kfuncId(spec, program, ext, env));
  if (!ext.typeless) return btfId(variableId(spec, program, ext, env));
  const address = env.ksyms?.(ext.name);
  if (address === undefined && !ext.weak)
    throw loaderError(`resolve ${program.key}`, 'ESRCH', `kernel symbol ${ext.name} is not known`);
  const value = BigInt.asUintN(64, address ?? 0n);
  return { src: 0, lo: Number(value & 0xffffffffn) | 0, hi: Number(value >> 32n) | 0 };
}

function variableId(spec: CollectionSpec, program: ProgramSpec, ext: ExternSpec, env: PrepareEnv): number {
  const { kernelBtf } = env;
  const id = kernelBtf?.find(ext.name, BTF_KIND.VAR) ?? 0;
  if (kernelBtf === undefined || id === 0) {
    if (ext.weak) return 0;
    throw loaderError(
      `resolve ${program.key}`,
      'ESRCH',
      `kernel variable ${ext.name} is not found in the kernel's BTF`,
    );
  }
  if (spec.btf && !typesAreCompatible(spec.btf, ext.typeId, kernelBtf, kernelBtf.ref(id))) {
    throw loaderError(
      `resolve ${program.key}`,
      'EINVAL',
      `kernel variable ${ext.name} has another type than the object declares`,
    );
  }
  return id;
}
