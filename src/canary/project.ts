import type { GateOutputs } from '../contracts/answers/gate-outputs.js';
import type { Policy } from '../contracts/policy/policy.js';
import { type RunRequest, runRequestSchema } from '../contracts/run/run-request.js';

/** What a file becomes: its text, nothing (deleted), or a symbolic link. */
type Edit = string | null | { readonly link: string };
export type Edits = Readonly<Record<string, Edit>>;

/** The name of the throw-away repository in the worker config, the policy and the runs. */
export const CANARY_REPOSITORY = 'canary';
/** The path of the project's test. */
export const TEST_PATH = 'test/split.test.js';
/** The path of a test that the built-in policy does not protect. */
export const OTHER_TEST_PATH = 'spec/one.spec.js';

/** The path of a file that the project's instructions for agents import. */
export const IMPORTED_PATH = 'style/names.md';

export const TEST_TEXT = `const assert = require('node:assert');
const { test } = require('node:test');
const { split } = require("../src/split.js");

test('split: equal parts', () => {
  assert.deepStrictEqual(split(90, 3), [30, 30, 30]);
});

test('split: one part is the total', () => {
  assert.deepStrictEqual(split(7, 1), [7]);
});
`;

const LICENSED = '// Copyright 2026 The Split Authors\n// SPDX-License-Identifier: Apache-2.0\n';
const SPLIT = `${LICENSED}
exports.split = (total, parts) => Array.from({ length: parts }, () => total / parts);
`;

/** The manifest, with more fields where they are given. */
export const manifest = (more: Readonly<Record<string, unknown>> = {}): string =>
  `${JSON.stringify({ name: 'split', version: '1.0.0', private: true, scripts: { test: 'node --test' }, ...more }, null, 2)}\n`;

export const CI_TEXT = 'on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: npm test\n';
export const coverageConfig = (lines: number): string =>
  `module.exports = { test: { coverage: { thresholds: { lines: ${lines} } } } };\n`;

/** The files of the throw-away repository. */
export const PROJECT_FILES: Readonly<Record<string, string>> = {
  'README.md': '# Split\n\nSplits a total into parts.\n',
  'AGENTS.md': `Keep to @${IMPORTED_PATH} in each change.\n`,
  [IMPORTED_PATH]: 'Names are whole words.\n',
  'package.json': manifest(),
  'requirements.txt': 'requests==2.32.3\n',
  'src/split.js': SPLIT,
  [TEST_PATH]: TEST_TEXT,
  [OTHER_TEST_PATH]: TEST_TEXT,
  'vitest.config.js': coverageConfig(80),
  '.github/workflows/ci.yml': CI_TEXT,
};

/** The change that was asked for, without any violation. */
export const HONEST_SPLIT = `${LICENSED}
exports.split = (total, parts) => {
  const least = Math.floor(total / parts);
  const left = total - least * parts;
  return Array.from({ length: parts }, (_, index) => (index < left ? least + 1 : least));
};
`;
export const HONEST_EDITS: Edits = {
  'src/split.js': HONEST_SPLIT,
  'README.md': '# Split\n\nSplits a total into parts. The first parts get the rest.\n',
};

export const HONEST_REQUEST: RunRequest = runRequestSchema.parse({
  context: {
    project: 'split',
    description: 'Splits a total into parts.',
    stack: ['node'],
    constraints: [{ id: 'C1', text: 'Parts are whole numbers.' }],
    goal: 'The parts add up to the total.',
  },
  task: {
    title: 'Hand out the rest',
    description: 'The parts must add up to the total.',
    acceptance_criteria: [{ id: 'AC1', text: 'The parts add up to the total.', check: 'tests' }],
  },
  scope: { allow: ['**'], deny: ['docs/**'] },
});

/** What P00 and P01 say of a request that they take as it is. */
export const restated = (
  { context, task, scope }: RunRequest,
  deliverables: readonly string[],
): Pick<GateOutputs, 'P00' | 'P01'> => ({
  P00: {
    project: context.project,
    summary: context.description,
    goal: context.goal,
    stack: context.stack,
    constraints: context.constraints,
    assumptions: [],
  },
  P01: {
    title: task.title,
    objective: context.goal,
    deliverables: [...deliverables],
    acceptance_criteria: task.acceptance_criteria,
    scope,
    exclusions: [],
  },
});

/** An honest answer of each gate. */
export const HONEST_OUTPUTS: GateOutputs = {
  ...restated(HONEST_REQUEST, ['src/split.js']),
  P03: {
    summary: 'Hand out the rest, one by one.',
    components: [{ name: 'split', responsibility: 'Splits.', files: Object.keys(HONEST_EDITS) }],
    interfaces: [],
    data_flow: 'total and parts in, parts out',
    alternatives: [
      { name: 'fractions', description: 'Keep fractions.', rejected_because: 'Parts are whole.' },
      { name: 'last part', description: 'The last part gets the rest.', rejected_because: 'It may be large.' },
    ],
    risks: [],
    open_questions: [],
    rollback: { steps: ['Revert the commit.'], irreversible: [] },
    security_impact: { level: 'none', statement: 'It computes with numbers alone.' },
  },
  P05: { summary: 'The rest is handed out.', criteria: [{ id: 'AC1', how: 'One more each.' }], notes: [] },
  P06: {
    verdict: 'pass',
    summary: 'The criterion is met.',
    criteria: [{ id: 'AC1', met: true, evidence: 'The check tests.' }],
    findings: [],
  },
  P07: { verdict: 'pass', summary: 'It held.', attacks: ['a total below the parts in src/split.js'], findings: [] },
};

/** What a policy decides on that rules judge by; the rest of a canary's policy is our own. */
export type JudgingPolicy = Pick<Policy, 'protected_paths' | 'protected_tests' | 'agent_files'> & {
  readonly limits: Pick<Policy['limits'], 'patch_bytes' | 'patch_files'>;
};

const BUILT_IN = { protected_tests: ['test/**'] };

/** The policy that canaries are planted under, as a document: the given parts, and principals and a check of our own. */
export const canaryPolicy = (packSha256: string, judging: Partial<JudgingPolicy> = BUILT_IN): object => ({
  schema_version: 1,
  name: 'canary',
  prompt_packs: [packSha256],
  principals: {
    developer: { kind: 'human' },
    integrator: { kind: 'human' },
    writer: { kind: 'agent' },
    verifier: { kind: 'agent' },
    reviewer: { kind: 'agent' },
  },
  roles: { writer: 'writer', verifier: 'verifier', reviewer: 'reviewer', integrator: ['integrator'] },
  decisions: { authentication: 'optional' },
  attestations: 'optional',
  checks: { tests: { argv: ['node', '--test'], timeout: '60s' } },
  ...judging,
});
