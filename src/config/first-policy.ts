import { stringify } from 'yaml';
import { ENGINE_SIGNER } from '../contracts/config/signer-config.js';
import { EXECUTOR_ROLES, type ExecutorRole, GATE_IDS } from '../contracts/names.js';
import type { FoundCheck } from './project-kinds.js';
import type { FoundSetup } from './project-setup.js';

export interface ProjectSetup {
  readonly repository: string;
  /** From the `.promptos` folder to the repository's top. */
  readonly repositoryPath: string;
  readonly developer: string;
  readonly integrator: string;
  /** Whether the developer decides on runs that they started themselves. */
  readonly alone: boolean;
  readonly checks: readonly FoundCheck[];
  readonly setup: readonly FoundSetup[];
  readonly scope: readonly string[];
  readonly packDigest: string;
  /** The lines of public keys, by whom they speak for: everyone with a duty, and `engine`. */
  readonly publicKeys: Readonly<Record<string, string>>;
  /** The worker's own private keys by name, as paths relative to the worker config's folder. */
  readonly signers: Readonly<Record<string, string>>;
  /** The coding agent that does every role; null when its user puts programs into the worker config. */
  readonly agent: FirstAgent | null;
}

/** The coding agent, or the model, that `init` sets up. */
export interface FirstAgent {
  readonly kind: 'preset' | 'acp' | 'model';
  /** As it is written, for each role. */
  readonly executor: object;
  /** Whether its keys and hosts are among what is written. */
  readonly complete: boolean;
}

/** The principals that the first policy gives the executor roles. */
export const FIRST_AGENTS: Readonly<Record<ExecutorRole, string>> = {
  writer: 'writer-agent',
  verifier: 'verifier-agent',
  reviewer: 'reviewer-agent',
};

/** A scalar or list on one line, quoted where YAML would read something else than a text. */
const inlineYaml = (value: string | readonly string[]): string =>
  stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false }).trim();

/** The name of a found check in the policy: `tests` when there is one, else with the kind of project. */
export const checkName = (check: FoundCheck, checks: readonly FoundCheck[]): string =>
  checks.length === 1 ? 'tests' : `${check.kind}-tests`;

const humans = ({ developer, integrator }: ProjectSetup): readonly string[] => [...new Set([developer, integrator])];

const keysYaml = ({ publicKeys }: ProjectSetup, name: string, indent: string): string =>
  `${indent}keys:\n${indent}  - public: ${inlineYaml(publicKeys[name] ?? '')}`;

const principalYaml = (setup: ProjectSetup, name: string, kind: 'human' | 'agent'): string =>
  `  ${inlineYaml(name)}:\n    kind: ${kind}\n${keysYaml(setup, name, '    ')}`;

function selfApproval({ alone, developer }: ProjectSetup): string {
  return alone
    ? `# ${developer} is alone here and decides on runs that ${developer} started. The record and the pull request say so.
self_approval: allowed`
    : `# The developer of a run does not decide on it. \`allowed\` is for a team of one; the record then says so.
self_approval: refused`;
}

function reportYaml({ report }: FoundCheck): string {
  if (report === undefined) {
    return '\n    # No report: this runner is not known. Name one (docs/executors.md, "Reports") so that lost tests are noticed.';
  }
  const path = report.path === undefined ? '' : `, path: ${report.path}`;
  return `\n    report: { format: ${report.format}${path} }`;
}

/** Without a check that says so, where tests usually are. */
const USUAL_TESTS = ['**/{test,tests,__tests__,spec,testdata}/**'];

const protectedTests = ({ checks }: ProjectSetup): readonly string[] =>
  checks.length === 0 ? USUAL_TESTS : [...new Set(checks.flatMap(({ tests }) => tests))];

