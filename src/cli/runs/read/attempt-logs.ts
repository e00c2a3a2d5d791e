import type { GovernedRuns } from '../../../client/client.js';
import type { RunMoment } from '../../../client/progress.js';
import { PromptOsError } from '../../../contracts/errors.js';
import type { GateId } from '../../../contracts/names.js';
import type { ArtifactRef } from '../../../contracts/primitives.js';
import { type AttemptRecord, attemptRecordSchema } from '../../../contracts/record/attempt.js';
import { attemptFolder } from '../../../domain/record/published-tree.js';
import type { ArtifactStore } from '../../../ports/artifact-store.js';
import { parseFile, readPublishedRun } from '../../app/published-run.js';
import { readPart } from './file-part.js';
import { storedLedger } from './run-status.js';

/** Bytes of one artifact that a terminal is given. */
const SHOWN_BYTES = 512 * 1024;

/** The record of the attempt that is to be decided on. @throws PromptOsError OBJECT_NOT_FOUND, OBJECT_CORRUPT, RECORD_INVALID */
export async function readAttempt(
  store: Pick<ArtifactStore, 'readObject'>,
  outputSha256: string,
): Promise<AttemptRecord> {
  return parseFile(attemptRecordSchema, Buffer.from(await store.readObject(outputSha256)), 'attempt.json');
}

export interface ArtifactText {
  readonly text: string;
  /** Whether the text goes on. */
  readonly cut: boolean;
}

/** The beginning of an artifact. */
export async function readArtifactText(store: ArtifactStore, { sha256, bytes }: ArtifactRef): Promise<ArtifactText> {
  const start = await readPart(store, sha256, 0, SHOWN_BYTES);
  return { text: start.bytes.toString('utf8'), cut: bytes > SHOWN_BYTES };
}

/** The artifact at a path of the run's tree, or undefined. */
export const artifactAt = ({ artifacts }: AttemptRecord, path: string): ArtifactRef | undefined =>
  artifacts.find((artifact) => artifact.path === path);

/** One attempt of a gate. */
export interface AttemptName {
  readonly gate: GateId;
  readonly attempt: number;
}

/** An attempt that was started, in the order of a run. */
export interface StartedAttempt extends AttemptName {
  readonly started_at: string;
  /** Digest of its record; null when it has none. */
  readonly output_sha256: string | null;
  /** What is kept of one without a record: the outputs of the set-up command that failed. */
  readonly logs: readonly ArtifactRef[];
  /** Whether it is over, with a record or without. */
  readonly ended: boolean;
}

/** The requested attempt. */
export interface WantedAttempt {
  readonly gate?: GateId;
  readonly attempt?: number;
}

export const attemptKey = ({ gate, attempt }: AttemptName): string => `${gate}.${attempt}`;
/** Such as `P06, attempt 1`. */
export const describeAttempt = ({ gate, attempt }: AttemptName): string => `${gate}, attempt ${attempt}`;

export const isWanted = (wanted: WantedAttempt, { gate, attempt }: AttemptName): boolean =>
  (wanted.gate ?? gate) === gate && (wanted.attempt ?? attempt) === attempt;

const LOG = /(^|[/.])(stdout|stderr)\.txt$/;

/** The attempts of a run that is published. @throws PromptOsError OBJECT_NOT_FOUND, RECORD_INVALID */
export async function publishedAttempts(store: ArtifactStore, runId: string): Promise<readonly StartedAttempt[]> {
  const { record } = await readPublishedRun(store, runId);
  const logsOf = ({ gate, attempt }: AttemptName, output_sha256: string | null) => {
    const folder = `${attemptFolder(gate, attempt)}/`;
    if (output_sha256 !== null) return [];
    const files = record.artifacts.filter(({ path }) => path.startsWith(folder) && LOG.test(path));
    return files.map((file) => ({ ...file, path: file.path.slice(folder.length) }));
  };
  return record.gates
    .flatMap(({ gate, attempts }) =>
      attempts.map(({ attempt, started_at, output_sha256 }) => ({
        gate,
        attempt,
        started_at,
        output_sha256,
        logs: logsOf({ gate, attempt }, output_sha256),
        ended: true,
      })),
    )
    .sort((one, other) => (one.started_at < other.started_at ? -1 : 1));
}

/** The attempts of a run, from the store: as far as its ledger was saved there. */
export async function startedAttempts(
  runs: GovernedRuns,
  store: ArtifactStore,
  runId: string,
): Promise<readonly StartedAttempt[]> {
  if ((await store.published(runId)) !== null) return publishedAttempts(store, runId);
  const attempts = new Map<string, StartedAttempt>();
  for (const entry of (await storedLedger(runs, store, runId))?.entries ?? []) {
    if (entry.type === 'gateStarted') {
      const { gate, attempt, at } = entry;
      attempts.set(attemptKey(entry), { gate, attempt, started_at: at, output_sha256: null, logs: [], ended: false });
    }
    if (entry.type !== 'gateFinished' && entry.type !== 'gateInterrupted') continue;
    const started = attempts.get(attemptKey(entry));
    const kept = entry.type === 'gateFinished' ? { output_sha256: entry.output_sha256 } : { logs: entry.logs ?? [] };
    if (started !== undefined) attempts.set(attemptKey(entry), { ...started, ...kept, ended: true });
  }
  return [...attempts.values()];
}

/** The attempt that is carried out now. The ledger of the store may not have it yet. */
export async function attemptAtWork(
  runs: GovernedRuns,
  runId: string,
  { at_work }: RunMoment,
): Promise<AttemptName | null> {
  if (at_work === null || at_work.progress !== null) return at_work?.progress ?? null;
  // No worker has said anything yet: the run itself knows which gate it handed out.
  const status = await runs.status(runId).catch(() => null);
  return status?.gates.find(({ state }) => state === 'running') ?? null;
}

/**
 * What an attempt kept of the outputs of its checks and executors, in the order in which they ran; of one without a record, those
 * of the set-up command that failed.
 * @throws PromptOsError OBJECT_NOT_FOUND, OBJECT_CORRUPT, RECORD_INVALID
 */
export async function keptLogs(
  store: ArtifactStore,
  { output_sha256, logs }: Pick<StartedAttempt, 'output_sha256' | 'logs'>,
): Promise<readonly ArtifactRef[]> {
  if (output_sha256 === null) return logs;
  const { artifacts, transcripts } = await readAttempt(store, output_sha256);
  return [...artifacts, ...transcripts].filter(({ path }) => LOG.test(path));
}

/** The requested log is missing. */
export function logsNotFound({ gate, attempt }: WantedAttempt, attempts: readonly StartedAttempt[]): PromptOsError {
  const wanted = [gate, attempt === undefined ? undefined : `attempt ${attempt}`].filter((part) => part !== undefined);
  const known =
    attempts.length === 0 ? 'no gate has started' : `started were ${attempts.map(describeAttempt).join('; ')}`;
  const what = wanted.length === 0 ? 'The run has no logs' : `The run has no logs of ${wanted.join(', ')}`;
  return new PromptOsError('LOGS_NOT_FOUND', `${what}: ${known}.`);
}
