/** Kernels that the rules can be compiled for: a version, and what its configuration leaves out. */
import { holdsIn, type VersionName, versionNumber, type Versioned } from './version.ts';

export type ConfigName = `CONFIG_${string}`;

/** A row that only some configurations have. */
export interface Configured extends Versioned {
  /** Kernel configuration without which it does not exist. */
  readonly config?: ConfigName;
}

export interface KernelBuild {
  readonly version: VersionName;
  /** Options that are off, or built as modules that are not loaded, among those that rows name. */
  readonly without: readonly ConfigName[];
}

/** Builds by the name that `kernel` options take. */
export const BUILDS = {
  '6.18': {
    version: '6.18',
    without: [
      'CONFIG_BPF_LIRC_MODE2',
      'CONFIG_CRASH_DUMP',
      'CONFIG_FS_VERITY',
      'CONFIG_NET_FOU',
      'CONFIG_NET_SCH_BPF',
      'CONFIG_SCHED_CLASS_EXT',
      'CONFIG_SYSTEM_DATA_VERIFICATION',
      'CONFIG_XFRM_INTERFACE',
    ],
  },
  /** Debian 13's. */
  '6.12': {
    version: '6.12',
    without: [
      'CONFIG_BPF_KPROBE_OVERRIDE',
      'CONFIG_BPF_LIRC_MODE2',
      'CONFIG_NET_FOU',
      'CONFIG_NF_CONNTRACK',
      'CONFIG_NF_NAT',
      'CONFIG_SCHED_CLASS_EXT',
      'CONFIG_TCP_CONG_BBR',
      'CONFIG_XFRM_INTERFACE',
    ],
  },
} as const satisfies Readonly<Record<string, KernelBuild>>;

/** A kernel whose rules can apply, by its version. */
export type KernelName = keyof typeof BUILDS;

/** Whether a build has what a row describes. */
export function inBuild(row: Configured, build: KernelBuild): boolean {
  if (row.config !== undefined && build.without.includes(row.config)) return false;
  return holdsIn(row, versionNumber(build.version));
}
