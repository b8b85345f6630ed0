/** Makes the maps of a collection, or takes those that the user shares, and fills in what the object says of their contents. */
import type { Btf } from '../../btf/btf.ts';
import { encodeValue } from '../../btf/value.ts';
import type { BpfSyscall, MapCreateAttr } from '../../uapi/attr/attr.ts';
import { BPF_CMD } from '../../uapi/cmd.ts';
import { BPF_MAP_TYPE as M, bpfMapTypeName } from '../../uapi/map-types.ts';
import type { Collection, LoadOptions } from '../collection.ts';
import { BpfError, loaderError } from '../errors.ts';
import { kconfigContents } from '../kconfig.ts';
import { findVariable, unknownMap } from './options.ts';
import { mapCreateAttr, type MapCreateEnv } from './map-create.ts';
import { whyRefused } from './map-refusal.ts';
import { BpfMap, scalarBytes } from '../map.ts';
import { note } from '../notes.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { kindOfFd, openPinned } from '../pin/pin.ts';
import { isMapInMap, mendedSizes, newMapSpec } from '../object/map-common.ts';
import { checkShared } from './shared-map.ts';
import type { MapSpec } from '../spec.ts';

/** A definition of inner maps that the object leaves out. */
export interface InnerTemplate {
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags?: number;
}

/** LIBBPF_PIN_BY_NAME */
const PIN_BY_NAME = 1;
const KERNEL_6_18 = (6 << 16) | (18 << 8);

/** Makes maps when they are first asked for, inner templates before outer maps. The spec stays as it is. */
export class MapCreator {
  readonly #failed = new Map<string, BpfError>();

  constructor(
    private readonly out: Collection,
    private readonly sys: BpfSyscall,
    private readonly options: LoadOptions,
    private readonly types: () => Btf | undefined,
  ) {}

  fd(map: MapSpec): number {
    const known = this.out.maps.get(map.name);
    if (known) return known.fd;
    const failed = this.#failed.get(map.name);
    if (failed) throw failed;
    try {
      return this.#make(this.#effective(map));
    } catch (e) {
      if (e instanceof BpfError) this.#failed.set(map.name, e);
      throw e;
    }
  }

