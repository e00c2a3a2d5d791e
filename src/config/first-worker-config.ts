import { EXECUTOR_ROLES } from '../contracts/names.js';
import { checkName, FIRST_AGENTS, inlineYaml, type ProjectSetup } from './first-policy.js';

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

# Only runs under these policies are carried out: paths, read anew each time, or sha256:… digests.
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

# How each agent of the policy does its gates. The prompt arrives on standard input, the current folder is a throwaway
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
#     # Where its answer is in what it prints: the last block fenced as json.
#     answer: { fence: json }`,
).join('\n')}

# Which of the policy's checks may run on this worker; "*" for all of them.
checks:
  allow: ${inlineYaml(setup.checks.map((check) => checkName(check, setup.checks)))}
`;
