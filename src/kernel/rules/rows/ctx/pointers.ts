/** Loads through socket pointers (check_sock_access): which offsets and sizes they have. Nothing there can be written. */
import { lazy } from '../../../../util/lazy.ts';
import type { CtxAccess, CtxBytes, ProgQuery, ProgTypeOps } from '../../prog-type.ts';
import { baseType, PTR_TO_SOCK_COMMON, PTR_TO_SOCKET, PTR_TO_TCP_SOCK, PTR_TO_XDP_SOCK } from '../../reg-types.ts';
import { compileCtxUse } from './check.ts';
import { BPF_SOCK, BPF_TCP_SOCK, BPF_XDP_SOCK } from './net.ts';
import type { CtxStruct } from './row.ts';

/** sizeof(struct bpf_flow_keys): PTR_TO_FLOW_KEYS reads and writes any bytes of it. */
export const FLOW_KEYS_SIZE = 56;

/** Not every socket has these: request and time-wait sockets end before them. */
const FULL_SOCKET_ONLY = new Set(['type', 'protocol', 'mark', 'priority']);

function readAll(struct: CtxStruct, without: ReadonlySet<string> = new Set()): ProgTypeOps['isValidAccess'] {
  const names = Object.keys(struct.fields).filter((name) => !without.has(name));
  return compileCtxUse({ struct, read: Object.fromEntries(names.map((name) => [name, true as const])), convert: true });
}

const checks = lazy(
  (): Readonly<Record<number, ProgTypeOps['isValidAccess']>> => ({
    [PTR_TO_SOCKET]: readAll(BPF_SOCK),
    [PTR_TO_SOCK_COMMON]: readAll(BPF_SOCK, FULL_SOCKET_ONLY),
    [PTR_TO_TCP_SOCK]: readAll(BPF_TCP_SOCK),
    [PTR_TO_XDP_SOCK]: readAll(BPF_XDP_SOCK),
  }),
);

const ANYONE: ProgQuery = {
  progType: 0,
  expectedAttachType: 0,
  caps: { bpf: false, perfmon: false, netAdmin: false, sysAdmin: false },
  sleepable: false,
  gplCompatible: false,
  attachBtfName: '',
};

/** Whether an access through a socket pointer of this register type is allowed; fills `out`. */
export function isValidSockAccess(regType: number, access: CtxBytes, out: CtxAccess): boolean {
  return checks()[baseType(regType)]?.(access, ANYONE, out) ?? false;
}
