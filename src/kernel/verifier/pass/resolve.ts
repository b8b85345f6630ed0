/** The meaning of ld_imm64, and the first sanity checks of each instruction (resolve_pseudo_ldimm64). */
import {
  BPF_CALL,
  BPF_JMP,
  BPF_LDX,
  BPF_MEM,
  BPF_MEMSX,
  BPF_PSEUDO_BTF_ID,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_IDX,
  BPF_PSEUDO_MAP_IDX_VALUE,
  BPF_PSEUDO_MAP_VALUE,
  BPF_X,
  bpfClass,
  bpfMode,
} from '../../../isa/opcodes.ts';
import { isOpcode } from '../../../isa/ops.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import type { MapDesc } from '../../rules/map-desc.ts';
import { PTR_TO_FUNC } from '../../rules/reg-types.ts';
import { STRUCTURE } from '../diag/catalogue/structure.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { resolveKsymVar } from './ksym-var.ts';
import { checkMapProgCompatibility } from './map-use.ts';
import { progDigest } from './tag.ts';
import { isLdImm64 } from './subprogs.ts';
import { BPF_MAX_VAR_OFF, MAX_USED_MAPS } from '../../rules/limits.ts';

const DIGEST_SIZE = 32;

/** Call through a register: in RFC 9669, not in Linux. */
const CALLX = BPF_JMP | BPF_CALL | BPF_X;

/** Resolves every ld_imm64: map index and offset, function, or kernel variable go to env.aux. Opcodes that do not exist are refused here. */
export function resolveInsns(env: VerifierEnv): void {
  const { insns } = env;
  const maps = new MapTable(env);
  for (let i = 0; i < insns.length; i++) {
    const code = insns.code[i];
    if (bpfClass(code) === BPF_LDX) {
      const mode = bpfMode(code);
      if ((mode !== BPF_MEM && mode !== BPF_MEMSX) || insns.imm[i] !== 0) reject(env, STRUCTURE.LDX_RESERVED);
    }
    if (isLdImm64(insns, i)) {
      resolveLdImm64(env, i, maps);
      i++;
    } else if (!isOpcode(code) || code === CALLX) {
      reject(env, STRUCTURE.UNKNOWN_OPCODE, code);
    }
  }
}

function resolveLdImm64(env: VerifierEnv, i: number, maps: MapTable): void {
  const { insns, aux } = env;
  const next = i + 1;
  if (next >= insns.length || (insns.code[next] | insns.dst[next] | insns.src[next] | insns.off[next]) !== 0)
    reject(env, STRUCTURE.LDIMM64_INVALID);
  const kind = insns.src[i];
  if (kind === 0) return;
  if (kind === BPF_PSEUDO_BTF_ID) return resolveKsymVar(env, i);
  if (kind === BPF_PSEUDO_FUNC) {
    aux.ptrType[i] = PTR_TO_FUNC;
    return;
  }
  const value = kind === BPF_PSEUDO_MAP_VALUE || kind === BPF_PSEUDO_MAP_IDX_VALUE;
  const plain = (kind === BPF_PSEUDO_MAP_FD || kind === BPF_PSEUDO_MAP_IDX) && insns.imm[next] === 0;
  if (!value && !plain) reject(env, STRUCTURE.LDIMM64_UNRECOGNIZED);
  const byIndex = kind === BPF_PSEUDO_MAP_IDX || kind === BPF_PSEUDO_MAP_IDX_VALUE;
  const index = maps.add(byIndex ? fdAt(env, insns.imm[i]) : insns.imm[i]);
  aux.mapIndex[i] = index;
  if (value) aux.mapOff[i] = checkDirectValue(env, env.maps[index], insns.imm[next] >>> 0);
}

function fdAt(env: VerifierEnv, index: number): number {
  const { fdArray } = env.input;
  if (fdArray === undefined) reject(env, STRUCTURE.FD_IDX_WITHOUT_ARRAY);
  const fd = fdArray(index);
  if (fd === undefined) reject(env, STRUCTURE.FD_ARRAY_FAULT);
  return fd;
}

/**
 * Takes in the maps that fd_array_cnt binds (process_fd_array). 6.18 knows no digest of the program yet and compares zeros, so that
 * an exclusive map cannot be bound, whichever program it is for.
 */
export function bindMaps(env: VerifierEnv): void {
  const maps = new MapTable(env, new Uint8Array(DIGEST_SIZE));
  for (const map of env.input.boundMaps ?? []) maps.take(map);
}

/** The maps that the program names, each once (add_used_map). */
class MapTable {
  readonly #byMap = new Map<MapDesc, number>();
  #digest: Uint8Array | undefined;

  /** @param digest what exclusive maps ask for; by default that of the program */
  constructor(
    readonly env: VerifierEnv,
    digest?: Uint8Array,
  ) {
    this.#digest = digest;
    for (const [i, map] of env.maps.entries()) this.#byMap.set(map, i);
  }

  /** Index in env.maps of the map behind an fd. */
  add(fd: number): number {
    const { env } = this;
    const map = env.input.mapByFd(fd);
    if (typeof map === 'number') {
      if (map === -ERRNO.EINVAL) reject(env, STRUCTURE.NOT_A_MAP, fd);
      reject(env, STRUCTURE.BAD_MAP_FD, fd);
    }
    return this.take(map);
  }

  /** Index in env.maps of a map. */
  take(map: MapDesc): number {
    const { env } = this;
    const known = this.#byMap.get(map);
    if (known !== undefined) return known;
    if (env.maps.length >= MAX_USED_MAPS) reject(env, STRUCTURE.TOO_MANY_MAPS);
    checkMapProgCompatibility(env, map, () => (this.#digest ??= progDigest(env.input.insns)));
    const index = env.maps.push(map) - 1;
    this.#byMap.set(map, index);
    return index;
  }
}

/** An offset into the value of a map whose values stand at a fixed address (map_direct_value_addr). */
function checkDirectValue(env: VerifierEnv, map: MapDesc, off: number): number {
  if (off >= BPF_MAX_VAR_OFF) reject(env, STRUCTURE.DIRECT_VALUE_OFFSET, off);
  const direct = env.input.rules.map(map.type)?.directValue;
  if (direct === 'arena') {
    if (off > map.maxEntries * 4096) reject(env, STRUCTURE.DIRECT_VALUE_ARENA, map.valueSize, off);
    return off;
  }
  if (direct !== 'one-element') reject(env, STRUCTURE.DIRECT_VALUE_TYPE);
  if (map.maxEntries !== 1) reject(env, STRUCTURE.DIRECT_VALUE_MANY, map.valueSize, off);
  if (off >= map.valueSize) reject(env, STRUCTURE.DIRECT_VALUE_RANGE, map.valueSize, off);
  return off;
}
