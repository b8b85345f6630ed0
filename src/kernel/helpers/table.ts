/** Helper implementations by BPF_FUNC_* id: an export of the wasm core, or a TypeScript function of its family's file. */
import { BPF_FUNC as F } from '../../uapi/helper-ids.ts';
import { INTERNAL_HELPER } from '../rules/internal-helpers.ts';
import { forEachMapElem, loop } from './callbacks.ts';
import type { CoreHelper, HelperEnv } from '../run/env.ts';
import type { HelperMaker } from './frame.ts';
import type { HelperImpl } from '../run/linkage.ts';
import { SHARED_INFO_SIZE, skbOffsets, xdpOffsets } from '../world/net/packet.ts';
import { getFuncArg, getFuncArgCnt, getFuncRet } from './func-arg.ts';
import { perfProgReadValue } from './perf-read.ts';
import { perfEventOutput } from './perf.ts';
import { cloneRedirect, redirect, redirectMap, redirectNeigh, redirectPeer } from './redirect.ts';
import { csumLevel, csumUpdate, l3CsumReplace, l4CsumReplace } from './skb-csum.ts';
import { skbChangeHead, skbChangeTail, skbLoadBytesRelative, skbPullData, skbStoreBytes } from './skb-data.ts';
import * as meta from './skb-meta.ts';
import { checkMtu } from './mtu.ts';
import { seqPrintf, seqWrite } from './seq.ts';
import { skbAdjustRoom, skbEcnSetCe } from './skb-room.ts';
import { sendSignal, sendSignalThread, taskPtRegs } from './task/signal.ts';
import { getStack, getStackid } from './stack.ts';
import { perCpuPtr, spinLock, spinUnlock, thisCpuPtr } from './sync.ts';
import * as task from './task/current.ts';
import { jiffies64, ktimeGetCoarseNs, ktimeGetNs, ktimeGetTaiNs } from './time.ts';
import { copyFromUserTask, probeWriteUser } from './task/user.ts';
import { tracePrintk, traceVprintk } from './trace.ts';
import { fragOffsets } from '../world/net/xdp-frags.ts';
import { xdpAdjustHead, xdpAdjustMeta, xdpAdjustTail } from './xdp.ts';

/** Helpers that the core serves without JavaScript. */
export const CORE_HELPERS: Readonly<Record<number, CoreHelper>> = {
  [F.BPF_FUNC_map_lookup_elem]: { export: 'map_lookup_elem', sig: 'ii:i' },
  [F.BPF_FUNC_map_update_elem]: { export: 'map_update_elem', sig: 'iiiF:s' },
  [F.BPF_FUNC_map_delete_elem]: { export: 'map_delete_elem', sig: 'ii:s' },
  [F.BPF_FUNC_map_push_elem]: { export: 'map_push_elem', sig: 'iiF:s' },
  [F.BPF_FUNC_map_pop_elem]: { export: 'map_pop_elem', sig: 'ii:s' },
  [F.BPF_FUNC_map_peek_elem]: { export: 'map_peek_elem', sig: 'ii:s' },
  [F.BPF_FUNC_map_lookup_percpu_elem]: { export: 'map_lookup_percpu_elem', sig: 'iii:i' },
  [F.BPF_FUNC_get_smp_processor_id]: { export: 'get_smp_processor_id', sig: ':i' },
  [F.BPF_FUNC_csum_diff]: { export: 'csum_diff', sig: 'iiiii:s' },
  [F.BPF_FUNC_strncmp]: { export: 'strncmp', sig: 'iii:s' },
  [F.BPF_FUNC_strtol]: { export: 'strtol', sig: 'iiWi:s' },
  [F.BPF_FUNC_strtoul]: { export: 'strtoul', sig: 'iiWi:s' },
  [F.BPF_FUNC_probe_read]: { export: 'probe_read', sig: 'iiW:s' },
  [F.BPF_FUNC_probe_read_kernel]: { export: 'probe_read_kernel', sig: 'iiW:s' },
  [F.BPF_FUNC_probe_read_user]: { export: 'probe_read_user', sig: 'iiW:s' },
  [F.BPF_FUNC_copy_from_user]: { export: 'probe_read_user', sig: 'iiW:s' },
  [F.BPF_FUNC_probe_read_str]: { export: 'probe_read_str', sig: 'iiW:s' },
  [F.BPF_FUNC_probe_read_kernel_str]: { export: 'probe_read_kernel_str', sig: 'iiW:s' },
  [F.BPF_FUNC_probe_read_user_str]: { export: 'probe_read_user_str', sig: 'iiW:s' },
  [F.BPF_FUNC_snprintf]: { export: 'snprintf', sig: 'iiiii:s' },
  [F.BPF_FUNC_ringbuf_output]: { export: 'ringbuf_output', sig: 'iiiF:s' },
  [F.BPF_FUNC_ringbuf_reserve]: { export: 'ringbuf_reserve', sig: 'iiF:i' },
  [F.BPF_FUNC_ringbuf_submit]: { export: 'ringbuf_submit', sig: 'ii:v' },
  [F.BPF_FUNC_ringbuf_discard]: { export: 'ringbuf_discard', sig: 'ii:v' },
  [F.BPF_FUNC_ringbuf_query]: { export: 'ringbuf_query', sig: 'iF:I' },
};

