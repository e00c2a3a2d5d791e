import { join } from 'node:path';
import type { WorkerConfig } from '../contracts/worker-config.js';
import type { ArtifactStore } from '../ports/artifact-store.js';
import { createFileSystemStore } from './store-fs/file-system-store.js';

export interface StorePlace {
  /** As `readWorkerConfig` gives it: paths are absolute. */
  readonly config: Pick<WorkerConfig, 'store'>;
  readonly stateDir: string;
}

/** The artifact store that a worker config names, else the one of the state folder. */
export const openStore = ({ config, stateDir }: StorePlace): ArtifactStore =>
  createFileSystemStore(config.store?.path ?? join(stateDir, 'artifacts'));
