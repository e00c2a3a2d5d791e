import { join } from 'node:path';
import type { WorkerConfig } from '../contracts/config/worker-config.js';
import type { ArtifactStore, PrunableStore } from '../ports/artifact-store.js';
import { createFileSystemStore } from './store/fs/file-system-store.js';
import { checkS3Store, createS3Store } from './store/s3/s3-store.js';

export interface StorePlace {
  /** As `readWorkerConfig` gives it: paths are absolute. */
  readonly config: Pick<WorkerConfig, 'store'>;
  readonly stateDir: string;
}

/** The artifact store that a worker config names, else the one of the state folder. */
export function openStore({ config: { store }, stateDir }: StorePlace): PrunableStore {
  return store?.kind === 's3'
    ? createS3Store(store)
    : createFileSystemStore(store?.path ?? join(stateDir, 'artifacts'));
}

/**
 * The store of a worker. One on a server is asked now: a worker that cannot reach its store must fail before it takes
 * any work.
 * @throws PromptOsError STORE_NOT_READABLE, STORE_NOT_WRITABLE, STORE_FULL
 */
export async function openWorkerStore(place: StorePlace): Promise<ArtifactStore> {
  const { store } = place.config;
  if (store?.kind === 's3') await checkS3Store(store);
  return openStore(place);
}