function checksYaml({ checks }: ProjectSetup): string {
  const heading = `# Commands that prove something: argument lists, run unchanged in a fresh checkout of the base commit plus the patch.
# They are pinned with this policy; a worker's config only grants them by name.
# made_of: what decides what the command runs and no change needs. Out of every scope, so that the judged cannot edit the
# judge. Manifests and lock files that exist are under protected_tests instead, so that dependencies can be changed.
# env: variables that the command sees, such as { NODE_ENV: test }; they are published, so never a secret.
# report: where the command reports its tests. No executed test, or fewer than on the base commit, fails. Without it only
# the exit code counts: a program that ends early with code 0 passes.`;
  if (checks.length === 0) {
    return `${heading}
# No test command was found. A run without a check fails at P06: put one here, and its name under default_checks.
# checks:
#   tests:
#     argv: [make, test]
#     timeout: 10m
#     made_of: [Makefile]
checks: {}
default_checks: []`;
  }
  const entries = checks.map(
    (check) => `${check.note === undefined ? '' : `  # ${check.note}\n`}  ${checkName(check, checks)}:
    argv: ${inlineYaml(check.argv)}
    timeout: 20m
    made_of: ${inlineYaml(check.made_of)}${reportYaml(check)}`,
  );
  return `${heading}
checks:
${entries.join('\n')}

# P00 runs the checks on the base commit, before any change. One that fails there is noted; \`block\` fails P00, \`off\` does
# not run them.
baseline: note

# The checks and the scope of a run that is started without a request file.
default_checks: ${inlineYaml(checks.map((check) => checkName(check, checks)))}`;
}

function setupYaml({ setup }: ProjectSetup): string {
  const heading = `# What a checkout needs before agents and checks can work in it: commands that run in the sandbox, in this order, on the base
# commit. What they make is kept for the bytes of key_files, and is no part of a patch (docs/setup.md). The worker's config
# grants them by name, and the hosts.`;
  if (setup.length === 0) {
    return `${heading}
# Nothing was found that must be installed.
# setup:
#   install:
#     argv: [npm, ci]
#     timeout: 20m
#     network: { hosts: [registry.npmjs.org] }
#     key_files: ['**/package.json', package-lock.json]
setup: {}`;
  }
  const entries = setup.map(
    ({ name, argv, key_files, hosts, env = {}, note }) => `${note === undefined ? '' : `  # ${note}\n`}  ${name}:
    argv: ${inlineYaml(argv)}
    timeout: 20m
    network: { hosts: ${inlineYaml(hosts)} }
    key_files: ${inlineYaml(key_files)}${variablesYaml(env)}`,
  );
  return `${heading}\nsetup:\n${entries.join('\n')}`;
}

function variablesYaml(env: Readonly<Record<string, string>>): string {
  const lines = Object.entries(env).map(([name, value]) => `\n      ${name}: ${stringify(value).trim()}`);
  return lines.length === 0
    ? ''
    : `\n    # Agents and checks have these variables too; {checkout} is the folder of the checkout.\n    env:${lines.join('')}`;
}

/** One agent for all roles is one program with the same arguments, which the default refuses. */
const separationYaml = ({ agent }: ProjectSetup): string =>
  agent === null
    ? ''
    : `
# Writer, verifier and reviewer are three principals with three keys, and each call is a session of its own; all run the
# same program. The record says so. Without this line no two roles may have the same program with the same arguments:
# give them another agent or model in worker.yaml, and take the line away.
separation: { executors: any }
`;

/** The text of a repository's first `policy.yaml`. Pure; it loads with `parsePolicyBytes`. */
export const renderFirstPolicy = (
  setup: ProjectSetup,
): string => `# The policy of this repository: who may do what, and what must hold. Commit it: a run pins the digest of this file when
# it starts. \`promptos doctor\` checks it.
schema_version: 1
name: ${inlineYaml(setup.repository)}

# The repositories that this policy governs, by the names that worker configs give them; globs such as \`billing-*\` are
# allowed. Runs of any other repository are refused, and do not verify under this policy.
repositories: ${inlineYaml([setup.repository])}

# Everyone who may have a duty, by the name that is typed after --developer and --as, and the public keys that speak for
# them. A key may have valid_from, valid_until and revoked_at; never take an old one away (docs/keys.md, "Changing a key").
principals:
${humans(setup)
  .map((name) => principalYaml(setup, name, 'human'))
  .join('\n')}
${EXECUTOR_ROLES.map((role) => principalYaml(setup, FIRST_AGENTS[role], 'agent')).join('\n')}

# The engine's key seals the ledger and signs the run record. It cannot approve anything.
engine:
${keysYaml(setup, ENGINE_SIGNER, '  ')}

# People's decisions count only with their signature. \`optional\` lets unsigned ones count; the record then says so.
decisions: { authentication: required }

# The worker that does a gate signs its result with the key of the gate's principal. \`optional\` as above.
attestations: required

# The writer makes, the verifier audits, the reviewer attacks; an integrator is a human and decides. No principal holds
# two roles.
roles:
${EXECUTOR_ROLES.map((role) => `  ${role}: ${FIRST_AGENTS[role]}`).join('\n')}
  integrator: ${inlineYaml([setup.integrator])}
${separationYaml(setup)}
${selfApproval(setup)}

# Gates that no run may leave out. Each of them needs one approval unless \`approvals\` asks for more, such as
# \`approvals: { P05: 2 }\`.
required_gates: [${GATE_IDS.join(', ')}]

limits:
  # Send-backs of a run before it escalates.
  rework_rounds: 3
  # Tries for an output that does not parse.
  output_tries: 3
  patch_bytes: 1000000
  patch_files: 200

# How long a run waits for a human before it reminds, escalates, and ends as expired. No timer ever approves.
deadlines:
  remind: 24h
  escalate: 72h
  expire: 14d

# Rules whose findings an integrator may waive in an escalation. A possible secret is waived by its fingerprint, with a
# reason; a secret of a known format never is.
waivable: [secret_candidates]

${checksYaml(setup)}
default_scope:
  allow: ${inlineYaml(setup.scope)}
  deny: []

# Out of every scope, whatever a request says. The files that checks are made of are added. docs/globs.md has the language.
protected_paths: ['.promptos/**']

# Tests, and what decides how they run, manifests and lock files included. New files are fine. A change of one that existed before fails and escalates unless
# the plan names the file, and then the approver must acknowledge it.
protected_tests: ${inlineYaml(protectedTests(setup))}

${setupYaml(setup)}

# Digests of the prompt packs that may be used; \`promptos prompts list\` prints a pack's. This is the built-in one.
prompt_packs:
  - ${inlineYaml(setup.packDigest)}
`;

const executorsYaml = ({ agent }: ProjectSetup): string =>
  agent === null
    ? `# How each agent of the policy does its gates. The prompt arrives on standard input, the current folder is a throwaway
# checkout. Put your agent in the place of \`my-agent\` and take the marks away; docs/executors.md shows several agents.
# A bare name is found on PATH, ./program in this folder. No two may have the same program with the same arguments
# (another model, another system prompt will do), unless the policy says \`separation: { executors: any }\`.
# executors:
${EXECUTOR_ROLES.map(
  (role) => `#   ${FIRST_AGENTS[role]}:
#     kind: command
#     argv: [my-agent, --print]
#     timeout: 30m
#     # Variables of the worker's own environment that pass; put the name of your agent's key here.
#     env: { allow: [PATH, LANG, LC_ALL, TMPDIR] }
#     # The hosts that it must reach, such as the one of its model. Without this line it reaches none.
#     network: { hosts: [api.example.com] }
#     # Where its answer is in what it prints: the last block fenced as json.
#     answer: { fence: json }`,
).join('\n')}`
    : `# How each agent of the policy does its gates. ${agentComment(agent)}
