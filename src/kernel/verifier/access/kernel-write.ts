/** Stores into kernel structs that a program's type or the kernel table it implements allows (bpf_verifier_ops.btf_struct_access). */
import type { Btf } from '../../../btf/btf.ts';
import { BTF_KIND } from '../../../btf/types.ts';
import {
  NF_CONN_STRUCTS,
  NF_CONN_WRITABLE,
  QDISC_CB,
  QDISC_WHOLE,
  QDISC_WRITABLE,
  SCHED_EXT_WRITABLE,
  TCP_CA_WRITABLE,
} from '../../rules/attach.ts';
import { attachPoint } from '../attach-point.ts';
import { BTF_ACCESS } from '../diag/catalogue/access.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';

/** Rejects a store of `size` bytes at `off` of the kernel's struct `id` unless the program may change it there. */
export function checkKernelWrite(env: VerifierEnv, btf: Btf, id: number, off: number, size: number): void {
  const table = attachPoint(env)?.structOps;
  const name = btf.name(id);
  if (env.ops.writesNfConn) return checkNfConnWrite(env, btf, id, off, size);
  if (table === 'tcp_congestion_ops') {
    if (name !== 'tcp_sock') reject(env, BTF_ACCESS.READ_ONLY);
    const end = tcpCaFieldEnd(btf, off);
    if (end < 0) reject(env, BTF_ACCESS.NO_WRITE, name, off);
    if (off + size > end) reject(env, BTF_ACCESS.WRITE_BEYOND_MEMBER, off, size, name, end);
    return;
  }
  if (table === 'Qdisc_ops') return checkQdiscWrite(env, btf, id, off, size);
  if (table === 'sched_ext_ops') return checkSchedExtWrite(env, btf, id, off, size);
  if (table !== 'bpf_dummy_ops') reject(env, BTF_ACCESS.READ_ONLY);
  if (name !== 'bpf_dummy_ops_state') reject(env, BTF_ACCESS.WRITE_ONLY_TO, 'bpf_dummy_ops_state');
  if (off + size > btf.sizeOf(id)) reject(env, BTF_ACCESS.WRITE_BEYOND, off, size);
}

/** bpf_scx_btf_struct_access(): a scheduler's part of a task; about all else the kernel says nothing. */
function checkSchedExtWrite(env: VerifierEnv, btf: Btf, id: number, off: number, size: number): void {
  const within = (path: string): boolean => {
    const field = btf.memberOffset(id, path);
    return field !== undefined && off >= field.offset && off + size <= field.offset + field.size;
  };
  if (btf.name(id) !== 'task_struct' || !SCHED_EXT_WRITABLE.some(within)) reject(env, BTF_ACCESS.READ_ONLY);
}

/** bpf_qdisc_btf_struct_access(). */
function checkQdiscWrite(env: VerifierEnv, btf: Btf, id: number, off: number, size: number): void {
  const name = btf.name(id);
  if (!Object.hasOwn(QDISC_WRITABLE, name)) reject(env, BTF_ACCESS.READ_ONLY);
  for (const path of QDISC_WRITABLE[name]) {
    const field = qdiscField(btf, id, path);
    if (field === undefined) continue;
    if (QDISC_WHOLE.has(path) ? off < field.offset || off >= field.offset + field.size : off !== field.offset) continue;
    const end = field.offset + field.size;
    if (off + size > end) reject(env, BTF_ACCESS.WRITE_BEYOND_MEMBER, off, size, name, end);
    return;
  }
  reject(env, BTF_ACCESS.NO_WRITE, name, off);
}

/** A member; of a packet's `cb` the part that is left to queueing disciplines. */
function qdiscField(
  btf: Btf,
  id: number,
  path: string,
): { readonly offset: number; readonly size: number } | undefined {
  const field = btf.memberOffset(id, path);
  if (path !== 'cb' || field === undefined) return field;
  const own = btf.memberOffset(btf.find(QDISC_CB.struct, BTF_KIND.STRUCT), QDISC_CB.member);
  return own && { offset: field.offset + own.offset, size: own.size };
}

/** nf_conntrack_btf_struct_access(): entries of connection tracking, from XDP and tc. */
function checkNfConnWrite(env: VerifierEnv, btf: Btf, id: number, off: number, size: number): void {
  const name = btf.name(id);
  if (!NF_CONN_STRUCTS.includes(name)) reject(env, BTF_ACCESS.READ_ONLY);
  const conn = btf.find('nf_conn', BTF_KIND.STRUCT);
  const field = NF_CONN_WRITABLE.map((path) => btf.memberOffset(conn, path)).find((f) => f?.offset === off);
  if (field === undefined) return reject(env, BTF_ACCESS.NO_WRITE, 'nf_conn', off);
  const end = field.offset + field.size;
  if (off + size > end) reject(env, BTF_ACCESS.WRITE_BEYOND_MEMBER, off, size, 'nf_conn', end);
}

/** End of the field of a TCP socket that a store at `off` changes; -1 when congestion control may not write there. */
function tcpCaFieldEnd(btf: Btf, off: number): number {
  for (const [struct, path] of TCP_CA_WRITABLE) {
    const field = btf.memberOffset(btf.find(struct, BTF_KIND.STRUCT), path);
    if (field === undefined) continue;
    // The private area is the program's own; other fields are stored as a whole or by their first bytes.
    const hit = path === 'icsk_ca_priv' ? off >= field.offset && off < field.offset + field.size : off === field.offset;
    if (hit) return field.offset + field.size;
  }
  return -1;
}
