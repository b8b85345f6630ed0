/** BPF_PROG_LOAD: attribute checks in the kernel's order, verification, compilation, and the program object (bpf_prog_load). */
import { decodeInsns } from '../../../isa/decode.ts';
import type { ProgLoadAttr } from '../../../uapi/attr/attr.ts';
import { BPF_CMD as C } from '../../../uapi/cmd.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import * as F from '../../../uapi/flags.ts';
import { claimedLength, faults } from '../../../uapi/attr/user-buffer.ts';
import { type LoadedProg, saveProg } from '../../object/prog.ts';
import { asTarget, bothTrace } from './target.ts';
import { validObjName } from '../../maps/make/describe.ts';
import { ProgArrayMap } from '../../maps/prog-array.ts';
import type { BtfObject } from '../../object/btf.ts';
import type { Executable } from '../../object/executable.ts';
import type { KernelObject, ObjectTable } from '../../object/kernel-object.ts';
import type { MapDesc } from '../../rules/map-desc.ts';
import type { Accepted, FuncInfo, LineInfo, VerifiedProgram, VerifierInput } from '../../verifier/result.ts';
import { refusedField } from '../attr-rules.ts';
import { fdBtf, fdMap, fdProg, type SyscallEnv } from '../env.ts';
import { checkLogAttr, writeLog } from '../log-buffer.ts';
import { type AttachTarget, checkAttach, checkCaps, fixupAttachType } from './attach-check.ts';
import { ownerTag } from './ref.ts';
import { parseFuncInfo, parseLineInfo, type RecordRefusal } from './info-records.ts';
import { BPF_COMPLEXITY_LIMIT_INSNS, BPF_MAXINSNS } from '../../rules/limits.ts';

const PROG_FLAGS =
  F.BPF_F_STRICT_ALIGNMENT |
  F.BPF_F_ANY_ALIGNMENT |
  F.BPF_F_TEST_STATE_FREQ |
  F.BPF_F_SLEEPABLE |
  F.BPF_F_TEST_RND_HI32 |
  F.BPF_F_XDP_HAS_FRAGS |
  F.BPF_F_XDP_DEV_BOUND_ONLY |
  F.BPF_F_TEST_REG_INVARIANTS |
  F.BPF_F_TOKEN_FD;
const INSN_SIZE = 8;
const NOTHING_PROCESSED = `processed 0 insns (limit ${BPF_COMPLEXITY_LIMIT_INSNS}) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n`;

/** bpf_prog_load */
export function progLoad(env: SyscallEnv, attr: ProgLoadAttr): number {
  attr.log_true_size = 0;
  const expected = fixupAttachType(env.rules, attr.prog_type, attr.expected_attach_type ?? 0);
  const refused = checkLoadAttr(env, attr, expected);
  if (refused < 0) return refused;
  const held = new Held(env.objects);
  try {
    return load(env, attr, expected, held);
  } finally {
    held.putAll();
  }
}

/**
 * Objects that a program is to keep alive, each with a reference from the moment that it was found: the host is told of verdicts
 * before the program exists, and may close descriptors then.
 */
class Held {
  readonly #objects: ObjectTable;
  readonly #held = new Set<KernelObject>();

  constructor(objects: ObjectTable) {
    this.#objects = objects;
  }

