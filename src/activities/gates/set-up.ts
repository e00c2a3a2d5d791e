import { mediaTypeOf } from '../../contracts/artifacts.js';
import { PromptOsError } from '../../contracts/errors.js';
import { canonicalJson } from '../../contracts/json.js';
import { releaseContent } from '../../contracts/long-bytes.js';
import { type SetupCommand, setupVariables } from '../../contracts/policy/policy-setup.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';
import type { CheckOutcome, SetupRunner } from '../../ports/gate-executor.js';
import type { CheckoutSetup } from '../../ports/workspace.js';
import { judgeNetwork, maskNetworkLog } from '../../rules/attempts/network-refused.js';
import { createGlobMatcher } from '../../rules/paths/scope-matching.js';
import { putLog } from '../logs/put-log.js';
import type { GateTask } from './gate-definition.js';

/**
 * What a checkout of the task's commit needs before anyone can work in it; nothing without `setup` in the policy.
 * @throws PromptOsError SETUP_NOT_GRANTED
 */
export async function setupOf(task: GateTask): Promise<CheckoutSetup | undefined> {
  const commands = Object.entries(task.policy.setup);
  if (commands.length === 0) return undefined;
  const runner = runnerOf(task, commands);
  const platform = await runner.platform(commands.map(([, { argv }]) => argv[0] ?? ''));
  const keyFiles = createGlobMatcher(
    commands.flatMap(([, { key_files }]) => key_files),
    false,
  );
  return {
    key: canonicalJson({ commands: commands.map(([, { timeout: _, ...what }]) => what), platform }),
    isKeyFile: (path) => keyFiles.match(path) !== undefined,
    make: async (directory, committed) => {
      for (const [name, command] of commands) await runCommand(task, runner, name, command, { directory, committed });
      task.progress.begin('keep what the set-up made');
    },
  };
}

/** Asked at each gate, also where the result is kept: the worker's owner may have withdrawn what was granted. */
function runnerOf(
  { ports: { setup } }: GateTask,
  commands: readonly (readonly [name: string, command: SetupCommand])[],
): SetupRunner {
  if (setup === undefined) {
    throw new PromptOsError('SETUP_NOT_GRANTED', 'This worker runs no set-up commands, and the policy has some.');
  }
  for (const [name, { network }] of commands) setup.requireGranted(name, network);
  return setup;
}

async function runCommand(
  { input, policy, ports, signal, progress }: GateTask,
  runner: SetupRunner,
  name: string,
  { argv, timeout, network }: SetupCommand,
  { directory, committed }: { readonly directory: string; readonly committed: boolean },
): Promise<void> {
  const { target_repo: repository, policy_sha256 } = input.run;
  // Key files that are only proposed must leave nothing for other patches.
  const cache = { repository, policy_sha256, keep: committed };
  const watch = progress.command(`set-up ${name}`, (output) => logPath(name, output));
  const env = setupVariables(policy.setup, directory);
  const call = { name, argv, env, network, timeout_ms: timeout, directory, cache, signal, watch };
  const outcome = await runner.run(call);
  try {
    if (outcome.status !== 'passed') throw await failed(ports.store, name, argv, outcome);
  } finally {
    for (const output of [outcome.stdout, outcome.stderr]) releaseContent(output);
  }
}

/** Characters of an output in a message, which goes into the run's ledger. */
const SHOWN = 700;

/** Where an output is in the attempt's folder. */
const logPath = (name: string, output: string): string => `setup/${name}.${output}.txt`;

class SetupFailed extends PromptOsError {
  constructor(
    text: string,
    /** Both outputs, as the store has them. */
    readonly logs: readonly ArtifactRef[],
  ) {
    super('SETUP_FAILED', text);
  }
}

/** What the ledger names of a failure: the attempt has no record that could. */
export const logsOf = (error: unknown): { readonly logs?: readonly ArtifactRef[] } =>
  error instanceof SetupFailed && error.logs.length > 0 ? { logs: error.logs } : {};

async function failed(
  store: Pick<ArtifactStore, 'putObject'>,
  name: string,
  argv: readonly string[],
  outcome: CheckOutcome,
): Promise<PromptOsError> {
  const { exit_code, signal, reason } = outcome;
  const stdout = await putLog(outcome.stdout, (log) => store.putObject(log));
  const stderr = await putLog(outcome.stderr, (log) => store.putObject(log));
  const ended = reason ?? (signal === null ? `it ended with exit code ${exit_code}` : `it was ended by ${signal}`);
  const printed = stderr.tail.trim() || stdout.tail.trim();
  const shown = printed.length > SHOWN ? `…${printed.slice(-SHOWN)}` : printed;
  const refused = outcome.network === undefined ? [] : judgeNetwork('It', [maskNetworkLog(outcome.network)]);
  const network = refused.map(({ message }) => ` ${message}`).join('');
  const said = shown === '' ? 'It printed nothing.' : `The end of what it printed:\n${shown}\n`;
  const logs: ArtifactRef[] = [];
  for (const [output, log] of Object.entries({ stdout, stderr })) {
    const path = logPath(name, output);
    if (log.ref.bytes > 0) logs.push({ path, ...log.ref, media_type: mediaTypeOf(path) });
  }
  const kept = logs.map(({ path, sha256 }) => `${path} sha256:${sha256}`).join(', ');
  const whole = kept === '' ? '' : `All of it is kept, and will be in the attempt's folder of the run's tree: ${kept}.`;
  const what = `The set-up command "${name}" (${argv.join(' ')}) failed: ${ended}.`;
  return new SetupFailed(`${what}${network} ${said}${whole}`, logs);
}
