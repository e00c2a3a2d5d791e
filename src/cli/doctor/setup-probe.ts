import { findProgram, whyNoProgram } from '../../adapters/platform/find-program.js';
import { EXECUTOR_ROLES } from '../../contracts/names.js';
import { networkBeyond } from '../../contracts/network-access.js';
import { fail, ok, type Probe, readablePolicy, readableWorker } from './probe.js';

/** What the policy's set-up needs and the worker does not grant or have. Every worker of a role makes checkouts. */
export const setupProbe: Probe = async (setting) => {
  const { policy } = await readablePolicy(setting);
  const { roles, setup } = await readableWorker(setting);
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
    if (program.includes('/') || (await findProgram(program, path)) !== null) continue;
    missing.push(`${name}: ${await whyNoProgram(program, path)}`);
  }
  if (missing.length === 0) return ok(commands.map(([name]) => name).join(', '));
  return fail(missing.join('; '), 'Install the program, or correct `setup` in policy.yaml.');
};
