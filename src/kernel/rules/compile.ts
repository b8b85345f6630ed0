/** The rules of one kernel: every table filtered by version and configuration, once, and frozen. */
import { BPF_ATTACH_TYPE } from '../../uapi/attach-types.ts';
import { BPF_PROG_TYPE } from '../../uapi/prog-types.ts';
import { BUILDS, inBuild, type KernelBuild, type KernelName } from './build.ts';
import { compileFeatures, type Features } from './features.ts';
import { compileProgType, matchesName } from './prog-ops.ts';
import type { ProgQuery, ProgTypeOps } from './prog-type.ts';
import { type HoleId, holesIn } from './rows/holes.ts';
import { KFUNC_ROWS } from './rows/kfuncs/all.ts';
import { attachTypeSince } from './rows/attach.ts';
import { type KfuncHook, type KfuncRow, PROG_KFUNC_HOOK } from './rows/kfuncs/row.ts';
import { MAP_TYPES, type MapTypeRow } from './rows/maps.ts';
import { PROG_ROWS } from './rows/progs/all.ts';
import type { ProgTypeRow } from './rows/progs/row.ts';
import { holdsIn, type VersionName, versionNumber } from './version.ts';

/** All that the verifier, the maps and the commands of bpf(2) may ask of a kernel's version. */
export interface Rules {
  readonly version: VersionName;
  readonly features: Features;
  /** Holes that its verifier has. */
  readonly holes: ReadonlySet<HoleId>;
  /** A program type as the verifier asks it; undefined when the kernel does not have it. */
  prog(type: number): ProgTypeOps | undefined;
  /** A program type's row: attach types, capabilities, sleepability. */
  progRow(type: number): ProgTypeRow | undefined;
  map(type: number): MapTypeRow | undefined;
  /** Every kind of special field that some map type's values may hold. */
  readonly mapFields: number;
  /** Whether the kernel knows an attach type. */
  attachType(type: number): boolean;
  /** The set of kfuncs that a program type may call beside the common one. */
  kfuncHook(progType: number): KfuncHook | undefined;
  /** A kfunc's row, for every caller. The kernel's BTF, not its configuration, says whether a build has the function. */
  kfunc(name: string): KfuncRow | undefined;
}

/** Compiles the rules of a kernel. Program types are compiled when first asked for. */
export function compileRules(kernel: KernelName = '6.18'): Rules {
  const build: KernelBuild = BUILDS[kernel];
  const version = versionNumber(build.version);
  const progRows = new Map(PROG_ROWS.filter((row) => inBuild(row, build)).map((row) => [row.type, row] as const));
  const progs = new Map<number, ProgTypeOps>();
  let kfuncs: ReadonlyMap<string, KfuncRow> | undefined;
  return Object.freeze<Rules>({
    version: build.version,
    features: compileFeatures(version),
    holes: holesIn(version),
    prog(type) {
      const row = progRows.get(type);
      if (row === undefined) return undefined;
      let ops = progs.get(type);
      if (ops === undefined) progs.set(type, (ops = compileProgType(row, build)));
      return ops;
    },
    progRow: (type) => progRows.get(type),
    map(type) {
      const row = MAP_TYPES[type];
      return row !== undefined && inBuild(row, build) ? row : undefined;
    },
    mapFields: Object.values(MAP_TYPES).reduce(
      (fields, row) => fields | (inBuild(row, build) ? (row.fields ?? 0) : 0),
      0,
    ),
    attachType: (type) => versionNumber(attachTypeSince(type)) <= version,
    kfuncHook(progType) {
      const row = PROG_KFUNC_HOOK[progType];
      return row !== undefined && inBuild(row, build) ? row.hook : undefined;
    },
    kfunc(name) {
      kfuncs ??= new Map(KFUNC_ROWS.filter(([, row]) => holdsIn(row, version)));
      return kfuncs.get(name);
    },
  });
}

/** The row of a kfunc when this program may call it; `calling kernel function %s is not allowed` otherwise (btf_kfunc_id_set_contains). */
export function kfuncFor(rules: Rules, name: string, q: ProgQuery): KfuncRow | undefined {
  const row = rules.kfunc(name);
  if (row === undefined) return undefined;
  const hook = rules.kfuncHook(q.progType);
  if (!row.hooks.includes('common') && (hook === undefined || !row.hooks.includes(hook))) return undefined;
  if (row.progTypes !== undefined && !row.progTypes.includes(q.progType)) return undefined;
  if (
    row.attach !== undefined &&
    !(row.attach.includes(q.expectedAttachType) && rules.attachType(q.expectedAttachType))
  )
    return undefined;
  const ops = q.progType === BPF_PROG_TYPE.BPF_PROG_TYPE_STRUCT_OPS ? row.ops : undefined;
  if (ops !== undefined && !ops.some((pattern) => matchesName(pattern, q.attachBtfName))) return undefined;
  return row;
}

/** A condition beyond kfuncFor that a few rows name: css_task iterators are for LSM programs, iterators and sleepable programs. */
export function kfuncAllowedIn(row: KfuncRow, q: ProgQuery): boolean {
  if (row.allowedIn === undefined) return true;
  if (q.progType === BPF_PROG_TYPE.BPF_PROG_TYPE_LSM || q.sleepable) return true;
  return q.progType === BPF_PROG_TYPE.BPF_PROG_TYPE_TRACING && q.expectedAttachType === BPF_ATTACH_TYPE.BPF_TRACE_ITER;
}
