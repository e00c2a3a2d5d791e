import { readAnswer } from '../../contracts/answers/read-answer.js';
import type { Prices } from '../../contracts/config/prices.js';
import { PromptOsError } from '../../contracts/errors.js';
import { canonicalSha256, prettyJson } from '../../contracts/json.js';
import { releaseContent } from '../../contracts/long-bytes.js';
import { setupVariables } from '../../contracts/policy/policy-setup.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import type { ExecutorDescriptor, ExecutorTry } from '../../contracts/record/attempt.js';
import { isLongPatch } from '../../contracts/record/long-patch.js';
import type { NetworkLog } from '../../contracts/record/network-log.js';
import type { DueGate } from '../../contracts/run/activities.js';
import type { ExecutorReport } from '../../contracts/run/escalation.js';
import { counted } from '../../contracts/sentences.js';
import type { ExecutorCall, ExecutorFailure, ExecutorOutcome, GateExecutor } from '../../ports/gate-executor.js';
import type { Checkout } from '../../ports/workspace.js';
import type { PromptInput } from '../../prompt-pack/render.js';
import { maskNetworkLog } from '../../rules/attempts/network-refused.js';
import { withCost } from '../../rules/attempts/price-usage.js';
import { spentByTry, UNKNOWN_TRY } from '../../rules/attempts/spent.js';
import { clipText, type PreviousTry, previousTry } from '../../rules/outputs/judged-output.js';
import { maskAnswer, maskJson, maskSecrets } from '../../rules/secrets/mask-secrets.js';
import type { GateTask } from '../gates/gate-definition.js';
import { type MaskedLog, maskLog } from '../logs/mask-log.js';
import type { Spending } from '../progress/spending.js';
import { finalFailure, overload } from './executor-failure.js';
import type { StrayEdits, TryKeeper } from './finished-tries.js';

/** What came of asking, with every try that it took. */
export interface Asked {
  readonly answer:
    | { readonly kind: 'output'; readonly output: unknown }
    | { readonly kind: 'escalation'; readonly report: ExecutorReport }
    | { readonly kind: 'blocked'; readonly reason: string };
  readonly tries: readonly ExecutorTry[];
  readonly transcripts: readonly ArtifactRef[];
  readonly executor: ExecutorDescriptor;
  /** The last edits that an answer came with in a gate that makes none. */
  readonly stray: StrayEdits | null;
  /** What the tries asked of the network, where they could reach named hosts. */
  readonly network: readonly NetworkLog[];
}

interface AskOptions {
  readonly task: GateTask;
  readonly executor: GateExecutor;
  readonly checkout: Checkout;
  /** Whether what the executor changes in the checkout is the gate's work. */
  readonly editsFiles: boolean;
  /** The tries that calls of the activity before this one finished, and where those of this one are kept. */
  readonly keeper: TryKeeper;
  /** Renders the prompt of one try. */
  render(more: readonly PromptInput[]): string;
}

/** An outcome whose outputs are kept. */
type SeenOutcome = Omit<ExecutorOutcome, 'stdout' | 'stderr'>;

/** Why an outcome counts as a failed try by itself; null when its answer may be read. */
function outcomeProblem({ problem, exit_code, answer }: SeenOutcome): string | null {
  if (problem !== null) return problem;
  if (exit_code !== 0) return `The executor ended with exit code ${exit_code ?? 'none'}.`;
  return answer === null ? 'The executor gave no answer.' : null;
}

/**
 * Asks until there is an answer of the gate's shape, at most as often as the policy allows; each further try is given
 * what was wrong with the one before and starts from a clean checkout. Every try's prompt and output are kept, and what calls
 * before this one finished is not asked for again.
 * An answer that came with edits in a gate that makes none was made on another tree than the gate's: once, it is asked
 * for again.
 * @throws PromptOsError EXECUTOR_NOT_FOUND, EXECUTOR_NOT_PERMITTED, EXECUTOR_LOST, EXECUTOR_OVERLOADED,
 *   EXECUTOR_NOT_AUTHENTICATED, EXECUTOR_MISCONFIGURED, EXECUTOR_OUT_OF_BUDGET; the signal's reason when it is aborted
 */