/** Core helpers that know the packet's layout; they exist only with kernel layouts. */
export const CORE_PACKET_HELPERS: Readonly<Record<number, CoreHelper>> = {
  [F.BPF_FUNC_skb_load_bytes]: { export: 'skb_load_bytes', sig: 'iiii:s' },
  [INTERNAL_HELPER.skb_load_helper_8]: { export: 'skb_load_helper_8', sig: 'ii:s' },
  [INTERNAL_HELPER.skb_load_helper_16]: { export: 'skb_load_helper_16', sig: 'ii:s' },
  [INTERNAL_HELPER.skb_load_helper_32]: { export: 'skb_load_helper_32', sig: 'ii:I' },
  [F.BPF_FUNC_xdp_load_bytes]: { export: 'xdp_load_bytes', sig: 'iiii:s' },
  [F.BPF_FUNC_xdp_store_bytes]: { export: 'xdp_store_bytes', sig: 'iiii:s' },
  [F.BPF_FUNC_xdp_get_buff_len]: { export: 'xdp_get_buff_len', sig: 'i:i' },
};

/** Helpers in TypeScript that need no layouts. */
export const JS_HELPERS: Readonly<Record<number, HelperMaker>> = {
  [F.BPF_FUNC_ktime_get_ns]: ktimeGetNs,
  [F.BPF_FUNC_ktime_get_boot_ns]: ktimeGetNs,
  [F.BPF_FUNC_ktime_get_coarse_ns]: ktimeGetCoarseNs,
  [F.BPF_FUNC_ktime_get_tai_ns]: ktimeGetTaiNs,
  [F.BPF_FUNC_jiffies64]: jiffies64,
  [F.BPF_FUNC_trace_printk]: tracePrintk,
  [F.BPF_FUNC_trace_vprintk]: traceVprintk,
  [F.BPF_FUNC_get_prandom_u32]: task.getPrandomU32,
  [F.BPF_FUNC_get_numa_node_id]: task.getNumaNodeId,
  [F.BPF_FUNC_get_current_pid_tgid]: task.getCurrentPidTgid,
  [F.BPF_FUNC_get_current_uid_gid]: task.getCurrentUidGid,
  [F.BPF_FUNC_get_current_comm]: task.getCurrentComm,
  [F.BPF_FUNC_get_current_task]: task.getCurrentTask,
  [F.BPF_FUNC_get_current_task_btf]: task.getCurrentTask,
  [F.BPF_FUNC_get_current_cgroup_id]: task.getCurrentCgroupId,
  [F.BPF_FUNC_get_current_ancestor_cgroup_id]: task.getCurrentAncestorCgroupId,
  [F.BPF_FUNC_get_ns_current_pid_tgid]: task.getNsCurrentPidTgid,
  [F.BPF_FUNC_skb_cgroup_id]: task.getCurrentCgroupId,
  [F.BPF_FUNC_current_task_under_cgroup]: task.currentTaskUnderCgroup,
  [F.BPF_FUNC_send_signal]: sendSignal,
  [F.BPF_FUNC_send_signal_thread]: sendSignalThread,
  [F.BPF_FUNC_probe_write_user]: probeWriteUser,
  [F.BPF_FUNC_get_netns_cookie]: meta.getNetnsCookie,
  [F.BPF_FUNC_get_func_ip]: task.getFuncIp,
  [F.BPF_FUNC_get_func_arg]: getFuncArg,
  [F.BPF_FUNC_get_func_ret]: getFuncRet,
  [F.BPF_FUNC_get_func_arg_cnt]: getFuncArgCnt,
  [F.BPF_FUNC_get_attach_cookie]: task.getAttachCookie,
  [F.BPF_FUNC_get_stackid]: getStackid,
  [F.BPF_FUNC_get_stack]: getStack,
  [F.BPF_FUNC_redirect]: redirect,
  [F.BPF_FUNC_redirect_map]: redirectMap,
  [F.BPF_FUNC_redirect_neigh]: redirectNeigh,
  [F.BPF_FUNC_redirect_peer]: redirectPeer,
  [F.BPF_FUNC_perf_event_output]: perfEventOutput,
  [F.BPF_FUNC_skb_output]: perfEventOutput,
  [F.BPF_FUNC_xdp_output]: perfEventOutput,
  [F.BPF_FUNC_spin_lock]: spinLock,
  [F.BPF_FUNC_spin_unlock]: spinUnlock,
  [F.BPF_FUNC_per_cpu_ptr]: perCpuPtr,
  [F.BPF_FUNC_this_cpu_ptr]: thisCpuPtr,
  [F.BPF_FUNC_for_each_map_elem]: forEachMapElem,
  [F.BPF_FUNC_loop]: loop,
};

