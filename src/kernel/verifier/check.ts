/** bpf_check(): the passes in the kernel's order. Read this page first. */
import type { HoleId } from '../rules/rows/holes.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { InternalError } from '../../util/errors.ts';
import { withMaps } from './again.ts';
import { rejectionId } from './diag/catalogue.ts';
import { Rejected } from './diag/reject.ts';
import { checkedAs, VerifierEnv } from './env.ts';
import { tracedRegs } from './paths/backtrack-insn.ts';
import { checkMain, checkSubprogs as exploreSubprogs } from './explore/roots.ts';
import { BPF_LOG_STATS, VerifierLog } from './log.ts';
import { checkBtfInfo, checkBtfInfoEarly } from './pass/check-btf.ts';
import { checkAttachBtfId } from './pass/attach.ts';
import { checkCfg } from './pass/cfg.ts';
import { markFastcallPatterns } from './pass/fastcall.ts';
import { computePostorder } from './pass/flow.ts';
import { computeLiveRegs } from './pass/live-regs.ts';
import { bindMaps, resolveInsns } from './pass/resolve.ts';
import { computeScc } from './pass/scc.ts';
import { checkMaxStackDepth, countedStackDepth } from './pass/stack-depth.ts';
import { CallChainLiveness } from './pass/stack-liveness.ts';
import { addSubprogsAndKfuncs, checkSubprogs } from './pass/subprogs.ts';
import { sourceOf } from './state/print-insn.ts';
import type { VerifierTesting } from './observe.ts';
import type { Again, VerifiedProgram, VerifierInput, VerifierOutcome } from './result.ts';
import { rewriteProgram } from './rewrite/rewrite.ts';
import { BPF_COMPLEXITY_LIMIT_INSNS } from '../rules/limits.ts';
import {
  BPF_F_ANY_ALIGNMENT,
  BPF_F_STRICT_ALIGNMENT,
  BPF_F_TEST_REG_INVARIANTS,
  BPF_F_TEST_STATE_FREQ,
} from '../../uapi/flags.ts';

/**
 * Verifies one program. Never throws for a fault of the program; a broken invariant of our own is an InternalError.
 * The verdict is that of the kernel version; an accepted program that met one of its holes is walked once more with the fixed rules.
 */
export function verify(input: VerifierInput): VerifierOutcome {
  const known = input.rules.holes;
  if (input.holes !== undefined) return walk(input, input.holes === 'open' ? known : NO_HOLES).outcome;
  const { outcome, met } = walk(input, known);
  if (!outcome.ok || met.size === 0) return outcome;
  const fixed = walk(input, NO_HOLES).outcome;
  return fixed.ok ? outcome : { ...outcome, unsound: { hole: decidingHole(input, known, met), fixed } };
}

/** The hole without which the program would have been refused, or the first of several that decide together. */
function decidingHole(input: VerifierInput, known: ReadonlySet<HoleId>, met: ReadonlySet<HoleId>): HoleId {
  const all = [...met];
  if (all.length === 1) return all[0];
  const quiet = { ...input, logLevel: 0 };
  const decides = (hole: HoleId): boolean => !walk(quiet, new Set([...known].filter((h) => h !== hole))).outcome.ok;
  return all.find(decides) ?? all[0];
}

const NO_HOLES: ReadonlySet<HoleId> = new Set();
const NO_TIME = (): number => 0;

interface Walked {
  readonly outcome: VerifierOutcome;
  readonly met: ReadonlySet<HoleId>;
  readonly failure: Rejected | undefined;
}

/**
 * The verification of a refused program once more, as it was; `begin` gets its environment before the first pass.
 * The rejection that ends it; undefined when it ends otherwise this time.
 */
export function walkAgain(
  { input, openHoles }: Again,
  testing: VerifierTesting,
  begin: (env: VerifierEnv) => void,
): Rejected | undefined {
  const quiet = { ...input, testing, logLevel: 0, stopwatch: NO_TIME };
  return walk(quiet, openHoles, begin).failure;
}

