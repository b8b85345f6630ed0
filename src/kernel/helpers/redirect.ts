/** Redirects are verdicts: the target is noted in the run's state, and the hook that asked acts on it. */
import { BPF_MAP_TYPE as T } from '../../uapi/map-types.ts';
import type { Invocation } from '../run/invocation.ts';
import { packetKind } from '../rules/packet.ts';
import {
  BPF_F_BROADCAST,
  BPF_F_EXCLUDE_INGRESS,
  BPF_F_INGRESS,
  BPF_F_NEIGH,
  BPF_F_PEER,
  TC_ACT,
} from '../../uapi/flags.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { headerWord } from '../maps/header.ts';
import { hasTarget } from '../maps/target-array.ts';
import { type HelperMaker, Frames, simple } from './frame.ts';
import { ProgramAbort } from '../../util/errors.ts';
import { SkbView, skbOffsets } from '../world/net/packet.ts';
import { FRAME_R2, layoutsOf } from '../run/env.ts';

const XDP_ABORTED = 0;
const XDP_REDIRECT = 4;
const XDP_ACTION_MASK = 3;
const { TC_ACT_SHOT, TC_ACT_REDIRECT } = TC_ACT;
/** sizeof(struct bpf_redir_neigh) */
const REDIR_NEIGH_SIZE = 20;

/** bpf_redirect: XDP takes no flags, tc only BPF_F_INGRESS. */
export const redirect: HelperMaker = (env) => {
  const f = new Frames(env);
  return (frame) => {
    const xdp = packetKind(env.cpu.run.progType) === 'xdp';
    const flags = f.u32(frame, 2);
    const bad = f.hi(frame, 2) !== 0 || (xdp ? flags !== 0 : (flags & ~BPF_F_INGRESS) !== 0);
    if (bad) return f.ret(frame, xdp ? XDP_ABORTED : TC_ACT_SHOT);
    note(env.cpu.run, f.lo(frame, 1), flags);
    f.ret(frame, xdp ? XDP_REDIRECT : TC_ACT_REDIRECT);
  };
};

function note(run: Invocation, ifindex: number, flags: number): void {
  run.redirectIfindex = ifindex;
  run.redirectFlags = flags;
  run.redirectMapId = 0;
  run.redirectKey = 0;
}

/** bpf_redirect_neigh(ifindex, params, plen, flags) */
export const redirectNeigh = simple(
  (env) => (ifindex, _params, plen, flags) => {
    if ((plen && plen < REDIR_NEIGH_SIZE) || flags) return TC_ACT_SHOT;
    note(env.cpu.run, ifindex | 0, BPF_F_NEIGH);
    return TC_ACT_REDIRECT;
  },
  4,
);

/** bpf_redirect_peer(ifindex, flags) */
export const redirectPeer = simple(
  (env) => (ifindex, flags) => {
    if (flags) return TC_ACT_SHOT;
    note(env.cpu.run, ifindex | 0, BPF_F_PEER);
    return TC_ACT_REDIRECT;
  },
  2,
);

/** bpf_clone_redirect(skb, ifindex, flags): a copy goes to the wire of all devices. */
export const cloneRedirect: HelperMaker = (env) => {
  const f = new Frames(env);
  const skb = new SkbView(env.mem, skbOffsets(layoutsOf(env)));
  return (frame) => {
    const at = f.u32(frame, 1);
    const ifindex = f.lo(frame, 2);
    const flags = f.u32(frame, 3);
    if (f.hi(frame, 3) !== 0 || flags & ~BPF_F_INGRESS) return f.ret(frame, -ERRNO.EINVAL);
    if (env.hasDevice?.(ifindex) !== true) return f.ret(frame, -ERRNO.EINVAL);
    const { wire } = env;
    if (wire === undefined || wire.idle)
      throw new ProgramAbort('unsupported', -1, 'bpf_clone_redirect sends a packet, and the wire has no transmit port');
    const data = skb.get32(at, 'data');
    const copy = skb.u8.slice(data, data + skb.headlen(at));
    f.ret(frame, wire.run({ ifindex, packet: copy, ingress: (flags & BPF_F_INGRESS) !== 0 }));
    skb.computeDataPointers(at);
  };
};

/** bpf_redirect_map(map, key, flags): the low two flag bits are the verdict when there is no target. */
export const redirectMap: HelperMaker = (env) => {
  const f = new Frames(env);
  const { u32 } = env.mem;
  const peek = env.core.hash_peek as unknown as (map: number, key: number) => number;
  return (frame) => {
    const map = f.u32(frame, 1);
    const type = headerWord(u32, map, 'type');
    const key = f.u32(frame, 2);
    const flags = f.u32(frame, 3);
    const hashed = type === T.BPF_MAP_TYPE_DEVMAP_HASH;
    const devmap = hashed || type === T.BPF_MAP_TYPE_DEVMAP;
    const known = XDP_ACTION_MASK | (devmap ? BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS : 0);
    if (flags & ~known || f.hi(frame, 3) !== 0) return f.ret(frame, XDP_ABORTED);
    const { run } = env.cpu;
    // The key lies in the frame as the hash wants it.
    const found = hashed ? peek(map, frame + FRAME_R2) !== 0 : hasTarget(env.mem, map, key);
    if (!found && !(flags & BPF_F_BROADCAST)) {
      note(run, -1, 0);
      return f.ret(frame, flags & XDP_ACTION_MASK);
    }
    run.redirectIfindex = -1;
    run.redirectFlags = flags;
    run.redirectMapId = headerWord(u32, map, 'id');
    run.redirectKey = key;
    f.ret(frame, XDP_REDIRECT);
  };
};
