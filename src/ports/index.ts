import type { ArtifactStore } from './artifact-store.js';
import type { CheckRunner, ExecutorRegistry } from './gate-executor.js';
import type { SecretScanner } from './secret-scanner.js';
import type { PinnedPolicy, TrustRegistry } from './trust.js';
import type { Workspace } from './workspace.js';

export type { ArtifactStore, CheckRunner, ExecutorRegistry, PinnedPolicy, SecretScanner, TrustRegistry, Workspace };

/** Everything that the activities need of the world. */
export interface GovernancePorts {
  readonly store: ArtifactStore;
  readonly workspace: Workspace;
  readonly executors: ExecutorRegistry;
  readonly checks: CheckRunner;
  readonly secrets: SecretScanner;
  readonly trust: TrustRegistry;
}