/** Helpers in TypeScript that read or write kernel structs, most of them struct sk_buff and struct xdp_buff. */
export const JS_PACKET_HELPERS: Readonly<Record<number, HelperMaker>> = {
  [F.BPF_FUNC_task_pt_regs]: taskPtRegs,
  [F.BPF_FUNC_copy_from_user_task]: copyFromUserTask,
  [F.BPF_FUNC_clone_redirect]: cloneRedirect,
  [F.BPF_FUNC_skb_store_bytes]: skbStoreBytes,
  [F.BPF_FUNC_skb_load_bytes_relative]: skbLoadBytesRelative,
  [F.BPF_FUNC_skb_pull_data]: skbPullData,
  [F.BPF_FUNC_skb_change_tail]: skbChangeTail,
  [F.BPF_FUNC_skb_change_head]: skbChangeHead,
  [F.BPF_FUNC_skb_adjust_room]: skbAdjustRoom,
  [F.BPF_FUNC_skb_ecn_set_ce]: skbEcnSetCe,
  [F.BPF_FUNC_get_cgroup_classid]: meta.noClass,
  [F.BPF_FUNC_get_route_realm]: meta.noClass,
  [F.BPF_FUNC_get_socket_uid]: meta.getSocketUid,
  [F.BPF_FUNC_check_mtu]: checkMtu,
  [F.BPF_FUNC_skb_change_proto]: meta.skbChangeProto,
  [F.BPF_FUNC_skb_change_type]: meta.skbChangeType,
  [F.BPF_FUNC_skb_vlan_push]: meta.skbVlanPush,
  [F.BPF_FUNC_skb_vlan_pop]: meta.skbVlanPop,
  [F.BPF_FUNC_get_hash_recalc]: meta.getHashRecalc,
  [F.BPF_FUNC_set_hash_invalid]: meta.setHashInvalid,
  [F.BPF_FUNC_set_hash]: meta.setHash,
  [F.BPF_FUNC_l3_csum_replace]: l3CsumReplace,
  [F.BPF_FUNC_l4_csum_replace]: l4CsumReplace,
  [F.BPF_FUNC_csum_update]: csumUpdate,
  [F.BPF_FUNC_csum_level]: csumLevel,
  [F.BPF_FUNC_seq_printf]: seqPrintf,
  [F.BPF_FUNC_seq_write]: seqWrite,
  [F.BPF_FUNC_perf_prog_read_value]: perfProgReadValue,
  [F.BPF_FUNC_xdp_adjust_head]: xdpAdjustHead,
  [F.BPF_FUNC_xdp_adjust_meta]: xdpAdjustMeta,
  [F.BPF_FUNC_xdp_adjust_tail]: xdpAdjustTail,
};

const TABLES = [CORE_HELPERS, CORE_PACKET_HELPERS, JS_HELPERS, JS_PACKET_HELPERS];

/** Ids of all helpers that a runtime has, without bpf_tail_call, which is the engines' own. */
export const helperIds = (): readonly number[] => TABLES.flatMap((table) => Object.keys(table).map(Number));

/** Whether this runtime implements a helper. */
export function hasHelper(id: number): boolean {
  return id === F.BPF_FUNC_tail_call || TABLES.some((table) => table[id] !== undefined);
}

/** The helpers of one environment; each is made when it is first asked for. */
export function createHelpers(env: HelperEnv): (id: number) => HelperImpl | undefined {
  const made = new Map<number, HelperImpl | undefined>();
  let packetLayout = false;
  const make = (id: number): HelperImpl | undefined => {
    const core = CORE_HELPERS[id];
    if (core) return coreImpl(env, core);
    const js = JS_HELPERS[id];
    if (js) return { kind: 'js', fn: js(env) };
    if (!env.layouts) return undefined;
    const packetJs = JS_PACKET_HELPERS[id];
    if (packetJs) return { kind: 'js', fn: packetJs(env) };
    const packetCore = CORE_PACKET_HELPERS[id];
    if (!packetCore) return undefined;
    if (!packetLayout) setPacketLayout(env);
    packetLayout = true;
    return coreImpl(env, packetCore);
  };
  return (id) => {
    if (!made.has(id)) made.set(id, make(id));
    return made.get(id);
  };
}

function coreImpl(env: HelperEnv, core: CoreHelper): HelperImpl {
  const fn = env.core[core.export] as unknown as CallableFunction;
  return { kind: 'core', core, fn };
}

/** Tells the core where sk_buff, xdp_buff and skb_shared_info keep what it reads. */
function setPacketLayout(env: HelperEnv): void {
  if (!env.layouts) return;
  const skb = skbOffsets(env.layouts);
  const xdp = xdpOffsets(env.layouts);
  const frags = fragOffsets(env.layouts);
  const set = env.core as unknown as Record<string, (...offsets: number[]) => void>;
  set.set_skb_layout(skb.data, skb.len, skb.data_len);
  set.set_skb_header_layout(skb.head, skb.tail, skb.mac_header, skb.network_header);
  set.set_xdp_layout(xdp.data, xdp.data_end);
  const { hardStart, frameSize, flags, fragsSize } = frags;
  set.set_xdp_frags_layout(hardStart, frameSize, flags, SHARED_INFO_SIZE, fragsSize, frags.frags);
}
