/** Facts of a kernel beside its types: configuration, symbol addresses, version. Read from this machine's when asked for. */
import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import type { LoadOptions } from '../../lib/collection.ts';
import type { CollectionSpec } from '../../lib/collection-spec.ts';
import { parseKconfig } from '../../lib/kconfig.ts';

export type KernelFacts = Pick<LoadOptions, 'kconfig' | 'ksyms' | 'kernelVersion'>;

/** Facts that the object's externs need. The version is the real kernel's only where that is the one that loads. */
export async function kernelFacts(spec: CollectionSpec, realKernel: boolean): Promise<KernelFacts> {
  const kconfig = spec.externs.some((e) => e.kind === 'kconfig') ? await readKconfig() : undefined;
  const ksyms = spec.externs.some((e) => e.kind === 'ksym' && e.typeless) ? await readKallsyms() : undefined;
  const kernelVersion = realKernel ? runningVersion() : undefined;
  return {
    ...(kconfig ? { kconfig } : {}),
    ...(ksyms ? { ksyms: (name: string) => ksyms.get(name) } : {}),
    ...(kernelVersion ? { kernelVersion } : {}),
  };
}

async function readKconfig(): Promise<Map<string, string> | undefined> {
  const packed = await readFile('/proc/config.gz').catch(() => undefined);
  if (packed !== undefined) {
    const { gunzipSync } = await import('node:zlib');
    return parseKconfig(gunzipSync(packed).toString('utf8'));
  }
  const plain = await readFile(`/boot/config-${release()}`, 'utf8').catch(() => undefined);
  return plain === undefined ? undefined : parseKconfig(plain);
}

/** Addresses by name; the first of a name counts. They are 0 where the kernel hides them. */
async function readKallsyms(): Promise<Map<string, bigint> | undefined> {
  const text = await readFile('/proc/kallsyms', 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const out = new Map<string, bigint>();
  for (const [, address, name] of text.matchAll(/^([0-9a-f]+) \S (\S+)/gm)) {
    if (!out.has(name)) out.set(name, BigInt(`0x${address}`));
  }
  return out;
}

/** `6.18.3-x` as KERNEL_VERSION(6, 18, 3). */
function runningVersion(): number | undefined {
  const [, major, minor, patch] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(release()) ?? [];
  return major === undefined
    ? undefined
    : (Number(major) << 16) | (Number(minor) << 8) | Math.min(255, Number(patch ?? 0));
}
