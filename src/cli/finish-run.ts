import type { Outcome } from '../contracts/names.js';
import { runWorkflowId } from '../contracts/names.js';
import { prBlock } from '../governance/pr-block.js';
import type { ArtifactStore } from '../ports/artifact-store.js';
import type { CommandContext } from './context.js';
import { readPublishedRun } from './published-run.js';

/** The last thing that `dev` and `demo` print with `--json`. */
export interface FinishedRun {
  readonly run_id: string;
  readonly workflow_id: string;
  readonly outcome: Outcome;
  /** Absolute path of the published tree. */
  readonly tree: string;
  readonly ui: string | null;
}

/** Prints how a run ended, where its tree is, and its PR block; the answer is "no" unless it was approved. */
export async function showFinishedRun(
  context: CommandContext,
  { store, runId, ui }: { readonly store: ArtifactStore; readonly runId: string; readonly ui: string | null },
): Promise<FinishedRun> {
  const output = context.output();
  const published = await readPublishedRun(store, runId);
  const { outcome, outcome_reason } = published.record;
  const finished = { run_id: runId, workflow_id: runWorkflowId(runId), outcome, tree: store.locate(runId), ui };
  output.say();
  output.say(`${outcome.toUpperCase()}: ${outcome_reason}`);
  output.say(`tree    ${finished.tree}`);
  if (ui !== null) output.say(`ui      ${ui}`);
  output.say();
  output.say(prBlock(published));
  output.say();
  if (outcome !== 'approved') context.exit(1);
  return finished;
}
