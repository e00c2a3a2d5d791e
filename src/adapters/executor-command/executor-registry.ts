import { PromptOsError } from '../../contracts/errors.js';
import type { ExecutorConfig } from '../../contracts/worker-config.js';
import type { ExecutorRegistry } from '../../ports/gate-executor.js';
import { type CommandExecutorOptions, createCommandExecutor } from './command-executor.js';

/** The executors of a worker config, by the principal that they act for. */
export function createExecutorRegistry(
  executors: Readonly<Record<string, ExecutorConfig>>,
  options: CommandExecutorOptions,
): ExecutorRegistry {
  const byPrincipal = new Map(
    Object.entries(executors).map(([principal, config]) => [
      principal,
      createCommandExecutor(principal, config, options),
    ]),
  );
  return {
    forPrincipal: (principal) => {
      const executor = byPrincipal.get(principal);
      if (executor !== undefined) return executor;
      const configured = [...byPrincipal.keys()].sort().join(', ') || 'none';
      throw new PromptOsError(
        'EXECUTOR_NOT_CONFIGURED',
        `This worker has no executor for the principal "${principal}"; configured: ${configured}.`,
      );
    },
  };
}
