import picomatch from 'picomatch/posix.js';
import { PromptOsError } from '../../contracts/errors.js';
import { own, sameJson } from '../../contracts/json.js';
import { type ExecutorRole, GATES, type GateId, gateIndex } from '../../contracts/names.js';
import type { Policy } from '../../contracts/policy/policy.js';
import type { PromptPackBundle } from '../../contracts/prompt-pack.js';
import type { GovernedRunInput, RunPlan } from '../../contracts/run/run-plan.js';
import type { RunRequest } from '../../contracts/run/run-request.js';
import { suggestName } from '../../contracts/sentences.js';
import { checkPlainVariables } from '../../rules/attempts/observations.js';
import { isBoundedGlob } from '../../rules/paths/read-glob.js';
import { checkReadableGlobs } from '../../rules/paths/stated-globs.js';
import { runRequestStatement } from '../attest/acts.js';
import { openEnvelope } from '../attest/envelope.js';
import { PREDICATES, readStatement } from '../attest/statement.js';
import { pinKey, pinKeys, readEnvelope } from './authenticate.js';
import { checkDuties, type ExecutorProcess, findClashes, plannedDuties } from './separation.js';

/*
 * What a start must satisfy. `promptos dev` asks before it starts anything, `openRun` asks again, since it trusts no
 * client, and each worker asks about trust again at each gate.
 */

/** The policies that a worker trusts. */
export interface PolicyTrust {
  /** SHA-256 of their bytes. */
  readonly digests: ReadonlySet<string>;
  /** Whose trust it is, for messages: `this worker`, or the path of a worker config. */
  readonly by: string;
  /** What messages list as trusted; the digests when absent. */
  readonly listed?: readonly string[];
}

/** The policy of a run, as messages name it. */
export interface NamedPolicy {
  readonly policy: Policy;
  readonly sha256: string;
  /** A path; null for a policy that was read from the store. */
  readonly path: string | null;
}

/** What a run was started with. */
export interface StartFacts extends NamedPolicy {
  readonly run: Pick<GovernedRunInput, 'developer' | 'target_repo' | 'gates' | 'prompt_os_version'>;
  readonly pack: Pick<PromptPackBundle, 'prompt_os_version'> & { readonly digest: string };
  readonly trust: PolicyTrust;
}

/** @throws PromptOsError POLICY_NOT_TRUSTED */
export function requireTrustedPolicy(
  { sha256, path }: Pick<NamedPolicy, 'sha256' | 'path'>,
  { digests, by, listed }: PolicyTrust,
): void {
  if (digests.has(sha256)) return;
  const known = (listed ?? [...digests]).join(', ') || 'none';
  const policy = path === null ? `sha256:${sha256}` : `${path} (sha256:${sha256})`;
  throw new PromptOsError('POLICY_NOT_TRUSTED', `The policy ${policy} is not among those that ${by} trusts: ${known}.`);
}

/**
 * Judges whether a trusted policy is the law of this repository and takes this prompt pack. A policy that is laxer, and
 * trusted for another repository, must not judge this one.
 * @throws PromptOsError POLICY_NOT_FOR_REPOSITORY, PACK_NOT_TRUSTED
 */
export function requirePolicyOfRun(
  { policy, path }: Pick<NamedPolicy, 'policy' | 'path'>,
  repository: string,
  pack: { readonly digest: string },
): void {
  if (!governsRepository(policy, repository)) {
    throw new PromptOsError(
      'POLICY_NOT_FOR_REPOSITORY',
      `The policy "${policy.name}" governs ${(policy.repositories ?? []).join(', ')}, and the run is of ${repository}.`,
    );
  }
  if (policy.prompt_packs.includes(pack.digest)) return;
  throw new PromptOsError(
    'PACK_NOT_TRUSTED',
    `The prompt pack has the digest ${pack.digest}; the policy ${path ?? `"${policy.name}"`} trusts ${policy.prompt_packs.join(', ')}.`,
  );
}

/** Whether a policy governs a repository, by the name that runs call it. Policies that name none govern any. */
export const governsRepository = ({ repositories }: Pick<Policy, 'repositories'>, name: string): boolean =>
  repositories === undefined ||
  repositories.some((pattern) => pattern === '*' || pattern === name || matchesName(pattern, name));

/** Names of repositories are not paths: a pattern has the plain language of picomatch. */
const matchesName = (pattern: string, name: string): boolean =>
  isBoundedGlob(pattern) && picomatch(pattern, { dot: true })(name);

/**
 * What a run id is taken for: a trusted policy of this repository and pack, without credentials, that knows the developer.
 * A start without them is refused and leaves no tree.
 * @throws PromptOsError POLICY_NOT_TRUSTED, POLICY_NOT_FOR_REPOSITORY, PACK_NOT_TRUSTED, POLICY_INVALID, DEVELOPER_UNKNOWN
 */
export function acceptStart(facts: StartFacts): void {
  const { run, policy, pack, trust } = facts;
  requireTrustedPolicy(facts, trust);
  requirePolicyOfRun(facts, run.target_repo, pack);
  // The published tree would show them.
  checkPlainVariables(policy);
  requireKnownDeveloper(run.developer, policy);
}

/** Where requests must be signed, the developer must be a principal, whose keys the policy has. */
function requireKnownDeveloper(developer: string, { decisions, principals }: Policy): void {
  if (decisions.authentication !== 'required' || own(principals, developer) !== undefined) return;
  throw new PromptOsError(
    'DEVELOPER_UNKNOWN',
    `The policy asks for signatures, and "${developer}" is none of its principals: ${Object.keys(principals).join(', ')}.`,
  );
}

