/** Compiles a program type's row into the operations that the verifier asks (struct bpf_verifier_ops). */
import { inBuild, type KernelBuild } from './build.ts';
import { attachTypeSince } from './rows/attach.ts';
import { compileCtxUse } from './rows/ctx/check.ts';
import { helperId, helperProto, helperRow } from './rows/helpers/protos.ts';
import { BASE, type HelperGrant } from './rows/helpers/sets.ts';
import type { Caps, ProgQuery, ProgTypeOps } from './prog-type.ts';
import type { ProgTypeRow, RetRule } from './rows/progs/row.ts';
import type { FuncProto } from './proto.ts';

interface Offer {
  readonly grant: HelperGrant;
  /** Made when a program first calls the helper. */
  proto: FuncProto | undefined;
}

/** bpf_token_capable: CAP_SYS_ADMIN stands for both newer capabilities. */
export function capable(caps: Caps, cap: 'bpf' | 'perfmon' | 'netAdmin' | 'sysAdmin'): boolean {
  return caps.sysAdmin || caps[cap];
}

export function compileProgType(row: ProgTypeRow, build: KernelBuild): ProgTypeOps {
  const offers: Offer[][] = [];
  for (const entry of row.withoutBase ? row.helpers : [...row.helpers, ...BASE]) {
    const grant: HelperGrant = typeof entry === 'string' ? { helper: entry } : entry;
    const own = helperRow(grant.helper);
    const { since = own.since, until = own.until, config } = grant;
    if (!inBuild({ since, until, config }, build)) continue;
    const id = helperId(grant.helper);
    offers[id] ??= [];
    const attach = grant.attach?.filter((type) => inBuild({ since: attachTypeSince(type) }, build));
    offers[id].push({ grant: attach === undefined ? grant : { ...grant, attach }, proto: undefined });
  }
  const ranges = row.ret.map((r) => (r.range === 'any' ? undefined : { min: r.range[0], max: r.range[1] }));
  return {
    type: row.type,
    name: row.name,
    short: row.short,
    ctxStruct: row.ctxStruct,
    packetAccess: row.packetAccess,
    sleepable: row.sleepable,
    writesNfConn: row.writesNfConn === true,
    btfCtx: row.btfCtx === true,
    convertsCtx: row.ctx.convert,
    isValidAccess: compileCtxUse(row.ctx),
    funcProto(id, q) {
      if (row.withoutHelpers?.some((p) => matchesName(p, q.attachBtfName))) return undefined;
      const offer = offers[id]?.find((o) => granted(o.grant, q));
      return offer === undefined ? undefined : (offer.proto ??= helperProto(offer.grant.helper));
    },
    retRange: (q) => {
      const at = row.ret.findIndex((r) => fits(r, q));
      return at < 0 ? undefined : ranges[at];
    },
  };
}

function granted(g: HelperGrant, q: ProgQuery): boolean {
  if (g.cap !== undefined && !capable(q.caps, g.cap)) return false;
  // Without CAP_BPF nothing that needs a further capability is offered either.
  if (g.cap === 'perfmon' && !capable(q.caps, 'bpf')) return false;
  if (g.attach !== undefined && !g.attach.includes(q.expectedAttachType)) return false;
  if (g.sleepable !== undefined && g.sleepable !== q.sleepable) return false;
  return g.attachBtf === undefined || g.attachBtf.some((p) => matchesName(p, q.attachBtfName));
}

function fits(r: RetRule, q: ProgQuery): boolean {
  if (r.attach !== undefined && !r.attach.includes(q.expectedAttachType)) return false;
  if (r.voidHook !== undefined && r.voidHook !== (q.attachReturnsVoid === true)) return false;
  if (r.lsmCgroup !== undefined && r.lsmCgroup !== (q.lsmCgroup === true)) return false;
  return r.attachBtf === undefined || r.attachBtf.some((p) => matchesName(p, q.attachBtfName));
}

/** Whether a name is the pattern, or begins as one that ends with `*`. */
export function matchesName(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
