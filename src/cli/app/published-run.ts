import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { sha256Hex } from '../../contracts/digest.js';
import { PromptOsError } from '../../contracts/errors.js';
import { readJson } from '../../contracts/json.js';
import { type PromptSession, promptSessionSchema } from '../../contracts/record/prompt-session.js';
import { type RunRecord, runRecordSchema } from '../../contracts/record/run-record.js';
import { parseLedgerLines } from '../../contracts/run/ledger.js';
import { problemsText } from '../../contracts/schema-problems.js';
import { TREE_PATHS } from '../../domain/record/published-tree.js';
import type { ArtifactStore, ReadableStore } from '../../ports/artifact-store.js';
import type { CommandContext } from './context.js';

/** What a command receives that reads published runs. */
export interface StoreCommandContext extends CommandContext {
  openStore(): Promise<ArtifactStore>;
}

export interface PublishedRunFacts {
  readonly record: RunRecord;
  readonly recordSha256: string;
  readonly session: PromptSession;
}

/** Bytes of a published file that is read whole; a verifier reads no larger one either. */
const MAX_FILE_BYTES = 64 * 1_048_576;

/**
 * A whole file of a published tree.
 * @throws PromptOsError RUN_NOT_PUBLISHED, OBJECT_NOT_FOUND, OBJECT_CORRUPT, RECORD_INVALID for a file that is too large
 */
export async function readPublished(store: ReadableStore, runId: string, path: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of store.openPublished(runId, path)) {
    bytes += chunk.byteLength;
    if (bytes > MAX_FILE_BYTES) {
      throw new PromptOsError(
        'RECORD_INVALID',
        `${path} of run ${runId}: expected at most ${MAX_FILE_BYTES} bytes, found more.`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** @throws PromptOsError RUN_NOT_PUBLISHED, OBJECT_CORRUPT, RECORD_INVALID */
export async function readPublishedRun(store: ReadableStore, runId: string): Promise<PublishedRunFacts> {
  const bytes = await readPublished(store, runId, TREE_PATHS.record);
  return {
    record: parseFile(runRecordSchema, bytes, TREE_PATHS.record),
    recordSha256: sha256Hex(bytes),
    session: parseFile(promptSessionSchema, await readPublished(store, runId, TREE_PATHS.session), TREE_PATHS.session),
  };
}

/** Why a run could not open, in the words of its ledger; null for one that opened. The record has the code alone. */
export async function openingFailure(store: ReadableStore, runId: string): Promise<string | null> {
  try {
    const [first] = parseLedgerLines(await readPublished(store, runId, TREE_PATHS.ledger));
    return first?.type === 'openingFailed' ? first.message : null;
  } catch {
    // What is wrong with the tree is for `verify` to say.
    return null;
  }
}

/** @throws PromptOsError RECORD_INVALID */
export function parseFile<T>(schema: z.ZodType<T>, bytes: Buffer, path: string): T {
  const value = readJson(bytes);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problem = value === undefined ? 'it is not JSON' : problemsText(parsed.error);
  throw new PromptOsError('RECORD_INVALID', `${path} of the run has another shape than expected: ${problem}.`);
}

export interface PublishedBundle {
  readonly sha256: string;
  /** Writes its bytes again. */
  open(): AsyncIterable<Uint8Array>;
}

/** What a run's bundle is called in a repository that keeps bundles. */
export const bundleName = (runId: string): string => `${runId}.tar`;

/** @throws PromptOsError RUN_NOT_PUBLISHED, OBJECT_CORRUPT */
export async function publishedBundle(store: ReadableStore, runId: string): Promise<PublishedBundle> {
  const files = await store.published(runId);
  if (files === null) throw new PromptOsError('RUN_NOT_PUBLISHED', `Run ${runId} has no published tree.`);
  const { bundleBytes } = await import('../../adapters/tree/bundle-format.js');
  const open = () =>
    bundleBytes(files.map(({ path, bytes }) => ({ path, bytes, open: () => store.openPublished(runId, path) })));
  const hash = createHash('sha256');
  for await (const chunk of open()) hash.update(chunk);
  return { sha256: hash.digest('hex'), open };
}
