/** Verifies each program of an object by itself, as if only it were loaded; the outcome is data. */
import type { Btf } from '../../btf/btf.ts';
import { type Hole, HOLES } from '../../kernel/rules/rows/holes.ts';
import type { VersionName } from '../../kernel/rules/version.ts';
import type { Diagnosis } from '../../kernel/diagnose/diagnosis.ts';
import type { Refused, VerifierOutcome } from '../../kernel/verifier/result.ts';
import { type LoadOptions, loadCollection } from '../../lib/collection.ts';
import type { CollectionSpec } from '../../lib/collection-spec.ts';
import { BpfError } from '../../lib/errors.ts';
import { explainRefusal } from '../../lib/missing.ts';
import type { Loader, Note } from '../../lib/notes.ts';
import type { ProgramSpec } from '../../lib/spec.ts';
import { errnoName } from '../../uapi/errno.ts';
import { FormatError, InternalError } from '../../util/errors.ts';
import type { KernelFacts } from '../session/kernel-facts.ts';
import { attachTypeName, progTypeName } from '../shell/names.ts';
import { type Judged, type JudgingKernel, reasonIn, sourceIn, VerdictWatch } from './verdict-watch.ts';

/** One line of `skep verify --json`. */
export interface ProgramVerdict {
  readonly object: string;
  readonly program: string;
  readonly section: string;
  readonly type: string;
  readonly attachType: string | null;
  readonly verdict: 'accept' | 'reject' | 'error';
  /** 0 when accepted. */
  readonly errno: number;
  /** `EACCES`; '' when accepted. */
  readonly code: string;
  /** The kernel's last log line, or why the loader gave up; '' when accepted. */
  readonly message: string;
  readonly insnsProcessed: number;
  readonly totalStates: number;
  readonly peakStates: number;
  /** Time in the verifier, microseconds. */
  readonly timeUs: number;
  /** Source line of a rejection, when the program has line information. */
  readonly source?: string;
  /** The fault and its remedy, of a rejection by the verifier of this package. */
  readonly why?: string;
  /** Why, how it came to it, and what to do, of such a rejection: see docs/json.md. */
  readonly diagnosis?: Diagnosis;
  /** Beside `accept`: the hole of the kernel version through which it is accepted. */
  readonly unsound?: UnsoundVerdict;
  /** Sizes that the object leaves to its loader and that were taken instead: `map start: max_entries 1`. */
  readonly assumed?: readonly string[];
  /** The loader's notes on the program, its maps and the object: see docs/json.md. */
  readonly notes?: readonly Note[];
  /** Loaders that refuse the object as a whole, whatever the verdict is. */
  readonly refusedBy?: readonly Loader[];
  readonly log?: string;
}

/** A known hole, and what a version without it says of the program. */
export interface UnsoundVerdict {
  readonly hole: string;
  readonly summary: string;
  /** The first version that refuses the program; absent while none does. */
  readonly fixedIn?: VersionName;
  /** Upstream commit. */
  readonly fix?: string;
  readonly cve?: string;
  readonly message: string;
  readonly source?: string;
}

export interface VerifyOptions {
  readonly kernelBtf: Btf;
  /** The contents of the log: 0 only the reason, 1 the path to it, 2 every state, 4 statistics. */
  readonly logLevel: number;
  readonly facts: KernelFacts;
  readonly load?: Pick<LoadOptions, 'innerMaps' | 'loader'>;
  /** Opens the kernel that judges. */
  readonly kernel: () => JudgingKernel;
}

/** A verdict, and the refusal that can be looked into. */
export interface Verified {
  readonly found: ProgramVerdict;
  readonly refused: Refused | undefined;
  /** Why the loader gave up. */
  readonly failure?: BpfError;
}

/** Verifies the given programs of one object, in order. */
export function* verifyPrograms(
  object: string,
  spec: CollectionSpec,
  programs: readonly ProgramSpec[],
  options: VerifyOptions,
): Generator<Verified> {
  const watch = new VerdictWatch(options.kernel());
  try {
    for (const program of programs) yield verifyOne(object, spec, program, watch, options);
  } finally {
    watch[Symbol.dispose]();
  }
}

