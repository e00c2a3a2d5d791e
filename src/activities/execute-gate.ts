import { outputJsonSchema } from '../contracts/answers/read-answer.js';
import { mediaTypeOf } from '../contracts/artifacts.js';
import { PromptOsError } from '../contracts/errors.js';
import { prettyJson } from '../contracts/json.js';
import { GATES } from '../contracts/names.js';
import type { DueGate, ExecuteGateResult, SentGateResult } from '../contracts/run/activities.js';
import type { HandedOff } from '../contracts/run/gate-claim.js';
import type { ProviderWait } from '../contracts/run/gate-progress.js';
import type { Inventory } from '../contracts/run/inventory.js';
import { followsImports } from '../contracts/run/rules-version.js';
import { firstResult } from '../domain/ledger/journalled-results.js';
import type { GateExecutor } from '../ports/gate-executor.js';
import type { ArtifactStore, GovernancePorts } from '../ports/index.js';
import type { Checkout, RepositorySnapshot } from '../ports/workspace.js';
import { type PromptInput, renderPrompt } from '../prompt-pack/render.js';
import { judgeNetwork } from '../rules/attempts/network-refused.js';
import { judgeRepositoryChange } from '../rules/attempts/observations.js';
import { judgeServedModel } from '../rules/attempts/served-model.js';
import { withoutTries } from '../rules/attempts/spent.js';
import { type JudgedFinding, plainFinding } from '../rules/outputs/judged-output.js';
import { type Asked, askExecutor } from './attempt/ask-executor.js';
import { createTryKeeper, type TryKeeper } from './attempt/finished-tries.js';
import { attemptRecord, boundedOutcome, judgeAttempt, type SeenCheckout, sandboxOf } from './attempt/judge-attempt.js';
import { createObjectBatch, type ObjectBatch } from './attempt/object-batch.js';
import { keysOfPrincipal, resultStep } from './attempt/result-step.js';
import { checkDispatchedDuty } from './documents/check-separation.js';
import { loadEarlierOutputs } from './documents/earlier-outputs.js';
import type { PinnedDocuments } from './documents/pinned-documents.js';
import {
  type GateDefinition,
  type GateTask,
  type GateWork,
  type Judgement,
  NOTHING_OBSERVED,
} from './gates/gate-definition.js';
import { GATE_DEFINITIONS } from './gates/gate-definitions.js';
import { checksSandbox } from './gates/run-check.js';
import { setupOf } from './gates/set-up.js';
import { createGateProgress, type ReportProgress } from './progress/gate-progress.js';
import { createSpending, type Spending } from './progress/spending.js';
import { attestAttempt, signerOf, withEvidence } from './proof/attest-attempt.js';
import { appendJudged, readRunJournal } from './proof/run-journal.js';
import { loadTrustedRun, type TrustedRun } from './proof/trusted-run.js';

/** What the caller, Temporal's activity context, gives. */
export interface ExecuteGateOptions {
  readonly signal: AbortSignal;
  /** Takes what the attempt is at, for the heartbeat. */
  readonly progress: ReportProgress;
  /** What the activity's attempts before have waited for the provider of the executor. */
  readonly providerWait?: ProviderWait | null;
  /** The account of what the attempt uses. */
  readonly spending?: Spending;
  /** The object with the tries that the activity's attempts before have finished. */
  readonly finishedTries?: string | null;
}

function checkPrincipal({ policy }: TrustedRun, { gate, principal }: DueGate): void {
  const { role } = GATES[gate];
  const bound = policy.roles[role];
  if (principal === bound) return;
  throw new PromptOsError('PRINCIPAL_NOT_BOUND', `${gate} is for ${role} "${bound}", received "${principal}".`);
}

function checkPack({ pack }: TrustedRun, { pack_sha256 }: DueGate): void {
  if (pack.digest === pack_sha256) return;
  throw new PromptOsError(
    'PACK_LOCK_MISMATCH',
    `The run opened with the prompt pack ${pack_sha256}; the pinned bundle is ${pack.digest}.`,
  );
}

/** The checkout that the executor of a gate works in; without one, it has all that is needed in itself. The caller discards it. */
export const takeCheckout = async (
  task: GateTask,
  { patch }: GateWork<unknown>,
  executor: Pick<GateExecutor, 'laysUnder'> = {},
): Promise<Checkout> => {
  const { input, ports, signal } = task;
  return ports.workspace.checkout({
    repository: input.run.target_repo,
    commit: input.run.base_commit,
    ...(patch === null ? {} : { patch }),
    withholdAgentFiles: true,
    followsImports: followsImports(input.rules_version),
    setup: await setupOf(task),
    showsLaidUnder: executor.laysUnder,
    signal,
  });
};