  add(object: KernelObject): void {
    if (!this.#held.has(object)) this.#held.add(this.#objects.get(object));
  }

  /** Hands the references over to the program. */
  take(): KernelObject[] {
    const all = [...this.#held];
    this.#held.clear();
    return all;
  }

  /** Gives back what nobody took. */
  putAll(): void {
    for (const object of this.#held) this.#objects.put(object);
    this.#held.clear();
  }
}

function load(env: SyscallEnv, attr: ProgLoadAttr, expected: number, held: Held): number {
  const bound = bindFdArray(env, attr, held);
  if ('errno' in bound) return refuse(attr, bound);
  const debug = debugInfo(env, attr);
  if ('errno' in debug) return refuse(attr, debug);
  if (debug.btf !== undefined) held.add(debug.btf);
  const relocated = lacks(env, attr, 'core_relos');
  if (relocated < 0) return refuse(attr, { errno: -relocated, log: '' });
  const target = targetProgram(env, attr);
  if (target !== undefined) held.add(target);
  const input = {
    ...verifierInput(env, attr, expected, debug, held),
    boundMaps: bound.maps,
    ...(target === undefined ? {} : { target: asTarget(target) }),
  };
  const outcome = env.verify(input);
  const logged = finishLog(attr, outcome.log, outcome.ok ? 0 : -outcome.errno);
  if (logged < 0 || !outcome.ok) return logged;
  return install(env, attr, outcome, { ...debug, target }, held);
}

/** Everything that is decided before the verifier starts: 0 or -errno. */
function checkLoadAttr(env: SyscallEnv, attr: ProgLoadAttr, expected: number): number {
  const { caps } = env;
  const flags = attr.prog_flags ?? 0;
  if (flags & ~PROG_FLAGS) return -ERRNO.EINVAL;
  if (attr.fd_array_cnt && !env.rules.features.fdArrayCount) return -ERRNO.E2BIG;
  const noToken = lacks(env, attr, 'prog_token_fd');
  if (noToken < 0) return noToken;
  const bpf = caps.bpf || caps.sysAdmin;
  if (!bpf) return -ERRNO.EPERM;
  const count = Math.floor(claimedLength(attr.insns) / INSN_SIZE);
  if (count === 0 || count > (bpf ? BPF_COMPLEXITY_LIMIT_INSNS : BPF_MAXINSNS)) return -ERRNO.E2BIG;
  const type = attr.prog_type;
  const denied = checkCaps(env.rules, type, caps);
  if (denied < 0) return denied;
  const target = attachTarget(env, attr);
  if (typeof target === 'number') return target;
  const badAttach = checkAttach(env.rules, attr, expected, target);
  if (badAttach < 0) return badAttach;
  return checkAllocated(env, attr);
}

/** Checks that the kernel makes once there is a struct bpf_prog. */
function checkAllocated(env: SyscallEnv, attr: ProgLoadAttr): number {
  if (faults(attr.insns)) return -ERRNO.EFAULT;
  const unsigned = lacks(env, attr, 'signature');
  if (unsigned < 0) return unsigned;
  if (typeof attr.license !== 'string') return -ERRNO.EFAULT;
  const noDevice = lacks(env, attr, 'prog_ifindex');
  if (noDevice < 0) return noDevice;
  if (env.rules.progRow(attr.prog_type) === undefined) return -ERRNO.EINVAL;
  if (!validObjName(attr.prog_name ?? '')) return -ERRNO.EINVAL;
  return checkLogAttr(attr.log_level ?? 0, attr.log_buf);
}

/** Asks the table of fields: 0 or -errno, and what is lacking goes to the attribute. */
function lacks(env: SyscallEnv, attr: ProgLoadAttr, field: keyof ProgLoadAttr): number {
  const { errno, lacking } = refusedField(env, C.BPF_PROG_LOAD, field, attr);
  if (lacking !== undefined) attr.unsupported = lacking;
  return errno;
}

/** The program's attach target, or -errno. */
function attachTarget(env: SyscallEnv, attr: ProgLoadAttr): AttachTarget | number {
  const fd = attr.attach_prog_fd || attr.attach_btf_obj_fd || 0;
  if (fd !== 0) {
    if (typeof fdProg(env, fd) !== 'number') return 'prog';
    const btf = fdBtf(env, fd);
    if (typeof btf === 'number') return -ERRNO.EINVAL;
    return btf.kernelBtf ? 'btf' : -ERRNO.ENOTSUPP;
  }
  if (!attr.attach_btf_id) return 'none';
  return env.vmlinux() === undefined ? -ERRNO.EINVAL : 'btf';
}

/** The program whose function is replaced or traced. */
function targetProgram(env: SyscallEnv, attr: ProgLoadAttr): LoadedProg | undefined {
  const target = fdProg(env, attr.attach_prog_fd || attr.attach_btf_obj_fd || 0);
  return typeof target === 'number' ? undefined : target;
}

interface DebugInfo {
  readonly btf: BtfObject | undefined;
  readonly funcInfo: readonly FuncInfo[];
  readonly lineInfo: readonly LineInfo[];
}

/** BTF, func_info and line_info; the BTF is looked at only when records refer to it, as the kernel does. */
function debugInfo(env: SyscallEnv, attr: ProgLoadAttr): DebugInfo | RecordRefusal {
  const func = attr.func_info ?? new Uint8Array(0);
  const line = attr.line_info ?? new Uint8Array(0);
  if (claimedLength(func) === 0 && claimedLength(line) === 0) return { btf: undefined, funcInfo: [], lineInfo: [] };
  const btf = fdBtf(env, attr.prog_btf_fd ?? 0);
  if (typeof btf === 'number') return { errno: -btf, log: '' };
  if (btf.kernelBtf) return { errno: ERRNO.EACCES, log: '' };
  if (faults(func) || faults(line)) return { errno: ERRNO.EFAULT, log: '' };
  const funcInfo = func.length === 0 ? [] : parseFuncInfo(func, attr.func_info_rec_size ?? 0);
  if ('errno' in funcInfo) return funcInfo;
  const lineInfo = line.length === 0 ? [] : parseLineInfo(line, attr.line_info_rec_size ?? 0);
  return 'errno' in lineInfo ? lineInfo : { btf, funcInfo, lineInfo };
}

const fdAt = (array: Uint8Array, index: number): number | undefined =>
  (index + 1) * 4 <= array.length ? new DataView(array.buffer, array.byteOffset).getInt32(index * 4, true) : undefined;

function verifierInput(
  env: SyscallEnv,
  attr: ProgLoadAttr,
  expected: number,
  debug: DebugInfo,
  held: Held,
): VerifierInput {
  const { fd_array: fds } = attr;
  return {
    insns: decodeInsns(attr.insns.subarray(0, Math.floor(attr.insns.length / INSN_SIZE) * INSN_SIZE)),
    progType: attr.prog_type,
    expectedAttachType: expected,
    progFlags: attr.prog_flags ?? 0,
    name: attr.prog_name ?? '',
    license: attr.license.slice(0, 127),
    caps: env.caps,
    rules: env.rules,
    logLevel: (attr.log_level ?? 0) & 7,
    ...(debug.btf ? { btf: debug.btf.btf, funcInfo: debug.funcInfo, lineInfo: debug.lineInfo } : {}),
    attachBtfId: attr.attach_btf_id ?? 0,
    vmlinux: env.vmlinux,
    mapByFd: (fd) => {
      const found = fdMap(env, fd);
      if (typeof found === 'number') return found;
      held.add(found);
      return found.map.desc;
    },
    nrCpuIds: env.nrCpus,
    stopwatch: env.stopwatch,
    ...(fds ? { fdArray: (index: number) => fdAt(fds, index) } : {}),
  };
}

/** UINT_MAX / sizeof(int). */
const MAX_BOUND = 0x3fff_ffff;

interface BoundMaps {
  readonly maps: readonly MapDesc[];
}

/** With fd_array_cnt every descriptor of the array is bound to the program (process_fd_array). */
function bindFdArray(env: SyscallEnv, attr: ProgLoadAttr, held: Held): RecordRefusal | BoundMaps {
  const count = attr.fd_array_cnt ?? 0;
  if (count > MAX_BOUND) return { errno: ERRNO.EINVAL, log: '' };
  const maps: MapDesc[] = [];
  for (let i = 0; i < count; i++) {
    const fd = attr.fd_array === undefined ? undefined : fdAt(attr.fd_array, i);
    if (fd === undefined) return { errno: ERRNO.EFAULT, log: '' };
    const object = env.fds.get(fd)?.object;
    if (object?.kind !== 'map' && object?.kind !== 'btf') {
      const errno = object === undefined ? ERRNO.EBADF : ERRNO.EINVAL;
      return { errno, log: `fd ${fd} is not pointing to valid bpf_map or btf\n` };
    }
    if (object.kind !== 'map') continue;
    held.add(object);
    maps.push(object.map.desc);
  }
  return { maps };
}

/** Refuses before any instruction was looked at. */
function refuse(attr: ProgLoadAttr, { errno, log }: RecordRefusal): number {
  return finishLog(attr, `${log}${NOTHING_PROCESSED}`, -errno);
}

/** Writes the log; a log that does not fit wins over every other result. */
function finishLog(attr: ProgLoadAttr, text: string, result: number): number {
  const log = writeLog(attr.log_level ?? 0, attr.log_buf, text);
  attr.log_true_size = log.trueSize;
  return log.errno < 0 ? log.errno : result;
}

/** Whether the prog arrays that the program calls through hold programs like it (bpf_check_tail_call). */
function tailCallsFit(env: SyscallEnv, verified: VerifiedProgram, exe: Executable, progFlags: number): boolean {
  const tag = ownerTag(verified.resolvedType, verified.expectedAttachType, exe.engine, progFlags);
  return verified.usedMaps.every((desc) => {
    const map = env.maps.maps.get(desc.addr);
    return !(map instanceof ProgArrayMap) || map.accepts({ ownerTag: tag });
  });
}

const NO_WORDS = new Uint32Array(0);

/** Records as words; programs without any share the empty ones. */
const words = <R>(records: readonly R[], of: (record: R) => number[]): Uint32Array =>
  records.length === 0 ? NO_WORDS : Uint32Array.from(records.flatMap(of));

function install(
  env: SyscallEnv,
  attr: ProgLoadAttr,
  { program: verified, stats }: Accepted,
  { btf, funcInfo, lineInfo, target }: DebugInfo & { readonly target: LoadedProg | undefined },
  held: Held,
): number {
  const exe = env.compile(verified);
  if (!tailCallsFit(env, verified, exe, attr.prog_flags ?? 0)) {
    exe.dispose();
    return -ERRNO.EINVAL;
  }
  // What was loaded is kept no longer than it takes to know the tag.
  if (!env.verifyOnly) void verified.tag.hex;
  const prog: LoadedProg = {
    kind: 'prog',
    id: env.objects.newId('prog'),
    refs: 1,
    name: attr.prog_name ?? '',
    verified,
    exe,
    holds: held.take(),
    btf,
    funcInfo: words(funcInfo, (f) => [f.insnOff, f.typeId]),
    lineInfo: words(lineInfo, (l) => [l.insnOff, l.fileNameOff, l.lineOff, l.lineCol]),
    progFlags: attr.prog_flags ?? 0,
    attachBtfId: attr.attach_btf_id ?? 0,
    target,
    onProgram: target !== undefined,
    tracesTracing: bothTrace(verified.progType, target),
    jumpTargets: 0,
    loadTime: env.bootTime(),
    stats,
    active: 0,
    misses: 0,
    runCnt: 0,
    runTimeNs: 0,
    save: () => saveProg(prog),
    vanish: () => prog.exe.vanish?.(),
    release() {
      prog.exe.dispose();
      for (const object of prog.holds) env.objects.put(object);
    },
  };
  env.objects.register(prog);
  return env.fds.install(prog);
}