executors:
${EXECUTOR_ROLES.map((role) => `  ${FIRST_AGENTS[role]}:${agentYaml(agent)}`).join('\n')}`;

const PRESET_COMMENT = `A preset is a coding agent whose command line promptos knows; docs/agents has
# a page for each. \`model\` asks for another model than the agent's default, \`env\` passes or sets further variables.
# \`kind: command\` is any other program (docs/executors.md).`;

const MODEL_COMMENT = `A model that promptos calls by its API; docs/agents/model.md has the
# settings. \`edits: diff\` and \`edits: files\` are for models that cannot call tools.`;

function agentComment(agent: FirstAgent): string {
  if (agent.kind === 'acp') return acpComment(agent);
  return agent.kind === 'preset' ? PRESET_COMMENT : MODEL_COMMENT;
}

const acpComment = ({ complete }: FirstAgent): string =>
  `Each is a program that speaks the Agent Client
# Protocol (docs/agents/acp.md). \`permissions\` is the answer to what it asks leave for: everything is allowed without it.${
    complete
      ? ''
      : `
# TO DO: add the names of the variables with the agent's key to \`env.allow\`, and the hosts that it must reach, such as the
# one of its model, as \`network: { hosts: [api.example.com] }\`. Without them it has no key and no network.`
  }`;

function agentYaml({ executor }: FirstAgent): string {
  if (Object.keys(executor).length <= 2) return ` ${stringify(executor, { collectionStyle: 'flow' }).trim()}`;
  const lines = stringify(executor, { lineWidth: 0 }).trimEnd().split('\n');
  return lines.map((line) => `\n    ${line}`).join('');
}

function hostsYaml({ setup }: ProjectSetup): string {
  const hosts = [...new Set(setup.flatMap((command) => command.hosts))];
  return hosts.length === 0 ? 'none' : `{ hosts: ${inlineYaml(hosts)} }`;
}

/** The text of a repository's first `worker.yaml`. Pure; it loads with `readWorkerConfig`. */
export const renderFirstWorkerConfig = (
  setup: ProjectSetup,
): string => `# What a worker may do for this repository. Relative paths are relative to this file's own folder.
schema_version: 1

