import type { z } from 'zod';
import type { AcpExecutorConfig, acpClientSettingsSchema } from '../../../contracts/config/acp-executor.js';
import { type CommandExecutorConfig, commandExecutorSchema } from '../../../contracts/config/executor-config.js';
import { type FailureRule, RECOGNISED_CLASSES } from '../../../contracts/config/executor-output.js';
import { boxedProgram } from './boxed-program.js';

/** What a slow machine needs to start an agent that fetches a part of itself first. */
const START_MS = 120_000;

/** What our client is given of the config, as its first argument. */
export function acpClientSettings({
  permissions,
  model,
  mode,
  auth,
  client_files,
  timeout,
}: AcpExecutorConfig): string {
  const settings: z.input<typeof acpClientSettingsSchema> = {
    permissions,
    ...(model === undefined ? {} : { model }),
    ...(mode === undefined ? {} : { mode }),
    ...(auth === undefined ? {} : { auth }),
    ...(client_files ? {} : { client_files }),
    start_timeout_ms: Math.min(START_MS, Math.floor(timeout / 2)),
  };
  return JSON.stringify(settings);
}

/** How our client shows a failure that it has recognised, in its last line. */
const RESULT_FAILURES = RECOGNISED_CLASSES.map((of) => ({
  class: of,
  in: ['stdout'] satisfies FailureRule['in'],
  pointer: '/error/class',
  equals: [of],
  message: '/error/message',
  ...(of === 'transient' ? { retry_after: { pointer: '/error/retry_after' } } : {}),
}));

/** The command of an agent that speaks the Agent Client Protocol: our client, which starts the agent beside it in the box. */
export function acpCommand(config: AcpExecutorConfig): CommandExecutorConfig {
  const { argv, env, home, network, max_output_bytes, model, failures, timeout, retry_for } = config;
  const command = commandExecutorSchema.parse({
    kind: 'command',
    argv: [...boxedProgram('acp'), acpClientSettings(config), '--', ...argv],
    answer: { pointer: '/answer' },
    model: model === undefined ? {} : { requested: model },
    // Those of the user first: they know how their agent words its errors.
    failures: [...failures, ...RESULT_FAILURES],
    usage: {
      input_tokens: '/usage/input_tokens',
      output_tokens: '/usage/output_tokens',
      cached_tokens: '/usage/cached_tokens',
      cost_usd: '/usage/cost_usd',
      session_id: '/session_id',
    },
  });
  return { ...command, env, home, network, max_output_bytes, timeout, retry_for };
}
