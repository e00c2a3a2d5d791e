import { findProgram, whyNoProgram } from '../../adapters/platform/find-program.js';
import { findSandbox } from '../../adapters/sandbox/available.js';
import { laidUnderPlaces } from '../../adapters/sandbox/laid-under.js';
import type { WorkerConfig } from '../../contracts/config/worker-config.js';
import { EXECUTOR_ROLES } from '../../contracts/names.js';
import { networkBeyond } from '../../contracts/network-access.js';
import { fail, ok, type Probe, type ProbeSetting, readablePolicy, readableWorker } from './probe.js';

/** How checkouts get what is kept of it: laid under them by the sandbox, or copied, and why. */
async function howGiven(sandbox: WorkerConfig['sandbox'], { files, env }: ProbeSetting): Promise<string> {
  if (sandbox === 'none')
    return 'its result is copied into each checkout, since the worker config says `sandbox: none`';
  const found = await findSandbox({ path: env.PATH, laidUnder: laidUnderPlaces(files.state) });
  if (found.kind === 'none') return 'its result is copied into each checkout: there is no sandbox';
  const { laysUnder } = found;
  return laysUnder.ok
    ? 'the sandbox lays its result under each checkout'
    : `its result is copied into each checkout, since the sandbox cannot lay it under: ${laysUnder.reason}`;
}

/** What the policy's set-up needs and the worker does not grant or have. Every worker of a role makes checkouts. */
export const setupProbe: Probe = async (setting) => {
  const { policy } = await readablePolicy(setting);
  const { roles, setup, sandbox } = await readableWorker(setting);
  const commands = Object.entries(policy.setup);
  if (commands.length === 0) return ok('the policy has none: checkouts are used as they are');
  if (!EXECUTOR_ROLES.some((role) => roles.includes(role))) return ok('this worker carries out no role');
  const names = commands
    .map(([name]) => name)
    .filter((name) => !setup.allow.includes('*') && !setup.allow.includes(name));
  const hosts = [...new Set(commands.flatMap(([, { network }]) => networkBeyond(network, setup.network)))];
  const wanted = [
    ...(names.length === 0 ? [] : [`${names.join(', ')} to setup.allow`]),
    ...(hosts.length === 0 ? [] : [`${hosts.join(', ')} to setup.network`]),
  ];
  if (wanted.length > 0) {
    const asked = [...names.map((name) => `the command ${name}`), ...hosts.map((host) => `the host ${host}`)];
    return fail(
      `The policy's set-up needs ${asked.join(', ')}, which the worker config does not grant: no gate can start.`,
      `Add ${wanted.join(', and ')} in worker.yaml.`,
    );
  }
  const path = setup.env.set.PATH ?? (setup.env.allow.includes('PATH') ? setting.env.PATH : undefined);
  const missing: string[] = [];
  for (const [name, { argv }] of commands) {
    const [program = ''] = argv;
    // A program with a slash in its name is in the checkout, which does not exist yet.
    if (program.includes('/') || findProgram(program, path) !== null) continue;
    missing.push(`${name}: ${await whyNoProgram(program, path)}`);
  }
  const named = commands.map(([name]) => name).join(', ');
  if (missing.length === 0) return ok(`${named}; ${await howGiven(sandbox, setting)}`);
  return fail(missing.join('; '), 'Install the program, or correct `setup` in policy.yaml.');
};
