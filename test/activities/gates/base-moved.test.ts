import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { inspectTarget } from '../../../src/adapters/workspace/repository/target.js';
import type { GateId } from '../../../src/contracts/names.js';
import { patchJudgementSchema } from '../../../src/contracts/record/patch.js';
import type { ExecuteGateResult } from '../../../src/contracts/run/activities.js';
import { isWaivable } from '../../../src/rules/waivable.js';
import { exampleOutputs } from '../../support/gate-outputs.js';
import { createGovernedRepository, type GovernedRepository } from '../../support/governed-repository.js';
import { edits, outputs, type ScriptStep } from '../../support/scripted-executor.js';

const made: GovernedRepository[] = [];
afterEach(async () => {
  await Promise.all(made.splice(0).map((repository) => repository.remove()));
});
const good = exampleOutputs();

/** P06 of a run on a branch, to which files were committed after the run began. */
async function verifiedAfter(branch: string | undefined, files: Readonly<Record<string, string>>) {
  const given = await createGovernedRepository();
  made.push(given);
  const run = { ...given.run, ...(branch === undefined ? {} : { base_branch: branch }) };
  const inputs: Partial<Record<GateId, string>> = {};
  const walk = async (gate: GateId, step: ScriptStep): Promise<ExecuteGateResult> => {
    const input = given.input(gate, { run, inputs: { ...inputs } });
    given.executors.script(input.principal, step);
    const result = await given.executeGate(input);
    inputs[gate] = result.output_sha256;
    return result;
  };
  await walk('P01', outputs(good.P01));
  await walk('P03', outputs(good.P03));
  await walk('P05', edits({ 'src/split.js': "export const split = 'right';\n" }, outputs(good.P05)));
  for (const [path, text] of Object.entries(files)) await writeFile(join(given.repository, path), text);
  if (Object.keys(files).length > 0) {
    given.git('add', '-A');
    given.git('commit', '-qm', 'moves on');
  }
  const result = await walk('P06', outputs(good.P06));
  const text = await given.text(await given.record(result), 'evidence/patch_judgement.json');
  return { given, result, judgement: patchJudgementSchema.parse(JSON.parse(text)) };
}

test('P06: a branch that moved on in a file of the scope raises a P08, which may be waived', async () => {
  const { given, result, judgement } = await verifiedAfter('main', { 'src/other.js': 'x\n', 'README.md': '# x\n' });
  const tip = given.git('rev-parse', 'HEAD').trim();
  expect(judgement.base).toEqual({ branch: 'main', tip, files: ['src/other.js'], more: 0 });
  expect(result).toMatchObject({
    verdict: 'fail',
    findings: [{ rule: 'base_moved', blocking: true, message: expect.stringContaining('src/other.js') }],
    escalation: {
      trigger: 'rule_violation',
      recommendation: expect.stringContaining('start a run from the new commit'),
    },
  });
  expect(isWaivable('base_moved', [], 2)).toBe(true);
});

test('P06: a branch that moved on outside of the scope, and one that did not, disturb no run', async () => {
  const outside = await verifiedAfter('main', { 'README.md': '# x\n' });
  expect(outside.result).toMatchObject({ verdict: 'pass', escalation: null });
  expect(outside.judgement.base).toMatchObject({ branch: 'main', files: [] });
  expect(outside.judgement.base?.tip).not.toBe(outside.given.run.base_commit);
  const same = await verifiedAfter('main', {});
  expect(same.judgement.base).toEqual({ branch: 'main', tip: same.given.run.base_commit, files: [], more: 0 });
});

test('P06: without a branch, and with one that is gone, there is nothing to compare, and the record says so', async () => {
  const commit = await verifiedAfter(undefined, { 'src/other.js': 'x\n' });
  expect(commit.result.verdict).toBe('pass');
  expect(commit.judgement.base).toEqual({ branch: null, tip: null, files: [], more: 0 });
  const gone = await verifiedAfter('gone', { 'src/other.js': 'x\n' });
  expect(gone.judgement.base).toEqual({ branch: 'gone', tip: null, files: [], more: 0 });
});

test('inspectTarget: names the branch that the base is the tip of, and none for a commit or a tag', async () => {
  const given = await createGovernedRepository();
  made.push(given);
  given.git('branch', 'feature/one');
  given.git('tag', 'v1');
  given.git('update-ref', 'refs/remotes/origin/main', 'HEAD');
  const branchOf = async (base?: string) => {
    const scope = { allow: ['src/**'], deny: [] };
    return (await inspectTarget(given.repository, { scope, ...(base === undefined ? {} : { base }) })).baseBranch;
  };
  expect(await branchOf()).toBe('main');
  expect(await branchOf('feature/one')).toBe('feature/one');
  expect(await branchOf('origin/main')).toBe('main');
  for (const base of ['v1', 'HEAD~0', given.run.base_commit]) expect(await branchOf(base), base).toBe(null);
  given.git('checkout', '-q', '--detach');
  expect(await branchOf()).toBe(null);
});
