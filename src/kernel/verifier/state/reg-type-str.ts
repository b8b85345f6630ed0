/** Names of register types in messages and state dumps (reg_type_str). */
import {
  CONST_PTR_TO_DYNPTR,
  CONST_PTR_TO_MAP,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  MEM_RINGBUF,
  MEM_USER,
  NOT_INIT,
  PTR_MAYBE_NULL,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FLOW_KEYS,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_SOCKET,
  PTR_TO_SOCK_COMMON,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_TP_BUFFER,
  PTR_TO_XDP_SOCK,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  SCALAR_VALUE,
  baseType,
} from '../../rules/reg-types.ts';

const BASE_NAMES: Readonly<Record<number, string>> = {
  [NOT_INIT]: '?',
  [SCALAR_VALUE]: 'scalar',
  [PTR_TO_CTX]: 'ctx',
  [CONST_PTR_TO_MAP]: 'map_ptr',
  [PTR_TO_MAP_VALUE]: 'map_value',
  [PTR_TO_MAP_KEY]: 'map_key',
  [PTR_TO_STACK]: 'fp',
  [PTR_TO_PACKET]: 'pkt',
  [PTR_TO_PACKET_META]: 'pkt_meta',
  [PTR_TO_PACKET_END]: 'pkt_end',
  [PTR_TO_FLOW_KEYS]: 'flow_keys',
  [PTR_TO_SOCKET]: 'sock',
  [PTR_TO_SOCK_COMMON]: 'sock_common',
  [PTR_TO_TCP_SOCK]: 'tcp_sock',
  [PTR_TO_TP_BUFFER]: 'tp_buffer',
  [PTR_TO_XDP_SOCK]: 'xdp_sock',
  [PTR_TO_BTF_ID]: 'ptr_',
  [PTR_TO_MEM]: 'mem',
  [PTR_TO_ARENA]: 'arena',
  [PTR_TO_BUF]: 'buf',
  [PTR_TO_FUNC]: 'func',
  [CONST_PTR_TO_DYNPTR]: 'dynptr_ptr',
};

/** Flags that are spelled before the name, in the order of printing. */
const PREFIXES: readonly (readonly [number, string])[] = [
  [MEM_RDONLY, 'rdonly_'],
  [MEM_RINGBUF, 'ringbuf_'],
  [MEM_USER, 'user_'],
  [MEM_PERCPU, 'percpu_'],
  [MEM_RCU, 'rcu_'],
  [PTR_UNTRUSTED, 'untrusted_'],
  [PTR_TRUSTED, 'trusted_'],
];

/** `map_value_or_null`, `trusted_ptr_`, `rcu_ptr_or_null_`; BTF pointers end in `_` because the struct's name follows. */
export function regTypeStr(type: number): string {
  let out = '';
  for (const [flag, text] of PREFIXES) if (type & flag) out += text;
  out += BASE_NAMES[baseType(type)] ?? '?';
  if (type & PTR_MAYBE_NULL) out += baseType(type) === PTR_TO_BTF_ID ? 'or_null_' : '_or_null';
  return out;
}
