// The adapters of this package, for a team that puts together the ports of its own Worker.

export { type CheckCaches, createCheckCaches } from './checks/check-caches.js';
export { type CheckRunnerOptions, createCheckRunner } from './checks/check-runner.js';
export { createKeptBaselines } from './checks/kept-baselines.js';
export { createSetupRunner, type SetupRunnerOptions } from './checks/setup-runner.js';
export {
  type CommandExecutorOptions,
  createCommandExecutor,
  createExecutorRegistry,
} from './executor/command-executor.js';
export { type AgentSignerOptions, createAgentSigner } from './keys/agent-signer.js';
export { createFileSigner, type FileSignerOptions } from './keys/file-signer.js';
export { createWorkerSigners } from './keys/worker-signers.js';
export { openStore, type StorePlace } from './open-store.js';
export { createLauncher, type Launcher } from './platform/launcher.js';
export type { OpenedNetwork, OpenNetwork, ProgramStarter, Sandbox } from './platform/program-starter.js';
export { createNetworkOpener } from './sandbox/network/open-network.js';
export { openWorkerSandbox, type SandboxedWorker } from './sandbox/worker-sandbox.js';
export { createSecretlintScanner } from './secrets/secret-scanners.js';
export { createFileSystemStore } from './store/fs/file-system-store.js';
export { createS3Store } from './store/s3/s3-store.js';
export { openBundleTree } from './tree/bundle-tree.js';
export { openFolderTree } from './tree/folder-tree.js';
export { createGitWorkspace } from './workspace/git-workspace.js';