/** Renders the prompt of one try; `more` is what it gets beside the gate's own inputs. */
export const promptOf =
  ({ input: { gate, feedback } }: GateTask, { pack }: TrustedRun, { inputs }: GateWork<unknown>) =>
  (more: readonly PromptInput[] = []): string =>
    renderPrompt({
      pack,
      gate,
      inputs: [...inputs, ...more],
      outputContract: { jsonSchema: outputJsonSchema(gate) },
      feedback,
    });

/** Asks the executor in a checkout of its own, and judges what it gave. The checkout goes whatever happens. */
async function askAndJudge(
  task: GateTask,
  trusted: TrustedRun,
  definition: GateDefinition,
  work: GateWork<unknown>,
  executor: GateExecutor,
  keeper: TryKeeper,
): Promise<{ readonly asked: Asked; readonly judgement: Judgement; readonly seen: SeenCheckout }> {
  const checkout = await takeCheckout(task, work, executor);
  const seen = seenCheckout(task.inventory, checkout);
  try {
    const asked = await askExecutor({
      task,
      executor,
      checkout,
      editsFiles: definition.editsFiles,
      keeper,
      render: promptOf(task, trusted, work),
    });
    await checkout.requireUnwritten();
    task.progress.begin('judge the answer');
    const noticed = [
      ...(asked.stray === null ? [] : [plainFinding('stray_edits', 'medium', asked.stray.message)]),
      ...judgeServedModel(asked.executor, asked.tries),
      ...judgeNetwork('The executor', asked.network),
    ];
    if (asked.answer.kind !== 'output') return { asked, seen, judgement: { ...NOTHING_OBSERVED, findings: noticed } };
    const { findings, artifacts } = await work.judge(asked.answer.output, checkout);
    return { asked, seen, judgement: { findings: [...findings, ...noticed], artifacts } };
  } finally {
    // A failure here must not hide the attempt's own outcome; what is left is removed when a worker next starts.
    await checkout.discard().catch(() => undefined);
  }
}

/**
 * The user's repository, to be compared when the gate has ended: null where everything that the gate runs has a sandbox,
 * which cannot see it.
 */
async function snapshotBefore(
  { ports, input }: GateTask,
  executor: GateExecutor,
  { runsChecks }: GateDefinition,
): Promise<RepositorySnapshot | null> {
  const kinds = [sandboxOf(executor.descriptor), ...(runsChecks === true ? [checksSandbox(ports)] : [])];
  return kinds.includes('none') ? ports.workspace.snapshot(input.run.target_repo) : null;
}

function seenCheckout({ files, more }: Inventory, { withheld, absent, setup }: Checkout): SeenCheckout {
  const inventory = { files: files.filter(({ path }) => !absent.includes(path)), more };
  return {
    inventory,
    ...(withheld.length === 0 ? {} : { withheld: [...withheld] }),
    ...(setup === undefined ? {} : { setup }),
  };
}

async function repositoryChanged(
  { ports, input }: GateTask,
  before: RepositorySnapshot | null,
): Promise<readonly JudgedFinding[]> {
  if (before === null) return [];
  const { digests } = await ports.workspace.snapshot(input.run.target_repo);
  return judgeRepositoryChange(input.gate, before.digests, digests, input.rules_version);
}

/** What a gate is done with, once its principal and its pack were found to be those of the run. */
export async function loadTrustedGate(
  ports: GovernancePorts,
  documents: PinnedDocuments,
  input: DueGate,
): Promise<TrustedRun> {
  const trusted = await loadTrustedRun(ports, documents, input.run);
  checkPack(trusted, input);
  checkPrincipal(trusted, input);
  return trusted;
}

export async function createTask(
  ports: GovernancePorts,
  documents: PinnedDocuments,
  input: DueGate,
  at: Pick<GateTask, 'signal' | 'progress' | 'spending'>,
  { policy, request }: TrustedRun,
  batch: ObjectBatch,
): Promise<GateTask> {
  const earlier = await loadEarlierOutputs(ports.store, documents, input);
  const { target_repo, base_commit } = input.run;
  const inventory = await ports.workspace.inventory(target_repo, base_commit, {
    followsImports: followsImports(input.rules_version),
    signal: at.signal,
  });
  const putArtifact: GateTask['putArtifact'] = async (path, content) => {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    return { path, ...(await batch.put(bytes)), media_type: mediaTypeOf(path) };
  };
  return { input, ports, policy, request, earlier, inventory, ...at, putArtifact, readArtifact: batch.read };
}

