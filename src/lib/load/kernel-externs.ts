/** Strong externs that a kernel does not have: libbpf then loads nothing of the object, other loaders the programs that do without. */
import type { Btf } from '../../btf/btf.ts';
import { essentialName } from '../../btf/name-index.ts';
import { BTF_KIND } from '../../btf/types.ts';
import type { CollectionSpec } from '../collection-spec.ts';
import { isVirtual, type Kconfig } from '../kconfig.ts';
import { type Note, note } from '../notes.ts';
import type { ExternSpec } from '../spec.ts';

/** Where externs are looked up. */
export interface KernelSymbols {
  readonly kernelBtf?: Btf | undefined;
  readonly kconfig?: Kconfig | undefined;
  readonly ksyms?: ((name: string) => bigint | undefined) | undefined;
}

/** One note for each strong extern that cannot be resolved. */
export const missingExterns = (spec: CollectionSpec, kernel: KernelSymbols): Note[] =>
  spec.externs
    .filter((e) => !e.weak && e.kind !== 'unknown' && !isThere(e, kernel))
    .map((e) =>
      note(
        'extern-missing',
        'symbol',
        e.name,
        `extern (${e.kind}) '${e.name}' is strong, and the kernel does not have it`,
      ),
    );

function isThere(e: ExternSpec, kernel: KernelSymbols): boolean {
  if (e.kind === 'kconfig') return isVirtual(e.name) || kernel.kconfig?.get(e.name) !== undefined;
  if (e.isFunction) return (kernel.kernelBtf?.find(essentialName(e.name), BTF_KIND.FUNC) ?? 0) !== 0;
  if (e.typeless) return kernel.ksyms?.(e.name) !== undefined;
  return (kernel.kernelBtf?.find(e.name, BTF_KIND.VAR) ?? 0) !== 0;
}
