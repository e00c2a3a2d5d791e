// The adapters of this package, for a team that puts together the ports of its own Worker.

export { type CheckCaches, createCheckCaches } from './check-cache/check-caches.js';
export { createKeptBaselines } from './check-cache/kept-baselines.js';
export { type CheckRunnerOptions, createCheckRunner } from './check-runner/check-runner.js';
export { type CommandExecutorOptions, createCommandExecutor } from './executor-command/command-executor.js';
export { createExecutorRegistry } from './executor-command/executor-registry.js';
export { type AgentSignerOptions, createAgentSigner } from './keys/agent-signer.js';
export { createFileSigner, type FileSignerOptions } from './keys/file-signer.js';
export { createWorkerSigners } from './keys/worker-signers.js';
export { openStore, type StorePlace } from './open-store.js';
export { createSecretlintScanner } from './secret-scan-secretlint/secret-scanner.js';
export { createFileSystemStore } from './store/fs/file-system-store.js';
export { createS3Store } from './store/s3/s3-store.js';
export { openBundleTree } from './tree/bundle-tree.js';
export { openFolderTree } from './tree/folder-tree.js';
export { createGitWorkspace } from './workspace/git-workspace.js';
