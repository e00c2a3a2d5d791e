import type { Prices } from '../contracts/config/prices.js';
import type { ArtifactStore } from './artifact-store.js';
import type { CheckRunner, ExecutorRegistry, KeptBaselines, SetupRunner } from './gate-executor.js';
import type { SecretScanner } from './secret-scanner.js';
import type { SignerRegistry, TrustRegistry } from './signer.js';
import type { VerifyTree } from './tree-reader.js';
import type { Workspace } from './workspace.js';

export type {
  ArtifactStore,
  CheckRunner,
  ExecutorRegistry,
  KeptBaselines,
  SecretScanner,
  SetupRunner,
  TrustRegistry,
  VerifyTree,
  Workspace,
};

/** Everything that the activities need of the world. */
export interface GovernancePorts {
  readonly store: ArtifactStore;
  readonly workspace: Workspace;
  readonly executors: ExecutorRegistry;
  readonly checks: CheckRunner;
  /** Without it no policy that has a set-up can be carried out. */
  readonly setup?: SetupRunner;
  /** Without it, each run's P00 runs the checks on the base commit again. */
  readonly baselines?: KeptBaselines;
  readonly secrets: SecretScanner;
  readonly trust: TrustRegistry;
  readonly signers: SignerRegistry;
  /** Prices of models, for tries whose executor says no cost. */
  readonly prices?: Prices;
}