export async function askExecutor(options: AskOptions): Promise<Asked> {
  const { task, executor, checkout, editsFiles, keeper, render } = options;
  const { input, ports, policy, signal, progress, spending, putArtifact } = task;
  const limit = policy.limits.output_tries;
  const { before } = keeper;
  const tries: ExecutorTry[] = [...(before?.tries ?? [])];
  const transcripts: ArtifactRef[] = [...(before?.transcripts ?? [])];
  let descriptor = executor.descriptor;
  let previous: PreviousTry | null = before?.previous ?? null;
  let stray: StrayEdits | null = before?.stray ?? null;
  const network: NetworkLog[] = [...(before?.network ?? [])];

  for (let number = tries.length + 1; number <= limit; number += 1) {
    if (previous !== null) await checkout.reset();
    const prompt = render(previous === null ? [] : [{ name: 'previous_try', value: previous }]);
    const keep = async (name: string, content: MaskedLog | string): Promise<ArtifactRef> => {
      const ref = await putArtifact(`try-${number}/${name}`, content);
      transcripts.push(ref);
      return ref;
    };
    const { sha256 } = await keep('prompt.md', prompt);
    const { run_id } = input.run;
    const { gate, attempt } = input;
    const activity = `${input.principal}, try ${number} of ${limit}`;
    const watch = progress.command(activity, (output) => `try-${number}/${output}.txt`, number);
    const { directory, laidUnder } = checkout;
    const env = setupVariables(policy.setup, directory);
    const call = { run_id, gate, attempt, prompt, directory, laidUnder, env, signal, watch };
    const said = await executeWithinBudget(executor, call, { input, spending, prices: ports.prices ?? {} });
    const { stdout, stderr, ...seen } = said;
    try {
      if (seen.failure !== undefined) throw failureOf(task, seen.failure);
      // A credential goes no further: neither into what is kept nor into what a later gate is shown.
      await keep('stdout.txt', await maskLog(stdout));
      await keep('stderr.txt', await maskLog(stderr));
    } finally {
      for (const output of [stdout, stderr]) releaseContent(output);
    }
    const outcome: SeenOutcome = {
      ...seen,
      answer: said.answer === null ? null : maskAnswer(said.answer),
      problem: said.problem === null ? null : maskSecrets(said.problem),
    };
    if (said.network !== undefined) {
      const log = maskNetworkLog(said.network);
      network.push(log);
      await keep('network.json', prettyJson(log));
    }
    // An answer may come from a file or from deep inside the output: what was judged is kept as it was read.
    // Half a surrogate pair has no UTF-8, so it is judged as it can be kept.
    const given = outcome.answer?.toWellFormed() ?? null;
    if (given !== null) await keep('answer.txt', given);
    descriptor = {
      ...descriptor,
      served_model: outcome.served_model ?? descriptor.served_model,
      ...(outcome.agent === undefined ? {} : { agent: outcome.agent }),
    };

    const failed = outcomeProblem(outcome);
    const answer = failed === null ? readAnswer(gate, given ?? '') : { kind: 'unusable' as const, problem: failed };
    const left = answer.kind === 'output' && !editsFiles ? await findStrayEdits(checkout) : null;
    const again = left?.resettable === true && stray === null && number < limit;
    stray = left ?? stray;
    const problem = answer.kind === 'unusable' ? answer.problem : again ? left.message : null;
    tries.push({
      number,
      rendered_prompt_sha256: sha256,
      exit_code: outcome.exit_code,
      duration_ms: Math.round(outcome.duration_ms),
      problem,
      ...(problem === null ? {} : { failure: 'bad_answer' as const }),
      served_model: outcome.served_model,
      ...usedBy(outcome),
      ...(outcome.work === undefined ? {} : maskJson(outcome.work)),
    });
    if (answer.kind !== 'unusable' && problem === null) {
      return { answer, tries, transcripts, executor: descriptor, stray, network };
    }
    previous = previousTry(problem ?? '', given);
    const executor_sha256 = canonicalSha256(executor.descriptor);
    if (number < limit) await keeper.keep({ executor_sha256, tries, transcripts, network, stray, previous });
  }
  const inTries = limit === 1 ? 'the one try' : counted(limit, 'try');
  const reason = clipText(`No usable answer in ${inTries}; the last: ${previous?.problem ?? 'none'}`, 2_000);
  return { answer: { kind: 'blocked', reason }, tries, transcripts, executor: descriptor, stray, network };
}

/** What a try used, as its executor says; the ids are a program's texts, and masked like any other. */
const usedBy = ({ used = {} }: SeenOutcome): Pick<ExecutorTry, 'usage' | 'session_id' | 'request_ids'> => ({
  ...(used.usage === undefined ? {} : { usage: used.usage }),
  ...(used.session_id === undefined ? {} : { session_id: maskSecrets(used.session_id) }),
  ...(used.request_ids === undefined ? {} : { request_ids: used.request_ids.map((id) => maskSecrets(id)) }),
});

/** A failure that is none of the answer's: the try does not count, and the attempt ends with an error. */
function failureOf({ input, progress }: GateTask, said: ExecutorFailure): PromptOsError {
  const failure = { ...said, message: maskSecrets(said.message) };
  if (failure.class !== 'transient') return finalFailure(input.principal, failure);
  const { error, wait } = overload(input.principal, failure, progress.providerWait, Date.now());
  if (wait !== null) progress.waitForProvider(wait);
  return error;
}

