/** Lightweight tunnel program types: LWT_IN, LWT_OUT, LWT_XMIT, LWT_SEG6LOCAL. */
import { SK_BUFF, SKB_COMMON } from '../ctx/sk-buff.ts';
import { LWT_SET, SK_BASE } from '../helpers/sets.ts';
import type { ProgTypeRow } from './row.ts';

const LWT = {
  packet: 'l3',
  ctxStruct: '__sk_buff',
  ctx: {
    struct: SK_BUFF,
    read: { ...SKB_COMMON, data: true, data_end: true },
    write: { mark: true, priority: true, cb: true },
    convert: true,
  },
  ret: [],
  loadCaps: ['netAdmin'],
  config: 'CONFIG_LWTUNNEL_BPF',
} as const;

export const LWT_IN = {
  type: 10,
  since: '4.10',
  name: 'BPF_PROG_TYPE_LWT_IN',
  short: 'lwt_in',
  ...LWT,
  packetAccess: 'read',
  helpers: ['lwt_push_encap', ...LWT_SET, ...SK_BASE],
} as const satisfies ProgTypeRow;

export const LWT_OUT = {
  type: 11,
  since: '4.10',
  name: 'BPF_PROG_TYPE_LWT_OUT',
  short: 'lwt_out',
  ...LWT,
  packetAccess: 'read',
  helpers: [...LWT_SET, ...SK_BASE],
} as const satisfies ProgTypeRow;

export const LWT_XMIT = {
  type: 12,
  since: '4.10',
  name: 'BPF_PROG_TYPE_LWT_XMIT',
  short: 'lwt_xmit',
  ...LWT,
  packetAccess: 'write',
  helpers: [
    'skb_get_tunnel_key',
    'skb_set_tunnel_key',
    'skb_get_tunnel_opt',
    'skb_set_tunnel_opt',
    'redirect',
    'clone_redirect',
    'skb_change_tail',
    'skb_change_head',
    'skb_store_bytes',
    'csum_update',
    'csum_level',
    'l3_csum_replace',
    'l4_csum_replace',
    'set_hash_invalid',
    'lwt_push_encap',
    ...LWT_SET,
    ...SK_BASE,
  ],
} as const satisfies ProgTypeRow;

export const LWT_SEG6LOCAL = {
  type: 19,
  since: '4.18',
  name: 'BPF_PROG_TYPE_LWT_SEG6LOCAL',
  short: 'lwt_seg6local',
  ...LWT,
  packetAccess: 'read',
  helpers: [
    { helper: 'lwt_seg6_store_bytes', config: 'CONFIG_IPV6_SEG6_BPF' },
    { helper: 'lwt_seg6_action', config: 'CONFIG_IPV6_SEG6_BPF' },
    { helper: 'lwt_seg6_adjust_srh', config: 'CONFIG_IPV6_SEG6_BPF' },
    ...LWT_SET.filter((helper) => helper !== 'skb_pull_data'),
    { helper: 'skb_pull_data', since: '6.16' },
    ...SK_BASE,
  ],
} as const satisfies ProgTypeRow;
