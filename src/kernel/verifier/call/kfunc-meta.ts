/** A kernel function that is called: prototype, flags, and what its arguments turned out to be (struct bpf_kfunc_call_arg_meta). */
import type { Btf } from '../../../btf/btf.ts';
import type { BtfField } from '../../../btf/record.ts';
import { BTF_KIND, type BtfParam, type BtfType } from '../../../btf/types.ts';
import { invariant } from '../../../util/errors.ts';
import {
  KF_ACQUIRE,
  KF_ITER_DESTROY,
  KF_ITER_NEW,
  KF_ITER_NEXT,
  KF_RCU,
  KF_RCU_PROTECTED,
  KF_RELEASE,
  KF_RET_NULL,
  KF_SLEEPABLE,
  KF_TRUSTED_ARGS,
  type KfuncRow,
} from '../../rules/rows/kfuncs/row.ts';
import { KFUNC } from '../diag/catalogue/kfunc.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { kernelBtf } from '../kernel-btf.ts';
import { calledKfunc } from '../pass/kfuncs.ts';
import type { IterArg } from '../resource/iter.ts';

export class KfuncMeta {
  releaseRegno = 0;
  refObjId = 0;
  subprogno = -1;
  /** Value of the constant argument, as hi/lo words. */
  constFound = false;
  constLo = 0;
  constHi = 0;
  /** Size of returned memory. */
  r0Size = 0;
  r0Rdonly = false;
  /** Struct that a cast or allocation yields: index in env.btfs and id. */
  argBtf = 0;
  argBtfId = 0;
  owningRef = false;
  /** The dynptr that was passed, not made. */
  dynptrId = 0;
  dynptrType = 0;
  dynptrRefObjId = 0;
  dynptrPacketRef = 0;
  mapIndex = -1;
  mapUid = 0;
  iter: IterArg | undefined = undefined;
  listHead: BtfField | undefined = undefined;
  rbRoot: BtfField | undefined = undefined;

  constructor(
    readonly name: string,
    readonly id: number,
    /** The kfunc's row. */
    readonly row: KfuncRow,
    readonly btf: Btf,
    readonly proto: BtfType,
  ) {}

  get flags(): number {
    return this.row.flags;
  }
  get params(): readonly BtfParam[] {
    return this.proto.params;
  }
  get isAcquire(): boolean {
    return (this.flags & KF_ACQUIRE) !== 0;
  }
  get isRelease(): boolean {
    return (this.flags & KF_RELEASE) !== 0;
  }
  /** is_kfunc_ret_null: another reference to an object that is held always succeeds. */
  get isRetNull(): boolean {
    if (this.row.makes === 'reference' && this.owningRef) return false;
    return (this.flags & KF_RET_NULL) !== 0;
  }
  get isTrustedArgs(): boolean {
    return (this.flags & KF_TRUSTED_ARGS) !== 0 || this.isRelease;
  }
  get isSleepable(): boolean {
    return (this.flags & KF_SLEEPABLE) !== 0;
  }
  get isRcu(): boolean {
    return (this.flags & KF_RCU) !== 0;
  }
  get isRcuProtected(): boolean {
    return (this.flags & KF_RCU_PROTECTED) !== 0;
  }
  get isIterNew(): boolean {
    return (this.flags & KF_ITER_NEW) !== 0;
  }
  get isIterNext(): boolean {
    return (this.flags & KF_ITER_NEXT) !== 0;
  }
  get isIterDestroy(): boolean {
    return (this.flags & KF_ITER_DESTROY) !== 0;
  }
  get isIter(): boolean {
    return (this.flags & (KF_ITER_NEW | KF_ITER_NEXT | KF_ITER_DESTROY)) !== 0;
  }
}

/** fetch_kfunc_meta: the function called at `insnIdx`, when this program may call it. */
export function fetchKfuncMeta(env: VerifierEnv, insnIdx: number): KfuncMeta {
  const kfunc = calledKfunc(env, insnIdx);
  const btf = kernelBtf(env);
  invariant(kfunc !== undefined && btf !== undefined, 'unresolved kernel function');
  const { name, id, row, allowed } = kfunc;
  if (row === undefined || !allowed) reject(env, KFUNC.NOT_ALLOWED, name);
  const proto = btf.type(btf.ref(id));
  invariant(proto?.kind === BTF_KIND.FUNC_PROTO, `kernel function ${name} without prototype`);
  return new KfuncMeta(name, id, row, btf, proto);
}