/** What is asked for under an accepted policy. */
export interface RequestedFacts {
  readonly request: RunRequest;
  /** The executors that are known already. */
  readonly executors?: Partial<Record<ExecutorRole, ExecutorProcess>>;
  /** How messages call the gates that were given. */
  readonly receivedGates?: string;
}

/**
 * What an accepted start must satisfy besides, so that the run opens: gates, checks, globs, the pack's version and separate
 * duties. The engine ends a run without them as failed, with a tree.
 * @throws PromptOsError GATE_ORDER, GATE_REQUIRED, CHECK_UNKNOWN, REQUEST_INVALID, POLICY_INVALID, DUTIES_CLASH
 */
export function admitRequest(
  { run, policy, pack }: StartFacts,
  { request, executors = {}, receivedGates }: RequestedFacts,
): void {
  checkGateSelection(run.gates, policy, receivedGates);
  requireKnownChecks(request, policy);
  checkReadableGlobs(request, policy);
  requireVersionOfPack(run.prompt_os_version, pack);
  const { writer, verifier, reviewer, integrator } = policy.roles;
  const duties = plannedDuties(
    { principals: { writer, verifier, reviewer }, integrators: integrator, keys: pinKeys(policy) },
    executors,
    policy.engine.keys.map((key) => pinKey(key).keyid),
  );
  checkDuties(findClashes(duties, policy.separation));
}

/**
 * Judges the gates that a run is to walk: ascending, none twice, the needs of each and the policy's required ones
 * among them.
 * @param received how messages call what was given
 * @throws PromptOsError GATE_ORDER, GATE_REQUIRED
 */
export function checkGateSelection(
  gates: readonly GateId[],
  policy: Pick<Policy, 'name' | 'required_gates'>,
  received = `received the gates ${gates.join(',')}`,
): void {
  for (const [index, gate] of gates.entries()) {
    const before = gates[index - 1];
    if (before === undefined || gateIndex(before) < gateIndex(gate)) continue;
    const problem = gates.indexOf(gate) < index ? `${gate} is named twice` : `${gate} comes after ${before}`;
    throw new PromptOsError('GATE_ORDER', `${received}, where ${problem}.`);
  }
  const needed = gates.flatMap((gate) =>
    GATES[gate].needs.filter((need) => !gates.includes(need)).map((need) => `${gate} needs ${need}`),
  );
  const missing = policy.required_gates.filter((gate) => !gates.includes(gate));
  const required = missing.length === 0 ? [] : [`the policy "${policy.name}" requires ${missing.join(', ')}`];
  if (needed.length + required.length === 0) return;
  throw new PromptOsError('GATE_REQUIRED', `${received}, but ${[...needed, ...required].join(', ')}.`);
}

/** Every check that a request or one of its criteria names must be a check of the policy. */
function requireKnownChecks(request: RunRequest, policy: Policy): void {
  const known = Object.keys(policy.checks);
  const uses = [
    ...request.checks.map((check) => ({ check, by: 'checks' })),
    ...request.task.acceptance_criteria.flatMap(({ id, check }) => (check === undefined ? [] : [{ check, by: id }])),
  ];
  const unknown = uses.filter(({ check }) => !known.includes(check));
  if (unknown.length === 0) return;
  const problems = unknown.map(({ check, by }) => `${by} names the check "${check}".${suggestName(check, known)}`);
  throw new PromptOsError(
    'CHECK_UNKNOWN',
    `${problems.join(' ')} The policy "${policy.name}" has ${known.length === 0 ? 'no checks' : `the checks ${known.join(', ')}`}.`,
  );
}

/** The version is part of the prompt session, so it is the pack's own and not what a caller says. */
function requireVersionOfPack(version: string, { prompt_os_version }: StartFacts['pack']): void {
  if (version === prompt_os_version) return;
  throw new PromptOsError(
    'REQUEST_INVALID',
    `The run was started as PromptOS ${version}, and its prompt pack is ${prompt_os_version}.`,
  );
}

/**
 * Judges the starter's signature over a run. Where decisions must be signed, so must the request, by a key of the
 * developer, who must be a principal of the policy. The engine asks when a run opens, the verifier asks again.
 * @param content the envelope as it was read, whatever it is; null when the run names none
 * @returns who signed, or null for a request that an optional policy lets through unsigned
 * @throws PromptOsError REQUEST_NOT_SIGNED, DEVELOPER_UNKNOWN, SIGNATURE_INVALID
 */
export function judgeRequest(run: GovernedRunInput, policy: Policy, content: unknown): RunPlan['request_signed_by'] {
  requireKnownDeveloper(run.developer, policy);
  if (run.request_attestation_sha256 === null) {
    if (policy.decisions.authentication !== 'required') return null;
    throw new PromptOsError(
      'REQUEST_NOT_SIGNED',
      `The policy asks for a signed request; ${run.developer} signed none.`,
    );
  }
  const invalid = (why: string) =>
    new PromptOsError('SIGNATURE_INVALID', `The request's signature does not count: ${why}.`);
  const envelope = readEnvelope(content);
  if (envelope === null) throw invalid('it is no envelope');
  const opened = openEnvelope(envelope, own(pinKeys(policy), run.developer) ?? []);
  if (!opened.ok) throw invalid(`${opened.problem} (${opened.detail}) for a key of ${run.developer}`);
  const signedAt = readStatement(opened.payload, PREDICATES.runRequest)?.predicate.signedAt;
  if (typeof signedAt !== 'string') throw invalid('it states something else');
  // Everything that a run is bound to, so whatever differs is another run's.
  if (!sameJson(opened.payload, runRequestStatement(run, signedAt))) {
    throw invalid('it is about another run');
  }
  return { principal: run.developer, keyid: opened.keyid };
}
