import { createHash } from 'node:crypto';
import { bundleBytes } from '../adapters/tree/bundle-format.js';
import { PromptOsError } from '../contracts/errors.js';
import type { ReadableStore } from '../ports/artifact-store.js';

/** The bundle of a published run. */
export interface PublishedBundle {
  readonly sha256: string;
  /** Writes its bytes anew. */
  open(): AsyncIterable<Uint8Array>;
}

/** What a run's bundle is called in a repository that keeps bundles. */
export const bundleName = (runId: string): string => `${runId}.tar`;

/** @throws PromptOsError RUN_NOT_PUBLISHED, OBJECT_CORRUPT */
export async function publishedBundle(store: ReadableStore, runId: string): Promise<PublishedBundle> {
  const files = await store.published(runId);
  if (files === null) throw new PromptOsError('RUN_NOT_PUBLISHED', `Run ${runId} has no published tree.`);
  const open = () =>
    bundleBytes(files.map(({ path, bytes }) => ({ path, bytes, open: () => store.openPublished(runId, path) })));
  const hash = createHash('sha256');
  for await (const chunk of open()) hash.update(chunk);
  return { sha256: hash.digest('hex'), open };
}