# One process may serve all roles; a team runs one worker for each, with its own keys.
roles: [engine, ${EXECUTOR_ROLES.join(', ')}]

# Runs name a repository, never a path.
repositories:
  ${inlineYaml(setup.repository)}: { path: ${inlineYaml(setup.repositoryPath)} }

# Only runs under these policies are carried out: paths, read again each time, or sha256:… digests.
trust:
  policies: [policy.yaml]

# The private keys that this worker signs with, by principal; \`engine\` is the engine's. The files are not committed. A
# worker of one role needs that role's key alone; \`{ env: NAME }\` and \`{ agent: true }\` keep it out of files.
signers:
${Object.entries(setup.signers)
  .map(([name, file]) => `  ${inlineYaml(name)}: { file: ${inlineYaml(file)} }`)
  .join('\n')}

# Artifacts are kept in state/artifacts. \`store: { kind: fs, path: … }\` puts them elsewhere, and for several machines
# \`store: { kind: s3, bucket: …, prefix: … }\`; docs/stores.md says more.

${executorsYaml(setup)}

# Which of the policy's checks may run on this worker; "*" for all of them. They reach no network;
# \`network: { hosts: [packages.example.com] }\` would let them reach one host.
checks:
  allow: ${inlineYaml(setup.checks.map((check) => checkName(check, setup.checks)))}

# Which of the policy's set-up commands may run on this worker, and the most that they may reach.
setup:
  allow: ${inlineYaml(setup.setup.map(({ name }) => name))}
  network: ${hostsYaml(setup)}

# Agents and checks run in a sandbox: they see the system's programs and the checkout, not your files, keys and other
# repositories. Most toolchains are found; docs/sandbox.md says which must be named. \`sandbox: none\` runs them
# without one, and the record of each run then says so.
# sandbox: { readable: [/home/me/.nvm] }
`;
