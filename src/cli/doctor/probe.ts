import { styleText } from 'node:util';
import { findProgram, whyNoProgram } from '../../adapters/platform/find-program.js';
import { findSandbox } from '../../adapters/sandbox/available.js';
import { laidUnderPlaces } from '../../adapters/sandbox/laid-under.js';
import type { TemporalConnection } from '../../config/environment.js';
import { type PolicyFile, readPolicy, readPolicyInForce } from '../../config/policy-file.js';
import type { ProjectFiles } from '../../config/project-files.js';
import { readWorkerConfig } from '../../config/worker-config-file.js';
import { ENGINE_SIGNER } from '../../contracts/config/signer-config.js';
import type { WorkerConfig } from '../../contracts/config/worker-config.js';
import { messageOf, PromptOsError } from '../../contracts/errors.js';
import type { PinnedKey } from '../../contracts/keys.js';
import { EXECUTOR_ROLES } from '../../contracts/names.js';
import { networkBeyond } from '../../contracts/network-access.js';
import type { Policy } from '../../contracts/policy/policy.js';
import { RULE_TEXTS } from '../../contracts/policy/rule-texts.js';
import { suggestName } from '../../contracts/sentences.js';
import { pinKey, pinKeys } from '../../domain/judge/authenticate.js';
import type { RunQueue } from '../app/connect.js';
import type { Output } from '../app/output.js';

/** `warn`: runs are possible, but something is not as it should be. */
export type ProbeStatus = 'ok' | 'warn' | 'fail';

export interface ProbeResult {
  readonly status: ProbeStatus;
  /** What was found, in one line or a few. */
  readonly message: string;
  /** What to do about it; absent when all is well. */
  readonly next?: string;
  /** What could not be read, for a probe that did not look for that reason; its own probe says what is wrong. */
  readonly unread?: string;
}

/** One thing that must be right for runs to work. Probes do not depend on each other's results. */
export type Probe = (setting: ProbeSetting) => Promise<ProbeResult>;

export interface ProbeReport extends ProbeResult {
  readonly name: string;
}

/** What the doctor must know of Temporal. A parameter, so that tests need no server. */
export interface TemporalProbes {
  /** A usable Temporal CLI, or null when it would be fetched at the first start. Downloads nothing. */
  findBinary(): Promise<{ readonly path: string; readonly version: string } | null>;
  /** The address of the embedded server of a state folder, or null when none runs. */
  findServer(stateDir: string): Promise<{ readonly address: string; readonly ui_url: string } | null>;
  /** Resolves when the server answers and knows the namespace. @throws PromptOsError TEMPORAL_UNREACHABLE */
  reach(connection: TemporalConnection): Promise<void>;
  /** How many workers poll a queue. @throws PromptOsError TEMPORAL_UNREACHABLE */
  pollers(connection: TemporalConnection, queue: Pick<RunQueue, 'name' | 'type'>): Promise<number>;
}

export interface ProbeSetting {
  readonly files: ProjectFiles;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder of the prompt pack that runs would use. */
  readonly pack: string;
  readonly temporal: TemporalProbes;
}

export const ok = (message: string): ProbeResult => ({ status: 'ok', message });
export const warn = (message: string, next: string): ProbeResult => ({ status: 'warn', message, next });
export const fail = (message: string, next: string): ProbeResult => ({ status: 'fail', message, next });

/** Thrown by a probe that needs what another one found broken. */
export class NotLookedAt extends Error {}

/**
 * Runs every probe, whatever becomes of the others.
 * @returns the reports in the order of the probes; an unexpected error is a failed probe too
 */
export const runProbes = (
  setting: ProbeSetting,
  probes: Readonly<Record<string, Probe>>,
): Promise<readonly ProbeReport[]> =>
  Promise.all(
    Object.entries(probes).map(async ([name, probe]) => ({ name, ...(await probe(setting).catch(failedWith)) })),
  );

function failedWith(error: unknown): ProbeResult {
  if (error instanceof NotLookedAt) {
    const { message: unread } = error;
    return { ...warn(`Not looked at: the ${unread} cannot be read.`, `Put the ${unread} right first.`), unread };
  }
  if (!(error instanceof PromptOsError)) return fail(messageOf(error), 'Report this with what it says.');
  return fail(error.summary, error.message.slice(error.summary.length).trim());
}

/** Whoever reads it has its own probe, which says what is wrong with it. */
const unread = (what: string) => (): never => {
  throw new NotLookedAt(what);
};

export const readablePolicy = ({ files }: ProbeSetting): Promise<PolicyFile> =>
  readPolicy(files.policy).catch(unread('policy'));

export const readableWorker = ({ files }: ProbeSetting): Promise<WorkerConfig> =>
  readWorkerConfig(files.workerConfig).catch(unread('worker config'));

/** Null when its own probe says what is wrong with it. */
export const workerOrNull = (setting: ProbeSetting): Promise<WorkerConfig | null> =>
  readableWorker(setting).catch(() => null);

/**
 * The keys of a policy, by the names that a worker config gives their signers; without the names that have none.
 * @throws PromptOsError POLICY_INVALID
 */
export function listedKeys(policy: Policy): Readonly<Record<string, readonly PinnedKey[]>> {
  const engine = policy.engine.keys.map(pinKey);
  return { ...pinKeys(policy), ...(engine.length === 0 ? {} : { [ENGINE_SIGNER]: engine }) };
}

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

/**
 * Reads the policy. A name under `waivable` that is no rule waives nothing. Readers accept it, since a policy may be from
 * a version with other rules.
 */
export const policyProbe: Probe = async ({ files }) => {
  const { policy, sha256 } = await readPolicyInForce(files.policy);
  listedKeys(policy);
  const problems = policy.waivable
    .filter((rule) => !Object.hasOwn(RULE_TEXTS, rule))
    .map((rule) => `there is no rule "${rule}".${suggestName(rule, Object.keys(RULE_TEXTS))}`);
  if (problems.length > 0)
    return warn(`waivable: ${problems.join(' ')}`, 'Correct `waivable` in policy.yaml; docs/rules.md has every rule.');
  return ok(`${policy.name}, sha256:${sha256}`);
};

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

const COLORS = { ok: 'green', warn: 'yellow', fail: 'red' } as const satisfies Record<ProbeStatus, string>;
const NAME_WIDTH = 16;
const INDENT = ' '.repeat(6 + NAME_WIDTH);

/** Shows what each probe found, and once for each reason which ones did not look. */
export function showReports(output: Output, reports: readonly ProbeReport[]): void {
  for (const report of reports) if (report.unread === undefined) showReport(output, report);
  for (const unread of new Set(reports.flatMap((report) => report.unread ?? []))) {
    const [first, ...others] = reports.filter((report) => report.unread === unread);
    if (first === undefined) continue;
    const names = [first, ...others].map(({ name }) => name).join(', ');
    showReport(output, { ...first, name: 'not looked at', message: `${names}: the ${unread} cannot be read` });
  }
}

/** Shows what a probe found, and the next step. */
export function showReport(output: Output, { name, status, message, next }: ProbeReport): void {
  const mark = status.padEnd(4);
  const shown = output.color ? styleText(COLORS[status], mark) : mark;
  output.say(`${shown}  ${name.padEnd(NAME_WIDTH)}${message.replaceAll('\n', `\n${INDENT}`)}`);
  if (next !== undefined) output.say(`${INDENT}→ ${next}`);
}