/**
 * One attempt of one gate: trust, inputs, a throwaway checkout, the executor, the gate's rules, a signed record. It leaves
 * nothing but objects in the store, so it may run again from the start at any time.
 * @throws PromptOsError POLICY_NOT_TRUSTED, PACK_NOT_TRUSTED, PACK_LOCK_MISMATCH, PRINCIPAL_NOT_BOUND,
 *   EXECUTOR_NOT_CONFIGURED, DUTIES_CLASH, CHECK_NOT_GRANTED, SETUP_NOT_GRANTED, SETUP_FAILED, and what the ports throw; a judgement is never thrown
 */
export async function executeGate(
  ports: GovernancePorts,
  documents: PinnedDocuments,
  input: DueGate,
  options: ExecuteGateOptions,
): Promise<ExecuteGateResult> {
  const trusted = await loadTrustedGate(ports, documents, input);
  const executor = ports.executors.forPrincipal(input.principal);
  await checkDispatchedDuty(documents, input, executor.descriptor, trusted.policy);
  const startedOn = new Date().toISOString();
  const { spending = createSpending(), providerWait = null, finishedTries = null } = options;
  const progress = createGateProgress(input, options.progress, providerWait, spending, finishedTries);
  progress.begin('prepare');
  const batch = createObjectBatch(ports.store);
  const { signal } = options;
  const task = await createTask(ports, documents, input, { signal, progress, spending }, trusted, batch);
  const definition: GateDefinition = GATE_DEFINITIONS[input.gate];
  const before = await snapshotBefore(task, executor, definition);
  const work = await definition.begin(task);
  const keeper = await createTryKeeper(task, batch, executor.descriptor, finishedTries);
  const { asked, judgement, seen } = await askAndJudge(task, trusted, definition, work, executor, keeper);
  const changed = await repositoryChanged(task, before);
  const unseen = withoutTries(spending.before, keeper.before?.tries ?? []);
  const unrecorded = unseen.tries === 0 ? {} : { unrecorded: unseen };
  const { findings, compared } = judgeAttempt({ task, trusted, asked, seen, ...unrecorded });
  const observed = { findings: [...changed, ...findings], artifacts: [] };
  const judged = {
    ...attemptRecord(task, trusted, asked, [work.observed, judgement, observed]),
    ...seen,
    ...(compared.length === 0 ? {} : { independence: [...compared] }),
    ...unrecorded,
  };
  const signer = signerOf(task);
  const record = await withEvidence(task, judged, signer, { startedOn, finishedOn: new Date().toISOString() });
  const { sha256 } = await batch.put(new TextEncoder().encode(prettyJson(record)));
  // Before anything names these digests: the signature below does.
  await batch.flush();
  const outcome = boundedOutcome(record, sha256, trusted.policy);
  return { ...outcome, attestation: signer === null ? null : await attestAttempt(record, outcome, input, signer) };
}

type Asking<R> = readonly [
  store: Pick<ArtifactStore, 'appendJournal' | 'readJournal'>,
  documents: PinnedDocuments,
  due: DueGate,
  execute: () => Promise<R>,
  signal: AbortSignal,
];

/**
 * Carries out a gate's attempt once. Its signed result is journalled before Temporal has it, and given again for the
 * same attempt: a lost answer costs no second call of a model, and a Reset cannot repeat a review until it
 * passes.
 * `execute` carries it out; `signal` is aborted once Temporal does not wait for the result any more.
 * @returns of a signed result the envelope alone: all that counts is in it
 * @throws PromptOsError STORE_NOT_WRITABLE, STORE_NOT_READABLE, and what `execute` throws
 */
export function executeOnce(...asked: Asking<ExecuteGateResult>): Promise<SentGateResult>;
export function executeOnce(...asked: Asking<ExecuteGateResult | HandedOff>): Promise<SentGateResult | HandedOff>;
export async function executeOnce(
  ...[store, documents, due, execute, signal]: Asking<ExecuteGateResult | HandedOff>
): Promise<SentGateResult | HandedOff> {
  const { run } = due;
  const step = resultStep(due);
  const keys = keysOfPrincipal(await documents.policy(run.policy_sha256), due);
  const before = firstResult(await readRunJournal(store, run.run_id), step, keys);
  if (before !== null) return { attestation: before };
  const executed = await execute();
  if ('handed_off' in executed) return executed;
  const { attestation, ...outcome } = executed;
  // Temporal has given the attempt up: a result that it does not take would show as one that was dropped.
  signal.throwIfAborted();
  if (attestation === null) return { ...outcome, attestation };
  const counting = await appendJudged(store, run.run_id, async (journal) => {
    // Another worker may have been quicker: then its result counts.
    const first = firstResult(journal, step, keys);
    return first === null
      ? { entries: [{ kind: 'result', envelope: attestation }], result: attestation }
      : { entries: [], result: first };
  });
  return { attestation: counting };
}
