import type { WorkerConfig } from '../../contracts/config/worker-config.js';
import type { OpenNetwork, ProgramStarter, Sandbox } from '../platform/program-starter.js';
import { laidUnderPlaces } from './laid-under.js';
import { openSandbox } from './open-sandbox.js';

/** What a worker works with. */
export interface SandboxedWorker {
  /** As `readWorkerConfig` gives it: paths are absolute. */
  readonly config: WorkerConfig;
  /** Absolute. */
  readonly stateDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute paths that are hidden too, such as where people's keys are. */
  readonly secret?: readonly string[];
}

/**
 * The sandbox for the executors and checks of a worker, which hides what the worker works with: state, store, keys and
 * repositories. A worker without executors and checks, such as one of the engine alone, starts no program that needs one.
 * @param programs what starts the sandboxes: a launcher
 * @param openNetwork how a program gets to named hosts; without it such a program is refused
 * @throws PromptOsError SANDBOX_UNAVAILABLE, WORKER_CONFIG_INVALID
 */
export function openWorkerSandbox(
  { config, stateDir, env, secret = [] }: SandboxedWorker,
  programs: ProgramStarter,
  openNetwork?: OpenNetwork,
): Promise<Sandbox> {
  const { executors, checks, store, repositories, signers, sandbox } = config;
  const isNeeded = Object.keys(executors).length + checks.allow.length > 0;
  const keys = Object.values(signers).flatMap((signer) => {
    if ('agent' in signer) return [];
    return ['file' in signer ? signer.file : undefined, signer.passphrase_file].filter((path) => path !== undefined);
  });
  return openSandbox(isNeeded ? sandbox : 'none', {
    ...{ programs, path: env.PATH, openNetwork },
    laidUnder: laidUnderPlaces(stateDir),
    secret: [stateDir, ...(store?.kind === 'fs' ? [store.path] : []), ...keys, ...secret],
    repositories: Object.values(repositories).flatMap((one) => ('path' in one ? [one.path] : [])),
  });
}
