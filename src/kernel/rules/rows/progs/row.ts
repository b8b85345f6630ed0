/** The shape of a program type's row. What a row leaves out is denied. */
import type { Configured } from '../../build.ts';
import type { CtxUse } from '../ctx/row.ts';
import type { HelperGrants } from '../helpers/sets.ts';

/** Values that r0 may hold at exit, for some attach types or for all; the first rule that fits counts. */
export interface RetRule {
  readonly attach?: readonly number[];
  /** Attach BTF names (`*` at the end matches the rest) that this rule is for. */
  readonly attachBtf?: readonly string[];
  /** Only when the hook returns nothing. */
  readonly voidHook?: boolean;
  readonly lsmCgroup?: boolean;
  readonly range: readonly [min: number, max: number] | 'any';
}

export interface ProgTypeRow extends Configured {
  readonly type: number;
  readonly name: string;
  /** libbpf's and bpftool's word. */
  readonly short: string;
  readonly ctxStruct: string;
  readonly ctx: CtxUse;
  /** Loads from the context take their types from the attach BTF (btf_ctx_access). */
  readonly btfCtx?: boolean;
  /**
   * Direct access to packet data. `read`: loads, and arguments of any helper; `write`: stores too, and arguments of helpers that
   * take packets; `sockopt`: everything.
   */
  readonly packetAccess: 'none' | 'read' | 'write' | 'sockopt';
  /**
   * Packets that it runs on: `xdp` as a card has them, `l2` socket buffers from the Ethernet header on, `l3` from the network header on.
   * None when left out: its socket buffers, if it has any, come from elsewhere.
   */
  readonly packet?: 'xdp' | 'l2' | 'l3';
  /** May be loaded for a network device (prog_ifindex). */
  readonly deviceBound?: boolean;
  /** Fields of connection tracking entries may be written. */
  readonly writesNfConn?: boolean;
  /** Beyond the base set; an earlier entry of an id wins over a later one and over the base set. */
  readonly helpers: HelperGrants;
  /** The base set of helpers is not offered. */
  readonly withoutBase?: boolean;
  /** Attach BTF names (as in RetRule) for which no helper is offered at all. */
  readonly withoutHelpers?: readonly string[];
  /** First fitting rule; any value when there is none. */
  readonly ret: readonly RetRule[];
  /** Capabilities beside CAP_BPF that loading takes. */
  readonly loadCaps: readonly ('netAdmin' | 'perfmon')[];
  /** Expected attach types that PROG_LOAD takes; every one when left out. */
  readonly attachTypes?: readonly number[];
  /** The meaning of an expected attach type of 0, for types that are older than the field. */
  readonly defaultAttach?: number;
  /** BPF_F_SLEEPABLE is allowed: always, or for these attach types only. */
  readonly sleepable?: 'may' | readonly number[];
  /** Loading takes attach_btf_id. */
  readonly attachBtf?: boolean;
}