function verifyOne(
  object: string,
  spec: CollectionSpec,
  program: ProgramSpec,
  watch: VerdictWatch,
  options: VerifyOptions,
): Verified {
  watch.begin();
  let failure: unknown;
  let lacks: string | undefined;
  try {
    const collection = loadCollection(spec, watch, {
      kernelBtf: options.kernelBtf,
      programs: [program.key],
      onError: 'collect',
      logLevel: options.logLevel,
      ...options.facts,
      ...options.load,
    });
    failure = collection.errors.get(program.key);
    if (watch.judged?.ok === false)
      lacks = explainRefusal(collection.missing.get(program.key) ?? [], watch.judged.message, watch.judged.insnIdx);
    collection.close();
  } catch (e) {
    failure = e;
  }
  const found = verdict(watch, failure, options.logLevel);
  return {
    found: { ...identity(object, program), ...found, ...(lacks === undefined ? {} : { why: lacks }) },
    refused: watch.judged?.refused,
    ...(failure instanceof BpfError ? { failure } : {}),
  };
}

/** The verdict on a program whose loading failed, from what the verifier said of it, or from the kernel's log. */
export function verdictOf(
  object: string,
  program: ProgramSpec,
  { outcome, error }: { readonly outcome: VerifierOutcome | undefined; readonly error: BpfError },
): ProgramVerdict {
  const none = { insnsProcessed: 0, totalStates: 0, peakStates: 0, timeUs: 0 };
  if (outcome?.ok === false)
    return { ...identity(object, program), ...verdict({ judged: outcome, loaded: -outcome.errno }, error, 0) };
  const { errno, code, log } = error;
  return {
    ...identity(object, program),
    verdict: 'reject',
    errno,
    code,
    message: reasonIn(log),
    ...sourceIn(log),
    ...none,
  };
}

const identity = (object: string, p: ProgramSpec) => ({
  object,
  program: p.key,
  section: p.section,
  type: progTypeName(p.type),
  attachType: attachTypeName(p.type, p.expectedAttachType),
});

type Findings = Omit<ProgramVerdict, keyof ReturnType<typeof identity>>;

function verdict(
  { judged, loaded }: Pick<VerdictWatch, 'judged' | 'loaded'>,
  failure: unknown,
  logLevel: number,
): Findings {
  const stats = judged?.stats;
  const figures = {
    insnsProcessed: stats?.insnsProcessed ?? 0,
    totalStates: stats?.totalStates ?? 0,
    peakStates: stats?.peakStates ?? 0,
    timeUs: stats?.timeUs ?? 0,
    ...(logLevel > 0 && judged !== undefined ? { log: judged.log } : {}),
  };
  const ours = failure !== undefined && !(failure instanceof BpfError) && !(failure instanceof FormatError);
  if (ours || (loaded === undefined && failure !== undefined)) return { ...loaderFailure(failure), ...figures };
  if (judged?.ok && failure === undefined)
    return { verdict: 'accept', errno: 0, code: '', message: '', ...unsoundness(judged), ...figures };
  const errno = judged?.ok === false ? judged.errno : -(loaded ?? 0);
  return {
    verdict: 'reject',
    errno,
    code: errnoName(errno),
    message: judged?.ok === false ? judged.message : '',
    ...(judged?.ok === false && judged.source !== undefined ? { source: judged.source } : {}),
    ...(judged?.ok === false && judged.why ? { why: judged.why } : {}),
    ...figures,
  };
}

function unsoundness({ unsound }: Judged): { unsound?: UnsoundVerdict } {
  if (unsound === undefined) return {};
  const { hole, fixed } = unsound;
  const { message, source } = fixed;
  const row: Hole = HOLES[hole];
  const { summary, until: fixedIn, fix, cve } = row;
  return {
    unsound: {
      ...{ hole, summary },
      ...(fixedIn === undefined ? {} : { fixedIn }),
      ...(fix === undefined ? {} : { fix }),
      ...(cve === undefined ? {} : { cve }),
      message,
      ...(source === undefined ? {} : { source }),
    },
  };
}

function loaderFailure(failure: unknown): Pick<ProgramVerdict, 'verdict' | 'errno' | 'code' | 'message'> {
  if (failure instanceof BpfError)
    return { verdict: 'error', errno: failure.errno, code: failure.code, message: failure.message };
  const text = failure instanceof Error ? failure.message : String(failure);
  if (failure instanceof FormatError) return { verdict: 'error', errno: 0, code: 'FORMAT', message: text };
  const broken = failure instanceof InternalError ? text : `${(failure as Error)?.name}: ${text}`;
  return { verdict: 'error', errno: 0, code: 'INTERNAL', message: `fault of skep itself, please report it: ${broken}` };
}
