import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Connection } from '@temporalio/client';
import { createWorkerSigners } from '../../adapters/keys/worker-signers.js';
import { findProgram } from '../../adapters/platform/find-program.js';
import type { TemporalConnection, Variables } from '../../config/environment.js';
import { builtInPackDir } from '../../config/pack-folder.js';
import { findProjectFiles } from '../../config/project-files.js';
import { clientRoute, temporalProxy } from '../../config/proxy.js';
import { keysFolder } from '../../config/user-folders.js';
import { ENGINE_SIGNER } from '../../contracts/config/signer-config.js';
import { messageOf, PromptOsError } from '../../contracts/errors.js';
import { own } from '../../contracts/json.js';
import { counted } from '../../contracts/sentences.js';
import { cachedToolPath } from '../../embedded/fetch-tool.js';
import { findServer } from '../../embedded/server.js';
import { findServerBinary, readCliVersion } from '../../embedded/temporal-cli.js';
import { TEMPORAL_CLI } from '../../embedded/tool-pins.js';
import { countPollers } from '../app/connect.js';
import type { CommandContext } from '../app/context.js';
import { listKeys } from '../keys/keys.js';
import {
  fail,
  listedKeys,
  ok,
  type Probe,
  type ProbeReport,
  type ProbeStatus,
  readablePolicy,
  readableWorker,
  runProbes,
  showReports,
  type TemporalProbes,
  warn,
} from './probe.js';
import { MACHINE_PROBES, PROJECT_PROBES } from './probes.js';

function conclusion(reports: readonly ProbeReport[]): string {
  const count = (status: ProbeStatus) => reports.filter((report) => report.status === status).length;
  if (count('fail') > 0) return `${count('fail')} of ${reports.length} failed: runs cannot work yet.`;
  return count('warn') > 0 ? `Runs can work; ${counted(count('warn'), 'warning')}.` : 'All is well.';
}

/**
 * Runs every probe and shows what it found.
 * @param probes what is asked of Temporal; the real thing unless a test says otherwise
 */
export async function diagnose(
  context: CommandContext,
  { promptPack }: { readonly promptPack?: string },
  probes?: TemporalProbes,
): Promise<void> {
  const output = context.output();
  const { cwd, env } = context;
  const files = await findProjectFiles(cwd, env.PROMPTOS_HOME || undefined);
  const pack = promptPack === undefined ? builtInPackDir() : resolve(cwd, promptPack);
  const setting = { files, env, pack, temporal: probes ?? temporalProbes(env) };
  const reports = await runProbes(setting, { ...MACHINE_PROBES, ...PROJECT_PROBES, ...KEY_PROBES });
  showReports(output, reports);
  output.say();
  output.say(conclusion(reports));
  const healthy = reports.every(({ status }) => status !== 'fail');
  output.emit({ healthy, probes: reports });
  if (!healthy) context.exit(1);
}

const OPEN_KEY = 'It is as safe as your account, no more; docs/keys.md says what that means.';

const KEY_PROBES: Readonly<Record<string, Probe>> = {
  keys: async ({ env }) => {
    const folder = keysFolder(env);
    const keys = await listKeys(folder);
    const problems = keys.flatMap(({ problem }) => (problem === null ? [] : [problem]));
    if (problems.length > 0) return warn(problems.join('\n'), 'Put these keys right, or remove them.');
    const open = keys.filter(({ passphrase }) => passphrase === false).map(({ name }) => name);
    if (open.length > 0) return warn(`no passphrase: ${open.join(', ')} (${folder})`, OPEN_KEY);
    return ok(keys.length === 0 ? `none in ${folder}` : keys.map(({ name }) => name).join(', '));
  },
  signers: async (setting) => {
    const config = await readableWorker(setting);
    const names = Object.keys(config.signers);
    if (names.length === 0) return ok('none: this worker signs nothing');
    const signers = await createWorkerSigners(config, setting.env);
    const keyidOf = (name: string) =>
      (name === ENGINE_SIGNER ? signers.forEngine() : signers.forPrincipal(name))?.keyid ?? '';
    const listed = await readablePolicy(setting).then(
      ({ policy }) => listedKeys(policy),
      () => ({}),
    );
    // A worker may serve several policies: one that does not know the name asks nothing of its key.
    const strange = names.filter((name) => own(listed, name)?.every(({ keyid }) => keyid !== keyidOf(name)));
    if (strange.length > 0) {
      return fail(
        strange.map((name) => `The policy does not list the key ${keyidOf(name)} for ${name}.`).join('\n'),
        'Correct signers in worker.yaml, or add the key to the policy; docs/keys.md, "Changing a key".',
      );
    }
    return ok(names.map((name) => `${name}: ${keyidOf(name)}`).join('\n'));
  },
};

const CONNECT_TIMEOUT_MS = 5_000;

/** Asks a server that is named. @throws PromptOsError TEMPORAL_UNREACHABLE */
async function ask<T>(
  variables: Variables,
  { connectionOptions, namespace = 'default' }: TemporalConnection,
  question: (connection: Connection, namespace: string) => Promise<T>,
): Promise<T> {
  const { Connection } = await import('@temporalio/client');
  const address = connectionOptions.address ?? 'localhost:7233';
  const route = clientRoute(address, temporalProxy(variables, address));
  try {
    const connection = await Connection.connect({ ...connectionOptions, ...route, connectTimeout: CONNECT_TIMEOUT_MS });
    try {
      const deadline = Date.now() + CONNECT_TIMEOUT_MS;
      return await connection.withDeadline(deadline, () => question(connection, namespace));
    } finally {
      await connection.close();
    }
  } catch (error) {
    throw new PromptOsError('TEMPORAL_UNREACHABLE', `${address}, namespace ${namespace}: ${messageOf(error)}.`, {
      cause: error,
      hint: 'Check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, or unset them to use the embedded server.',
    });
  }
}

/** Looks at the real thing, and fetches nothing. */
export const temporalProbes = (env: Variables): TemporalProbes => ({
  findBinary: async () => {
    if (!env.TEMPORAL_CLI_PATH && !existsSync(cachedToolPath(TEMPORAL_CLI, env))) {
      const installed = findProgram(TEMPORAL_CLI.executable, env.PATH);
      // Without a usable one on PATH the search would go on to a download.
      if (installed === null || !('version' in (await readCliVersion(installed)))) return null;
    }
    return findServerBinary({ env });
  },
  findServer,
  reach: async (named) => {
    await ask(env, named, (connection, namespace) => connection.workflowService.describeNamespace({ namespace }));
  },
  pollers: (named, queue) => ask(env, named, (connection, namespace) => countPollers(connection, namespace, queue)),
});
