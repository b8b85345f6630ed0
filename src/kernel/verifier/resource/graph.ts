/** Lists and trees of allocated objects under a lock (in_rbtree_lock_required_cb, ref_set_non_owning). */
import type { VerifierEnv } from '../env.ts';

/** in_rbtree_lock_required_cb: inside the comparison callback of bpf_rbtree_add. */
export function inRbtreeLockRequiredCb(env: VerifierEnv): boolean {
  const { state } = env;
  if (state.curframe === 0 || !state.frame.inCallbackFn) return false;
  return env.aux.extra.get(state.frame.callsite)?.kfunc === 'bpf_rbtree_add_impl';
}
