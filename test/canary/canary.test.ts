import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CANARIES, type CanaryOutcome, createPlanter } from '../../src/canary/canaries.js';
import { createCanaryRuns } from '../../src/canary/canary-run.js';
import type { Canary } from '../../src/canary/patch-canaries.js';
import { canaryPolicy, PROJECT_FILES } from '../../src/canary/project.js';
import { canaryCommand } from '../../src/cli/audit/audit-commands.js';
import { withCanaryGround } from '../../src/cli/audit/canary/run-canaries.js';
import { invoke } from '../cli/recorded-context.js';
import { EXAMPLE_POLICY } from '../support/governed-repository.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-canary-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const canary = (args: readonly string[], json = true) => invoke(canaryCommand, args, { cwd: folder, json });
const outcomesOf = (said: Awaited<ReturnType<typeof canary>>) => said.objects[0]?.canaries as readonly CanaryOutcome[];
const writePolicy = async (more: string): Promise<string> => {
  const path = join(folder, 'policy.yaml');
  await writeFile(path, `${EXAMPLE_POLICY}prompt_packs: ['${'0'.repeat(64)}']\n${more}`);
  return path;
};

describe('promptos canary', () => {
  test('every canary is caught by the gate and the rule that must catch it, and the honest change passes', async () => {
    const said = await canary([]);
    expect(outcomesOf(said).filter(({ status }) => status !== 'caught')).toEqual([]);
    expect(outcomesOf(said).map(({ name }) => name)).toEqual(CANARIES.map(({ name }) => name));
    expect(said).toMatchObject({
      exitCode: 0,
      objects: [{ passed: true, policy: null, control: { passed: true, gate: 'P07', verdict: 'pass', rules: [] } }],
    });
    expect(outcomesOf(said).filter(({ class: kind }) => kind === 'secret').length).toBeGreaterThanOrEqual(25);
  });

  test("a policy's own limits, paths and tests decide; what it cannot catch is skipped with the reason", async () => {
    const path = await writePolicy('protected_tests: []\n');
    const said = await canary(['--policy', path, '--class', 'weakened test']);
    const byName = Object.fromEntries(outcomesOf(said).map((outcome) => [outcome.name, outcome]));
    expect(byName).toMatchObject({
      'test-skipped': { status: 'caught' },
      'test-protected': { status: 'skipped', reason: expect.stringContaining('does not match test/split.test.js') },
    });
    expect(said).toMatchObject({ exitCode: 0, objects: [{ passed: true, policy: { path } }] });
  });

  test('a policy under which the honest change does not pass gives exit code 1, for then a refusal shows nothing', async () => {
    const path = await writePolicy("protected_paths: ['src/**']\n");
    const said = await canary(['--policy', path, '--class', 'conflict markers'], false);
    expect(said.exitCode).toBe(1);
    expect(said.stdout).toContain('HONEST CHANGE: P03 did not pass it (plan_scope)');
  });

  test('an unknown class is refused with the classes that there are, and no folder is made', async () => {
    await expect(canary(['--class', 'bugs'])).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('Name one of: injected instruction, lost requirement, out of scope, '),
    });
    expect(await readdir(folder)).toEqual([]);
  });
});

const CANARY_PROJECT = { files: PROJECT_FILES, policy: (packSha256: string) => canaryPolicy(packSha256) };

describe('createPlanter: what does not count as caught', () => {
  const plain: Canary = {
    name: 'plain',
    class: 'none',
    violation: 'none',
    gate: 'P05',
    rule: 'scope',
    effect: 'blocks',
    escalates: true,
  };
  const outOfScope = { 'docs/notes.md': 'Notes.\n' };
  const split = (text: string) => ({ 'src/split.js': `${text}\n` });

  test.each([
    ['nothing is found', {}, 'the rule scope found nothing'],
    ['another rule finds it', { edits: { 'src/other.js': 'x\n' } }, 'the rule scope found nothing'],
    [
      'an earlier gate ends the run',
      { edits: outOfScope, gate: 'P06', rule: 'checks' },
      'the run ended at P05 already',
    ],
    [
      'the finding does not block',
      { edits: split("exports.split = '<|im_start|>';"), rule: 'prompt_injection' },
      'the rule prompt_injection found it, and the finding does not block',
    ],
    [
      'no P08 is raised',
      { edits: split(`exports.split = '${['', 'home', 'ann', 'x'].join('/')}';`), rule: 'home_paths' },
      'no P08 was raised',
    ],
    ['the answer is taken', { rule: null, effect: 'refused' }, 'P05 took the answer'],
  ] satisfies readonly (readonly [string, Partial<Canary>, string])[])('%s', async (_, parts, reason) => {
    const context = { cwd: folder, env: process.env, exit: () => undefined, output: () => expect.fail('no output') };
    const outcome = await withCanaryGround(context, CANARY_PROJECT, async ({ ground, policy }) =>
      (await createPlanter(createCanaryRuns(ground), policy)).plant({ ...plain, ...parts }),
    );
    expect(outcome).toMatchObject({ status: 'not_caught', reason: expect.stringContaining(reason) });
  });
});