/** One verification, with these holes left open; and which of them made a difference. */
function walk(input: VerifierInput, openHoles: ReadonlySet<HoleId>, begin?: (env: VerifierEnv) => void): Walked {
  const log = new VerifierLog(input.logLevel);
  const { progType } = checkedAs(input);
  const ops = input.rules.prog(progType);
  if (ops === undefined) throw new InternalError(`program type ${progType} reached the verifier`);
  const env = new VerifierEnv(input, ops, log, openHoles);
  setModes(env);
  begin?.(env);
  const stopwatch = input.stopwatch ?? NO_TIME;
  const started = stopwatch();
  let program: VerifiedProgram | undefined;
  let failure: Rejected | undefined;
  try {
    program = runPasses(env);
  } catch (e) {
    if (!(e instanceof Rejected)) throw e;
    failure = e;
  }
  const message = log.lastLine;
  const { stats } = env;
  stats.timeUs = Math.round((stopwatch() - started) * 1000);
  stats.insnsProcessed = env.insnProcessed;
  stats.stackDepths = env.subprogs.map((_, i) => countedStackDepth(env, i));
  printStats(env);
  const notes = [...env.notes].filter((row) => row !== failure?.row).map(rejectionId);
  const met = env.holesMet;
  if (program !== undefined) return { met, failure, outcome: { ok: true, program, log: log.text(), stats, notes } };
  const outcome: VerifierOutcome = {
    ok: false,
    errno: failure?.errno ?? ERRNO.EINVAL,
    id: failure === undefined ? '' : rejectionId(failure.row),
    why: failure?.row.why ?? '',
    notes,
    message,
    log: log.text(),
    stats,
    again: { input: withMaps(input), openHoles },
    ...(env.insnProcessed > 0 ? at(env) : { insnIdx: -1 }),
  };
  return { met, outcome, failure };
}

/** Where the walk stood. */
function at(env: VerifierEnv): { insnIdx: number; source?: string } {
  const source = sourceOf(env, env.insnIdx);
  return { insnIdx: env.insnIdx, ...(source === undefined ? {} : { source }) };
}

function setModes(env: VerifierEnv): void {
  const { progFlags } = env.input;
  env.strictAlignment = (progFlags & BPF_F_STRICT_ALIGNMENT) !== 0 && (progFlags & BPF_F_ANY_ALIGNMENT) === 0;
  if (!env.bpfCapable) return;
  env.testStateFreq = (progFlags & BPF_F_TEST_STATE_FREQ) !== 0;
  env.testRegInvariants = (progFlags & BPF_F_TEST_REG_INVARIANTS) !== 0;
}

function runPasses(env: VerifierEnv): VerifiedProgram {
  // 1. Control flow: structure, types of functions, what constants stand for.
  bindMaps(env);
  checkBtfInfoEarly(env);
  addSubprogsAndKfuncs(env);
  checkSubprogs(env);
  checkBtfInfo(env);
  resolveInsns(env);
  checkCfg(env);
  computePostorder(env);
  checkAttachBtfId(env);
  computeScc(env);
  computeLiveRegs(env);
  markFastcallPatterns(env);
  // 2. Symbolic execution.
  env.stackLiveness = new CallChainLiveness();
  env.traced = tracedRegs(env.insns);
  checkMain(env);
  exploreSubprogs(env);
  checkMaxStackDepth(env);
  // 3 and 4. Optimisation and rewriting.
  return rewriteProgram(env);
}

/** print_verification_stats. */
function printStats(env: VerifierEnv): void {
  const { log, stats } = env;
  if (log.level === 0) return;
  if (log.level & BPF_LOG_STATS) {
    log.line(`verification time ${stats.timeUs} usec`);
    log.line(`stack depth ${stats.stackDepths.join('+')}`);
  }
  log.line(
    `processed ${stats.insnsProcessed} insns (limit ${BPF_COMPLEXITY_LIMIT_INSNS}) ` +
      `max_states_per_insn ${stats.maxStatesPerInsn} total_states ${stats.totalStates} ` +
      `peak_states ${stats.peakStates} mark_read 0`,
  );
}
