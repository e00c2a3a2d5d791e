import { isStarted, type StartedExecutorConfig } from '../../contracts/config/executor-config.js';
import { PromptOsError } from '../../contracts/errors.js';
import { own } from '../../contracts/json.js';
import type { WorkerSetting } from '../../worker.js';

/** The config of an executor that is a program. @throws PromptOsError EXECUTOR_NOT_CONFIGURED */
export function requireStarted({ config }: Pick<WorkerSetting, 'config'>, principal: string): StartedExecutorConfig {
  const found = own(config.executors, principal);
  if (found !== undefined && isStarted(found)) return found;
  const names = Object.entries(config.executors).flatMap(([name, one]) => (isStarted(one) ? name : []));
  const why = found === undefined ? 'has no executor' : 'starts no program (kind: handoff)';
  throw new PromptOsError(
    'EXECUTOR_NOT_CONFIGURED',
    `The worker config ${why} for "${principal}"; it has programs for: ${names.sort().join(', ') || 'none'}.`,
  );
}
