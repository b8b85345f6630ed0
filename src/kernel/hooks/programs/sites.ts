/** The functions of loaded programs that others stand on. */
import { type Restore, saveAll, type Saved } from '../../mem/saved.ts';
import type { LoadedProg } from '../../object/prog.ts';
import type { AttachEnv } from '../env.ts';
import { MAX_ARGS, ProgramSite, type SiteTarget } from './site.ts';

export class ProgramSites implements Saved {
  /** By the function's index, those that are not idle. */
  readonly #sites = new Map<LoadedProg, Map<number, ProgramSite>>();

  /** The function by its type; undefined when the program has no such function. */
  find(env: AttachEnv, prog: LoadedProg, typeId: number): ProgramSite | undefined {
    const target = targetOf(prog, typeId);
    if (target === undefined) return undefined;
    return this.#sites.get(prog)?.get(target.index) ?? new ProgramSite(env, target);
  }

  /** Whether a function of the program is replaced. */
  isExtended(prog: LoadedProg): boolean {
    return [...(this.#sites.get(prog)?.values() ?? [])].some((site) => site.replacement !== undefined);
  }

  /** Something came to stand on the function, or went: its program's code is made to fit. */
  update({ code }: AttachEnv, site: ProgramSite): void {
    const { prog, index } = site.target;
    const ofProg = this.#sites.get(prog) ?? new Map<number, ProgramSite>();
    const before = ofProg.size;
    if (site.idle) ofProg.delete(index);
    else ofProg.set(index, site);
    if (ofProg.size === 0) this.#sites.delete(prog);
    else this.#sites.set(prog, ofProg);
    if (ofProg.size === before) return;
    code.rewire(prog, new Map([...ofProg].map(([k, s]) => [k, (frame, original) => s.call(frame, original)])));
  }

  save(): Restore {
    const saved = [...this.#sites].map(([prog, sites]) => [prog, new Map(sites)] as const);
    const restore = saveAll(saved.flatMap(([, sites]) => [...sites.values()]));
    return () => {
      this.#sites.clear();
      for (const [prog, sites] of saved) this.#sites.set(prog, new Map(sites));
      restore();
    };
  }
}

function targetOf(prog: LoadedProg, typeId: number): SiteTarget | undefined {
  const { funcInfo, btf, verified } = prog;
  for (let index = 0; index * 2 < funcInfo.length; index++) {
    if (funcInfo[index * 2 + 1] !== typeId) continue;
    const func = btf?.btf.type(typeId);
    const proto = func === undefined ? undefined : btf?.btf.type(func.type);
    const words = verified.subprogs[index].unreliable ? MAX_ARGS : (proto?.params.length ?? MAX_ARGS);
    return { prog, index, typeId, words };
  }
  return undefined;
}
