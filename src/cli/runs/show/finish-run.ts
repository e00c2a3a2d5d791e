import { PromptOsError } from '../../../contracts/errors.js';
import { type Outcome, runWorkflowId } from '../../../contracts/names.js';
import type { RunStatus } from '../../../contracts/run/run-status.js';
import { withinSentence } from '../../../contracts/sentences.js';
import { prBlock } from '../../../domain/record/pr-block.js';
import type { ArtifactStore } from '../../../ports/artifact-store.js';
import type { CommandContext } from '../../app/context.js';
import { printableLine } from '../../app/printable.js';
import { openingFailure, readPublishedRun } from '../../app/published-run.js';
import { describeCanceller } from './show-status.js';

/** The last thing that `dev` and `demo` print with `--json`. */
export interface FinishedRun {
  readonly run_id: string;
  readonly workflow_id: string;
  readonly outcome: Outcome;
  /** Absolute path of the published tree. */
  readonly tree: string;
  readonly ui: string | null;
}

export interface EndedRun {
  readonly store: ArtifactStore;
  readonly runId: string;
  /** What its workflow said last. */
  readonly ended: Pick<RunStatus, 'outcome' | 'outcome_reason'>;
  readonly ui: string | null;
}

/** A run publishes its record before it says that it has ended, so a store without it is another one than the workers'. */
const publishedElsewhere = (store: ArtifactStore, runId: string, ended: EndedRun['ended']): PromptOsError =>
  new PromptOsError(
    'RUN_NOT_PUBLISHED',
    `Run ${runId} ended as ${ended.outcome}: ${withinSentence(ended.outcome_reason ?? '')}. Its record is not at ${store.locate(runId)}: the workers have another store.`,
    { hint: 'Name the store of the workers under `store` in worker.yaml; docs/stores.md shows the kinds.' },
  );

/** Prints how a run ended, where its tree is, and its PR block; the answer is "no" unless it was approved. */
export async function showFinishedRun(
  context: CommandContext,
  { store, runId, ended, ui }: EndedRun,
): Promise<FinishedRun> {
  const output = context.output();
  if ((await store.published(runId)) === null) throw publishedElsewhere(store, runId, ended);
  const published = await readPublishedRun(store, runId);
  const { outcome, outcome_reason, cancellation } = published.record;
  const finished = { run_id: runId, workflow_id: runWorkflowId(runId), outcome, tree: store.locate(runId), ui };
  output.say();
  output.say(`${outcome.toUpperCase()}: ${printableLine(outcome_reason, 1_000)}`);
  const why = outcome === 'failed' ? await openingFailure(store, runId) : null;
  if (why !== null) output.say(`why     ${printableLine(why, 2_000)}`);
  if (cancellation !== undefined) output.say(`by      ${describeCanceller(cancellation)}`);
  output.say(`tree    ${finished.tree}`);
  if (ui !== null) output.say(`ui      ${ui}`);
  output.say();
  output.say(prBlock(published));
  output.say();
  if (outcome !== 'approved') context.exit(1);
  return finished;
}
