import type { Client } from '@temporalio/client';
import type { LoadedDataConverter } from '@temporalio/common';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { runWorkflowId } from '../contracts/names.js';
import type { LedgerReference, LedgerSegment } from '../contracts/run/activities.js';
import { type LedgerEntry, parseLedgerLines } from '../contracts/run/ledger.js';
import type { GovernedRunInput } from '../contracts/run/run-plan.js';
import { EMPTY_LEDGER, headOf } from '../domain/ledger/ledger-chain.js';
import type { ArtifactStore } from '../ports/artifact-store.js';
import { handOffSignal, ledgerQuery } from '../workflows/messages.js';
import { asRunFailure } from './failures.js';

/** What a run's history says of it, independent of any worker. */
export interface RecordedRun {
  readonly input: GovernedRunInput;
  /** The parts of the ledger that the engine saved in the store, in their order. */
  readonly segments: readonly LedgerSegment[];
  /** Messages that came since a worker last took up the run. */
  readonly unread: number;
}

/** As the SDK's core calls the record of a local activity. */
const LOCAL_ACTIVITY = 'core_local_activity';

type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;
type Payloads = Parameters<typeof decodeArrayFromPayloads>[1];

/** Reads a run from the history of its execution, which needs the server alone. */
export async function readRecordedRun(client: Client, runId: string): Promise<RecordedRun> {
  const history = await client.workflow.getHandle(runWorkflowId(runId)).fetchHistory();
  return recordedRun(history, client.options.loadedDataConverter);
}

/**
 * The ledger entries that a worker holds for a run's current execution.
 * @param timeoutMs milliseconds that a worker has for answering; no answer is an error
 */
export const readHeldEntries = (client: Client, runId: string, timeoutMs: number): Promise<readonly LedgerEntry[]> =>
  client.connection.withDeadline(Date.now() + timeoutMs, () =>
    client.workflow.getHandle(runWorkflowId(runId)).query(ledgerQuery),
  );

async function recordedRun({ events }: History, converter: LoadedDataConverter): Promise<RecordedRun> {
  const decode = async (payloads: Payloads): Promise<readonly unknown[]> =>
    decodeArrayFromPayloads(converter, payloads).catch(() => []);
  const segments: LedgerSegment[] = [];
  let input: GovernedRunInput | undefined;
  let unread = 0;
  for (const event of events ?? []) {
    const started = event.workflowExecutionStartedEventAttributes;
    if (started) {
      const [first, carried] = await decode(started.input?.payloads);
      input = first as GovernedRunInput;
      segments.push(...((carried as { segments?: LedgerSegment[] } | undefined)?.segments ?? []));
    }
    const marker = event.markerRecordedEventAttributes;
    if (marker?.markerName === LOCAL_ACTIVITY) {
      const [result] = await decode(marker.details?.result?.payloads);
      const segment = (result as { segment?: LedgerSegment | null } | undefined)?.segment;
      if (segment) segments.push(segment);
    }
    if (event.workflowExecutionSignaledEventAttributes) unread += 1;
    if (event.workflowTaskCompletedEventAttributes) unread = 0;
  }
  if (input === undefined) throw new TypeError(`the history begins with no start`);
  return { input, segments, unread };
}

/** What whoever does a gate elsewhere asks of its run. Temporal's server answers alone: no worker has to be there. */
export const createHandedOffRuns = (client: Client, store: Pick<ArtifactStore, 'readObject'>) => ({
  /**
   * The ledger as far as the engine has saved it: a run that has handed a gate off has saved all up to there.
   * @throws PromptOsError RUN_NOT_FOUND, OBJECT_NOT_FOUND, OBJECT_CORRUPT, TEMPORAL_FAILED
   */
  async ledger(runId: string): Promise<LedgerReference> {
    const { segments } = await readRecordedRun(client, runId).catch((error: unknown) => {
      throw asRunFailure(runId, error);
    });
    const parts = await Promise.all(segments.map(({ sha256 }) => store.readObject(sha256)));
    const entries = parts.flatMap((part) => parseLedgerLines(part));
    return { segments: [], entries, head: entries.length === 0 ? EMPTY_LEDGER : headOf(entries) };
  },
  /** Says that the journal has something new. @throws PromptOsError RUN_NOT_FOUND, TEMPORAL_FAILED */
  async lookAgain(runId: string): Promise<void> {
    const run = client.workflow.getHandle(runWorkflowId(runId));
    await run.signal(handOffSignal).catch((error: unknown) => {
      throw asRunFailure(runId, error);
    });
  },
});
