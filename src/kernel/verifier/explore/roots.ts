/** The roots of the walk: the main program, then by itself each global function that is called (do_check_main, do_check_subprogs). */
import {
  ARG_ANYTHING,
  ARG_PTR_TO_ARENA,
  ARG_PTR_TO_BTF_ID,
  ARG_PTR_TO_CTX,
  ARG_PTR_TO_DYNPTR,
  ARG_PTR_TO_MEM,
  CONST_PTR_TO_DYNPTR,
  DYNPTR_TYPE_LOCAL,
  MEM_RDONLY,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_CTX,
  PTR_TO_MEM,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  SCALAR_VALUE,
  baseType,
} from '../../rules/reg-types.ts';
import { BPF_PROG_TYPE } from '../../../uapi/prog-types.ts';
import { prepareFuncArgs } from '../call/func-args.ts';
import { SUBPROG } from '../diag/catalogue/subprog.ts';
import { Rejected, reject } from '../diag/reject.ts';
import type { SubprogArg, VerifierEnv } from '../env.ts';
import { BPF_LOG_LEVEL2 } from '../log.ts';
import { acquireArguments } from '../resource/arg-refs.ts';
import { scratchAll } from '../state/print.ts';
import { A, B, ID, TYPE } from '../state/row.ts';
import { initFrame, markRegPointer, markRegUnknown } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import { doCheck } from './do-check.ts';
import { walkView } from './walk-view.ts';

/** do_check_main. */
export function checkMain(env: VerifierEnv): void {
  env.insnIdx = 0;
  checkRoot(env, 0);
  env.subprogs[0].verified = true;
}

/** do_check_subprogs: until no verified function calls an unverified global one. */
export function checkSubprogs(env: VerifierEnv): void {
  if (env.input.funcInfo === undefined) return;
  if (env.exceptionCallbackSubprog > 0) env.subprogs[env.exceptionCallbackSubprog].called = true;
  for (let again = true; again; ) {
    again = false;
    for (let i = 1; i < env.subprogs.length; i++) {
      const sub = env.subprogs[i];
      if (!sub.isGlobal || !sub.called || sub.verified) continue;
      env.insnIdx = sub.start;
      checkRoot(env, i);
      if (env.log.enabled) env.log.line(`Func#${i} ('${sub.name}') is safe for any args that match its prototype`);
      sub.verified = true;
      again = true;
    }
  }
}

/** do_check_common: one root of exploration. */
function checkRoot(env: VerifierEnv, subprog: number): void {
  env.prevLineInfo = undefined;
  env.passCnt++;
  const state = env.store.newWorkingState();
  state.branches = 1;
  state.inSleepable = env.query.sleepable;
  const frame = state.frames[0];
  initFrame(env, frame, -1, 0, subprog);
  state.firstInsnIdx = env.subprogs[subprog].start;
  state.lastInsnIdx = -1;
  env.state = state;
  if (subprog > 0 || env.input.progType === BPF_PROG_TYPE.BPF_PROG_TYPE_EXT) setArguments(env, subprog);
  else {
    checkMainPrototype(env);
    acquireArguments(env);
    markRegPointer(frame.rows, regRow(1), PTR_TO_CTX);
  }
  scratchAll(env);
  env.prevLogPos = 0;
  if (env.testing !== undefined) env.walkView ??= walkView(env);
  doCheck(env);
  if (env.walkView !== undefined) env.testing?.onWalked?.(env.walkView);
  if ((env.log.level & BPF_LOG_LEVEL2) === 0) env.log.truncate(0);
  forgetStates(env);
}

/** The main program's prototype is only looked at: what is wrong with it matters to programs that are attached to it. */
function checkMainPrototype(env: VerifierEnv): void {
  if (env.input.funcInfo === undefined) return;
  const [main] = env.subprogs;
  main.unreliable = true;
  try {
    if (!prepareFuncArgs(env, main) || main.args?.length !== 1) return;
    main.unreliable = main.args[0].argType !== ARG_PTR_TO_CTX;
  } catch (e) {
    if (!(e instanceof Rejected)) throw e;
  }
}

/** free_states(). */
function forgetStates(env: VerifierEnv): void {
  env.explored.fill(undefined);
  env.sccVisits.clear();
  env.pending = [];
  env.freedLater.length = 0;
  env.history.clear();
  env.store.freeAll();
  env.bt.reset();
}

function setArguments(env: VerifierEnv, subprog: number): void {
  const sub = env.subprogs[subprog];
  if (env.log.enabled) env.log.line(`Validating ${sub.name}() func#${subprog}...`);
  prepareFuncArgs(env, sub);
  const args = sub.args ?? [];
  const frame = env.state.frame;
  if (subprog === env.exceptionCallbackSubprog) {
    frame.inExceptionCallbackFn = true;
    if (args.length !== 1 || args[0].argType !== ARG_ANYTHING) reject(env, SUBPROG.EXCEPTION_CB_ARGS);
  }
  for (let i = 0; i < args.length; i++) setArgument(env, frame.rows, regRow(i + 1), args[i]);
}

function setArgument(env: VerifierEnv, rows: Int32Array, r: number, arg: SubprogArg): void {
  const { argType } = arg;
  switch (baseType(argType)) {
    case ARG_PTR_TO_CTX:
      markRegPointer(rows, r, PTR_TO_CTX);
      return;
    case ARG_ANYTHING:
    case ARG_PTR_TO_ARENA:
      markRegUnknown(env, rows, r);
      rows[r + TYPE] = SCALAR_VALUE;
      return;
    case ARG_PTR_TO_DYNPTR:
      markRegPointer(rows, r, CONST_PTR_TO_DYNPTR);
      rows[r + ID] = env.newId();
      rows[r + A] = DYNPTR_TYPE_LOCAL;
      rows[r + B] = 1;
      return;
    case ARG_PTR_TO_MEM:
      markRegPointer(rows, r, PTR_TO_MEM | (argType & (PTR_MAYBE_NULL | PTR_UNTRUSTED | MEM_RDONLY)));
      rows[r + A] = arg.memSize;
      if (argType & PTR_MAYBE_NULL) rows[r + ID] = env.newId();
      return;
    case ARG_PTR_TO_BTF_ID:
      markRegPointer(rows, r, PTR_TO_BTF_ID | (argType & (PTR_MAYBE_NULL | PTR_UNTRUSTED | PTR_TRUSTED)));
      rows[r + B] = arg.btfId;
      rows[r + ID] = env.newId();
  }
}
