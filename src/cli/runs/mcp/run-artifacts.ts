import { ATTEMPT_TRANSCRIPTS, artifactOf, SARIF_FILE } from '../../../contracts/artifacts.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { attemptFiles, interruptionFiles } from '../../../domain/record/published-tree.js';
import { attemptHistories } from '../../../domain/run/attempt-history.js';
import type { ArtifactStore } from '../../../ports/artifact-store.js';
import type { OpenedRuns } from '../read/governed-runs.js';
import { withPublishedOrLive } from '../read/open-run.js';
import { findRun, recordsOfAttempts, startFiles } from '../read/stored-parts.js';
import type { McpSession } from './tool.js';

/** A file of a run, in the place that it has in the published tree. */
export interface RunFile {
  readonly path: string;
  readonly media_type: string;
  readonly sha256: string;
  /** Null where the run has not ended and only the digest is known. */
  readonly bytes: number | null;
}

/** The files of a run, and the store that has them. */
interface RunFiles {
  readonly run_id: string;
  readonly store: ArtifactStore;
  readonly files: readonly RunFile[];
}

/**
 * Whether a file is what another executor was asked, or what it printed. A principal that does a gate is judged on its own
 * work, and judges with the inputs of its gate alone: it is not shown how the others came to theirs.
 */
function isTranscript(path: string): boolean {
  const row = artifactOf(path);
  return row !== null && row.path !== SARIF_FILE && ATTEMPT_TRANSCRIPTS.includes(row);
}

/** The files of the requested run. @throws PromptOsError RUN_NOT_FOUND, RUN_AMBIGUOUS */
export const filesOfRun = ({ context }: McpSession, given: string): Promise<RunFiles> =>
  withPublishedOrLive(context, given, {
    published: async (store, { run_id }) => ({ run_id, store, files: await publishedFiles(store, run_id) }),
    live: async (session, { run_id }) => ({ run_id, store: session.store, files: await liveFiles(session, run_id) }),
  });

const publishedFiles = async (store: ArtifactStore, runId: string): Promise<readonly RunFile[]> =>
  ((await store.published(runId)) ?? []).filter(({ path }) => !isTranscript(path));

async function liveFiles(session: OpenedRuns, runId: string): Promise<readonly RunFile[]> {
  const { store, runs, temporal } = session;
  if ((await store.published(runId)) !== null) return publishedFiles(store, runId);
  const found = await findRun(store, { client: temporal.client, runs }, runId);
  const counting = new Set(
    attemptHistories(found.entries).flatMap(({ standing, output_sha256 }) =>
      standing === 'voided' || output_sha256 === null ? [] : [output_sha256],
    ),
  );
  // A record that is not in the store yet is one that a later call lists.
  const records = await recordsOfAttempts(found, store, () => undefined);
  const attempts = records.flatMap((one) => attemptFiles({ ...one, valid: counting.has(one.sha256) }));
  const start = (await startFiles(found, store)).map((file) => ({ ...file, bytes: null }));
  const files = [...start, ...attempts, ...interruptionFiles(found.entries)];
  return files.filter(({ path }) => !isTranscript(path)).sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** @throws PromptOsError ARTIFACT_NOT_FOUND */
export function requireFile({ run_id, files }: RunFiles, path: string): RunFile {
  const found = files.find((file) => file.path === path);
  if (found !== undefined) return found;
  if (isTranscript(path)) {
    throw new PromptOsError('ARTIFACT_NOT_FOUND', `${path} is a transcript, which the MCP server does not show.`, {
      hint: 'A person reads it with `promptos run logs`.',
    });
  }
  throw new PromptOsError('ARTIFACT_NOT_FOUND', `Run ${run_id} has no artifact ${JSON.stringify(path)}.`);
}
