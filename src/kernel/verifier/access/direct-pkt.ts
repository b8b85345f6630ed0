/** Which programs touch packet data directly (may_access_direct_pkt_data). */
import type { VerifierEnv } from '../env.ts';

/** Whether this access is allowed. `meta`: the call whose argument it is. */
export function mayAccessDirectPktData(
  env: VerifierEnv,
  meta: { readonly pktAccess: boolean } | undefined,
  write: boolean,
): boolean {
  switch (env.ops.packetAccess) {
    case 'none':
      return false;
    case 'sockopt':
      if (write) env.seenDirectWrite = true;
      return true;
    case 'read':
      if (write) return false;
      break;
    case 'write':
      break;
  }
  if (meta !== undefined) return meta.pktAccess;
  env.seenDirectWrite = true;
  return true;
}
