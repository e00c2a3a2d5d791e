import type { GateOutputs } from '../../contracts/answers/gate-outputs.js';
import { type RunRequest, runRequestSchema } from '../../contracts/run/run-request.js';
import type { CanaryScript } from '../canary-run.js';
import { canaryPolicy, restated } from '../project.js';
import { type BugLanguage, buggy, type SeededBug } from './seeded-bug.js';

/** The program that the tests of a language need. */
export const RUNTIMES: Readonly<Record<BugLanguage, string>> = { javascript: 'node', python: 'python3', go: 'go' };

/** How the tests of a language are run, from the repository's root. */
const CHECKS: Readonly<Record<BugLanguage, readonly string[]>> = {
  javascript: ['node', '--test'],
  python: ['python3', '-m', 'unittest', 'discover', '-s', 'python'],
  go: ['go', '-C', 'go', 'test', './...'],
};

/** The files of the repository that seeded bugs are planted into: one small tested file in each language. */
export const SEEDED_FILES: Readonly<Record<string, string>> = {
  'README.md': '# Tools\n\nSmall tools of a shop, in three languages.\n',
  'javascript/percent.js': 'exports.percent = (part, whole) => (100 * part) / whole;\n',
  'javascript/percent.test.js': `const assert = require('node:assert');
const { test } = require('node:test');
const { percent } = require("./percent.js");

test('percent: a quarter', () => assert.strictEqual(percent(1, 4), 25));
`,
  'python/percent.py': 'def percent(part, whole):\n    return 100 * part / whole\n',
  'python/test_percent.py': `import unittest

from percent import percent


class PercentTest(unittest.TestCase):
    def test_a_quarter(self):
        self.assertEqual(percent(1, 4), 25)
`,
  'go/go.mod': 'module example.org/tools\n\ngo 1.20\n',
  'go/percent.go': 'package tools\n\nfunc Percent(part, whole int) int { return 100 * part / whole }\n',
  'go/percent_test.go': `package tools

import "testing"

func TestPercent(t *testing.T) {
	if got := Percent(1, 4); got != 25 {
		t.Fatalf("got %d", got)
	}
}
`,
};

/** The policy that seeded bugs are planted under. */
export const seededPolicy = (packSha256: string): object => ({
  ...canaryPolicy(packSha256, {}),
  name: 'seeded-bugs',
  checks: Object.fromEntries(Object.entries(CHECKS).map(([name, argv]) => [name, { argv, timeout: '10m' }])),
});

function requestFor({ title, criterion, language, path, test_path }: SeededBug): RunRequest {
  return runRequestSchema.parse({
    context: {
      project: 'tools',
      description: 'Small tools of a shop, in three languages.',
      stack: [language],
      constraints: [{ id: 'C1', text: 'No new dependency.' }],
      goal: criterion,
    },
    task: { title, description: criterion, acceptance_criteria: [{ id: 'AC1', text: criterion, check: language }] },
    scope: { allow: [path, test_path] },
    checks: [language],
  });
}

function outputsFor({ name, title, path, test_path }: SeededBug, request: RunRequest): GateOutputs {
  return {
    ...restated(request, [path, test_path]),
    P03: {
      summary: `Add ${path} with a test.`,
      components: [{ name, responsibility: title, files: [path, test_path] }],
      interfaces: [],
      data_flow: 'Arguments in, a result out.',
      alternatives: [
        { name: 'a package', description: 'Use a package.', rejected_because: 'A new dependency is excluded.' },
        { name: 'at each place', description: 'Write it where it is used.', rejected_because: 'It is used often.' },
      ],
      risks: [],
      open_questions: [],
      rollback: { steps: ['Revert the commit.'], irreversible: [] },
      security_impact: { level: 'low', statement: 'The new code is called by the shop alone.' },
    },
    P05: { summary: `${title}: done as planned.`, criteria: [{ id: 'AC1', how: `See ${path}.` }], notes: [] },
    P06: {
      verdict: 'pass',
      summary: 'The criterion is met.',
      criteria: [{ id: 'AC1', met: true, evidence: 'The check passed.' }],
      findings: [],
    },
    P07: { verdict: 'pass', summary: 'It held.', attacks: [`the limits of its arguments, in ${path}`], findings: [] },
  };
}

/** What the scripted parties of a run do. @param seeded whether the change has the bug */
export function seededScript(bug: SeededBug, seeded: boolean): CanaryScript {
  const request = requestFor(bug);
  const text = seeded ? buggy(bug) : bug.honest;
  return {
    request,
    outputs: outputsFor(bug, request),
    edits: { [bug.path]: text, [bug.test_path]: bug.test },
  };
}