  /** The map as it is made: with the sizes that MAP_CREATE wants, its inner map, and its first contents. */
  #effective(map: MapSpec): MapSpec {
    const out: MapSpec = { ...map, ...mendedSizes(map) };
    if (out.valueSize === 0) out.valueTypeId = 0;
    if (map.inner) out.inner = { ...map.inner, ...mendedSizes(map.inner) };
    else if (isMapInMap(map.type)) out.inner = this.#innerOf(map);
    if (map.origin === 'kconfig' && map.contents) {
      out.contents = kconfigContents(this.out.spec.externs, map.contents.length, {
        kconfig: this.options.kconfig,
        kernelVersion: this.options.kernelVersion ?? KERNEL_6_18,
        syscallWrapper: this.options.syscallWrapper ?? true,
      });
    }
    this.#setVariables(out);
    return out;
  }

  #innerOf(map: MapSpec): MapSpec | undefined {
    const given = this.options.innerMaps?.get(map.name);
    if (typeof given === 'string') {
      const named = this.out.spec.maps.get(given);
      if (named === undefined) throw unknownMap(this.out.spec, given);
      return { ...named, ...mendedSizes(named), name: `${map.name}.inner` };
    }
    if (given !== undefined) return { ...newMapSpec(`${map.name}.inner`, 'btf'), ...given };
    if (this.options.maps?.has(map.name)) return undefined;
    const detail = 'its definition does not say what its inner maps are: give a template with `innerMaps`';
    throw loaderError(`create map ${map.name}`, 'EINVAL', detail);
  }

  #setVariables(map: MapSpec): void {
    const names = Object.keys(this.options.variables ?? {}).filter((n) => map.variables.some((v) => v.name === n));
    if (names.length === 0) return;
    const { btf } = this.out.spec;
    const contents = (map.contents ?? new Uint8Array(map.valueSize)).slice();
    for (const name of names) {
      const { variable } = findVariable(this.out.spec, name);
      const value = this.options.variables?.[name] ?? 0;
      const bytes =
        btf && variable.typeId
          ? encodeValue(btf, variable.typeId, value, variable.size)
          : scalarBytes(value, variable.size, name);
      contents.set(bytes, variable.offset);
    }
    map.contents = contents;
  }

  #make(map: MapSpec): number {
    const { btf } = this.out.spec;
    const given = this.options.maps?.get(map.name);
    const kernelBtf = map.type === M.BPF_MAP_TYPE_STRUCT_OPS ? this.types() : undefined;
    const env: MapCreateEnv = { btfFd: this.out.btfFd, kernel: this.sys.kernel, kernelBtf };
    if (given !== undefined) {
      this.out.shared.add(map.name);
      checkShared(this.sys, `use descriptor ${given} for map ${map.name}`, given, mapCreateAttr(map, env));
      this.out.maps.set(map.name, new BpfMap(this.sys, given, map, btf));
      return given;
    }
    const path = this.#pinPath(map);
    const pinned = path === undefined ? undefined : this.#reuse(map, path, env);
    if (pinned !== undefined) {
      this.out.maps.set(map.name, new BpfMap(this.sys, pinned, map, btf, path));
      return pinned;
    }
    const fd = this.#create(map, env);
    const made = new BpfMap(this.sys, fd, map, btf);
    this.out.maps.set(map.name, made);
    this.#fill(map);
    if (path !== undefined) made.pin(path);
    return fd;
  }

  /** The file of a map that is pinned by its name; undefined when none is to be. */
  #pinPath(map: MapSpec): string | undefined {
    if (map.pinning !== PIN_BY_NAME) return undefined;
    const { pinPath } = this.options;
    // BPF file systems keep names with a dot for themselves.
    if (pinPath !== undefined) return `${pinPath}/${map.name.replaceAll('.', '_')}`;
    const text = `map '${map.name}' is to be pinned by its name, and no folder was given to pin it in (pinPath)`;
    this.out.notes.push(note('map-not-pinned', 'map', map.name, text));
    return undefined;
  }

  /** A descriptor of the map that is pinned there, when it can stand for the object's; undefined when nothing is. */
  #reuse(map: MapSpec, path: string, env: MapCreateEnv): number | undefined {
    const op = `use ${path} for map ${map.name}`;
    const fd = openPinned(this.sys, path);
    if (fd === -ERRNO.ENOENT) return undefined;
    if (fd < 0) throw new BpfError({ errno: -fd, op, detail: 'bpf(2) refused' });
    try {
      if (kindOfFd(this.sys, fd) !== 'map') throw loaderError(op, 'EINVAL', 'what is pinned there is no map');
      checkShared(this.sys, op, fd, mapCreateAttr(map, env));
      return fd;
    } catch (e) {
      this.sys.close(fd);
      throw e;
    }
  }

  #create(map: MapSpec, env: MapCreateEnv): number {
    const inner = map.inner ? this.#call(map.inner, mapCreateAttr(map.inner, env)) : -1;
    try {
      return this.#call(map, mapCreateAttr(map, { ...env, innerFd: inner }));
    } finally {
      if (inner >= 0) this.sys.close(inner);
    }
  }

  /** Some kernels take no BTF for a map type: once more without. */
  #call(map: MapSpec, attr: MapCreateAttr): number {
    const fd = this.sys.bpf(BPF_CMD.BPF_MAP_CREATE, attr);
    if (fd >= 0) return fd;
    if (attr.btf_fd && map.type !== M.BPF_MAP_TYPE_STRUCT_OPS && attr.unsupported === undefined) {
      const plain = { ...attr, btf_fd: 0, btf_key_type_id: 0, btf_value_type_id: 0 };
      const untyped = this.sys.bpf(BPF_CMD.BPF_MAP_CREATE, plain);
      if (untyped >= 0) {
        const text = `map '${map.name}' was made without its types, which the kernel refused`;
        this.out.notes.push(note('map-untyped', 'map', map.name, text));
        return untyped;
      }
    }
    throw new BpfError({ errno: -fd, op: `create map ${map.name}`, detail: attr.unsupported ?? describe(attr, -fd) });
  }

  #fill(map: MapSpec): void {
    const handle = this.out.maps.get(map.name) as BpfMap;
    if (map.contents && map.type === M.BPF_MAP_TYPE_ARRAY && map.contents.some((b) => b !== 0))
      handle.updateBytes(new Uint8Array(4), map.contents);
    if (map.freeze) handle.freeze();
    if (map.inner === undefined) return;
    for (const { index, target } of map.values) {
      const spec = this.out.spec.maps.get(target);
      if (spec) handle.updateBytes(u32(index), u32(this.fd(spec)));
    }
  }

  /** Elements of program arrays, once the programs exist. */
  fillPrograms(): void {
    for (const map of this.out.maps.values()) {
      if (map.spec.type !== M.BPF_MAP_TYPE_PROG_ARRAY || this.options.maps?.has(map.name)) continue;
      for (const { index, target } of map.spec.values) {
        const program = this.out.programs.get(target);
        if (program) map.updateBytes(u32(index), u32(program.fd));
      }
    }
  }
}

const u32 = (v: number): Uint8Array => new Uint8Array([v, v >>> 8, v >>> 16, v >>> 24]);

function describe(a: MapCreateAttr, errno: number): string {
  const flags = (a.map_flags ?? 0).toString(16);
  const asked = `${bpfMapTypeName(a.map_type)}, key ${a.key_size}, value ${a.value_size}, entries ${a.max_entries}, flags 0x${flags}`;
  const why = whyRefused(a, errno);
  return why === undefined ? asked : `${asked}: ${why}`;
}
