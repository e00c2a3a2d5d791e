import { spawn } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import type { GateId } from '../../../src/contracts/names.js';
import type { ExecuteGateResult } from '../../../src/contracts/run/activities.js';
import { checksPolicy } from '../../support/checks-policy.js';
import { exampleOutputs } from '../../support/gate-outputs.js';
import { createGovernedRepository, type GovernedRepositoryOptions } from '../../support/governed-repository.js';
import { exampleRequest } from '../../support/run-request.js';
import { edits, outputs, type ScriptStep } from '../../support/scripted-executor.js';

const good = exampleOutputs();

const policyWith = (checks: string): string =>
  checksPolicy(`checks:
  tests: ${checks}`);

/** P05 by the writer, then P06, on a repository of its own. */
async function verify(build: ScriptStep, options: GovernedRepositoryOptions) {
  const given = await createGovernedRepository({ request: exampleRequest(), ...options });
  onTestFinished(() => given.remove());
  const inputs: Partial<Record<GateId, string>> = {};
  const steps: readonly (readonly ['P05' | 'P06', ScriptStep])[] = [
    ['P05', build],
    ['P06', outputs(good.P06)],
  ];
  let last: ExecuteGateResult | null = null;
  for (const [gate, step] of steps) {
    const input = given.input(gate, { inputs: { ...inputs } });
    given.executors.script(input.principal, step);
    last = await given.executeGate(input);
    inputs[gate] = last.output_sha256;
  }
  if (last === null) throw new Error('expected a result');
  const results = JSON.parse(await given.text(await given.record(last), 'evidence/test_results.json'));
  return { result: last, check: results.checks[0] };
}

/** Waits for a checkout with a file that says it runs a check, mends it at once, and restores it when asked to. */
const MENDER = `
const fs = require('node:fs'), path = require('node:path'), os = require('node:os');
const restore = process.argv[1] === 'restore';
const end = Date.now() + 60_000;
(function look() {
  for (const holder of fs.readdirSync(os.tmpdir()).filter((name) => name.startsWith('promptos-checkout-'))) {
    const top = path.join(os.tmpdir(), holder, 'example'), file = path.join(top, 'src/split.js');
    try {
      if (!fs.existsSync(path.join(top, 'running'))) continue;
      const old = fs.readFileSync(file);
      fs.writeFileSync(file, "export const split = 'right';");
      fs.writeFileSync(path.join(top, 'mended'), '');
      if (restore) { while (!fs.existsSync(path.join(top, 'tested'))); fs.writeFileSync(file, old); fs.writeFileSync(path.join(top, 'restored'), ''); }
      process.exit();
    } catch {}
  }
  if (Date.now() < end) setTimeout(look, 5);
})();
`;

/** A check that gives the mender its time, then tests as usual. */
const slowCheck = (restore: boolean): string =>
  JSON.stringify({
    argv: [
      'sh',
      '-c',
      `touch running; while [ ! -e mended ]; do sleep 0.05; done; node test.js; code=$?; touch tested; ${restore ? 'while [ ! -e restored ]; do sleep 0.05; done; ' : ''}exit $code`,
    ],
    timeout: '60s',
  });

test.each([
  ['mends', 'keep', 'src/split.js differs from the patched tree'],
  ['mends and restores', 'restore', 'src/split.js was written, replaced or moved and then restored'],
])('P06: an escaped process that %s the checkout makes the check fail', async (_, mode, reason) => {
  const escaped = spawn(process.execPath, ['-e', MENDER, mode], { detached: true, stdio: 'ignore', env: {} });
  onTestFinished(() => {
    escaped.kill('SIGKILL');
  });
  const wrong = edits({ 'src/split.js': "export const split = 'still wrong';\n" }, outputs(good.P05));
  const { result, check } = await verify(wrong, { policy: policyWith(slowCheck(mode === 'restore')) });
  expect(check).toMatchObject({ status: 'failed', exit_code: 0, reason: expect.stringContaining(reason) });
  expect(result.verdict).toBe('fail');
});

/** A suite of two tests; a change of the source or of the suite may keep them from running. */
const SUITE = "const { test } = require('node:test');\ntest('a', () => {});\ntest('b', () => {});\n";
const NODE_CHECK = `{ argv: [node, --test, --test-reporter=junit, --test-reporter-destination=r.xml, src/], report: { format: node, path: r.xml } }`;

test.each([
  ['has a new suite', { 'src/a.test.js': SUITE }, 'passed', undefined],
  ['has no test', { 'src/a.test.js': '' }, 'failed', 'its report counts no executed test'],
  ['ends early with code 0', { 'src/a.test.js': `process.exit(0);\n${SUITE}` }, 'failed', 'no executed test'],
  ['brings its own report', { 'src/a.test.js': SUITE, 'r.xml': '<testsuites/>' }, 'not_started', 'is in the tree'],
] as const)('P06: a check with a report, when the change %s', async (_, files, status, reason) => {
  const { check } = await verify(edits({ ...files }, outputs(good.P05)), { policy: policyWith(NODE_CHECK) });
  expect(check.status).toBe(status);
  if (reason !== undefined) expect(check.reason).toContain(reason);
  if (status === 'passed') expect(check).toMatchObject({ tests: { executed: 2, passed: 2, failed: 0, skipped: 0 } });
});