const CHANGED = 'The executor changed files in a gate that changes none; thrown away';
const NAMED_FILES = 10;

/**
 * What an executor left in a checkout whose changes do not count. Edits that cannot be listed do not count either, so
 * they are no failure of the gate.
 */
async function findStrayEdits(checkout: Checkout): Promise<StrayEdits | null> {
  try {
    const change = await checkout.diff([], 'long');
    if (isLongPatch(change)) change.release();
    const { files } = change;
    if (files.length === 0) return null;
    const named = files.slice(0, NAMED_FILES).map(({ path }) => path);
    const rest = files.length > named.length ? ` and ${files.length - named.length} more` : '';
    return { message: `${CHANGED}: ${named.join(', ')}${rest}.`, resettable: true };
  } catch (error) {
    if (!(error instanceof PromptOsError)) throw error;
    if (error.code === 'PATCH_TOO_LARGE') return { message: `${CHANGED}. ${error.summary}`, resettable: true };
    if (error.code === 'CHECKOUT_LOST') return { message: `${CHANGED}. ${error.summary}`, resettable: false };
    throw error;
  }
}

/** A timer takes no more milliseconds. */
const LONGEST_TIMER_MS = 2_147_483_647;

interface BudgetedCall {
  readonly input: Pick<DueGate, 'gate' | 'principal' | 'budget'>;
  readonly spending: Spending;
  readonly prices: Prices;
}

/**
 * One call of an executor, as far as the budgets of its gate and run go: none starts once nothing is left, and one that
 * runs is stopped when the wall time is used up. Gives the outcome with its cost.
 * @throws PromptOsError EXECUTOR_OUT_OF_BUDGET, and what the executor throws
 */
async function executeWithinBudget(
  executor: GateExecutor,
  call: ExecutorCall,
  { input, spending, prices }: BudgetedCall,
): Promise<ExecutorOutcome> {
  const { budget = {} } = input;
  const spent = spending.total();
  const empty = [
    budget.tokens !== undefined && spent.tokens >= budget.tokens ? `${spent.tokens} of ${budget.tokens} tokens` : '',
    budget.cost_usd !== undefined && spent.cost_usd >= budget.cost_usd
      ? `$${spent.cost_usd} of $${budget.cost_usd}`
      : '',
    budget.wall_ms !== undefined && spent.wall_ms >= budget.wall_ms ? inSeconds(spent.wall_ms, budget.wall_ms) : '',
  ].filter((text) => text !== '');
  if (empty.length > 0) throw outOfBudget(input, `this attempt has used ${empty.join(', ')} that were left`);
  const left = budget.wall_ms === undefined ? null : budget.wall_ms - spent.wall_ms;
  const clock = startClock(left);
  const signal = left === null ? call.signal : AbortSignal.any([call.signal, clock.signal]);
  const began = performance.now();
  spending.begin();
  try {
    const outcome = await executor.execute({ ...call, signal });
    const usage = outcome.used?.usage;
    const model = outcome.served_model ?? executor.descriptor.requested_model;
    const used = usage === undefined ? outcome.used : { ...outcome.used, usage: withCost(usage, model, prices) };
    const duration_ms = Math.round(outcome.duration_ms);
    spending.end(spentByTry({ duration_ms, ...(used?.usage === undefined ? {} : { usage: used.usage }) }));
    return { ...outcome, ...(used === undefined ? {} : { used }) };
  } catch (error) {
    const elapsed = Math.round(performance.now() - began);
    const stopped = clock.signal.aborted && !call.signal.aborted;
    // The program may have started after the clock did: what was granted is used up all the same.
    spending.end({ ...UNKNOWN_TRY, wall_ms: stopped ? Math.max(elapsed, left ?? 0) : elapsed });
    if (!stopped) throw error;
    throw outOfBudget(input, `a try was stopped, ${inSeconds(spending.total().wall_ms, budget.wall_ms ?? 0)}`);
  } finally {
    clock.stop();
  }
}

/** @param left milliseconds until it aborts; null for a clock that does not run */
function startClock(left: number | null): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  if (left === null) return { signal: controller.signal, stop: () => undefined };
  const end = () => controller.abort(new Error('the wall time of the budget is used up'));
  const timer = setTimeout(end, Math.min(left, LONGEST_TIMER_MS));
  return { signal: controller.signal, stop: () => clearTimeout(timer) };
}

const outOfBudget = ({ gate, principal }: BudgetedCall['input'], why: string): PromptOsError =>
  new PromptOsError(
    'EXECUTOR_OUT_OF_BUDGET',
    `The policy's budget leaves the executor of "${principal}" nothing more at ${gate}: ${why}.`,
  );

const inSeconds = (spent: number, limit: number): string =>
  `${(spent / 1_000).toFixed(1)} s of ${(limit / 1_000).toFixed(1)} s of wall time`;
