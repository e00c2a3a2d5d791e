import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { openFolderTree } from '../../src/adapters/tree/folder-tree.js';
import { parsePolicyBytes } from '../../src/config/policy-file.js';
import type { DecisionAnswer } from '../../src/contracts/run/decisions.js';
import type { LedgerEntry } from '../../src/contracts/run/ledger.js';
import { judgeTree } from '../../src/verify/verify-tree.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { createGovernedWorker, eventually, type GovernedWorker, type WorkedRun } from '../support/governed-worker.js';
import { edits, outputs, type ScriptStep, says } from '../support/scripted-executor.js';
import { type IntegratorShell, integratorShell } from './integrator-shell.js';
import { pasteable, type TemporalCommand, temporalCommand } from './temporal-command.js';

/*
 * Under the policy that `promptos init` writes: whatever the details and `--print` show to be pasted is pasted, and counts.
 */

const address = inject('temporalAddress');
const good = exampleOutputs();
let worker: GovernedWorker;
let temporal: TemporalCommand;
let shell: IntegratorShell;
beforeAll(async () => {
  worker = await createGovernedWorker({ address });
  temporal = await temporalCommand(address);
  shell = await integratorShell(worker, address);
});
afterAll(async () => {
  await shell?.close();
  await worker?.close();
});

const ESCALATES = says(
  JSON.stringify({
    kind: 'escalation',
    report: { issue: 'Which one?', impact: '', context: '', options: ['a'], recommendation: 'a' },
  }),
);
const passing: ScriptStep = outputs(good.P00);

/** A run whose first attempts at P00 go as scripted, and whose later ones pass. */
const start = (...first: readonly ScriptStep[]): Promise<WorkedRun> =>
  worker.startRun({ scripts: { nina: [...first, ...Array<ScriptStep>(4).fill(passing)] } });

const detailsOf = async ({ handle }: WorkedRun): Promise<string> => {
  const answer = await temporal('workflow', 'metadata', '--workflow-id', handle.workflowId);
  return (answer as { queryResult: [{ currentDetails: string }] }).queryResult[0].currentDetails;
};
const entriesOf = async <T extends LedgerEntry['type']>(run: WorkedRun, type: T) =>
  (await run.ledger()).filter((entry): entry is Extract<LedgerEntry, { type: T }> => entry.type === type);

/** What counted last of what people sent, once there are as many as expected. */
const choices = async (run: WorkedRun): Promise<readonly string[]> =>
  (await run.ledger()).flatMap((entry) => {
    if (entry.type === 'decisionCounted') return [entry.decision.choice];
    return entry.type === 'escalationResolved' ? [entry.resolution.choice] : [];
  });

/** The published tree verifies under the run's policy. */
async function verified({ runId }: WorkedRun) {
  const { policy, sha256 } = parsePolicyBytes(await worker.store.readObject(worker.repository.run.policy_sha256));
  const tree = await openFolderTree(worker.store.locate(runId));
  return judgeTree(tree, { policies: [{ sha256, policy }], runId });
}

describe('current details: every command runs in a shell as it is shown', () => {
  const waiting: Readonly<Record<string, () => Promise<WorkedRun>>> = {
    'a decision that can be approved': async () => {
      const run = await start();
      await run.awaitDecision('P00');
      return run;
    },
    'a decision that can only be rejected': async () => {
      const run = await start(says('nothing'), says('nothing'));
      expect(await run.awaitDecision('P00')).toMatchObject({ approvable: false });
      return run;
    },
    "an executor's escalation": async () => {
      const run = await start(ESCALATES);
      await run.awaitEscalation('E1');
      return run;
    },
    'a hold': async () => {
      const run = await start();
      await run.awaitDecision('P00');
      await run.handle.signal('escalate');
      await run.awaitEscalation('E1');
      return run;
    },
  };
  const EXPECTED: Readonly<Record<string, readonly string[]>> = {
    'a decision that can be approved': ['approve', 'reject', '--print', 'approve'],
    'a decision that can only be rejected': ['reject', '--print', 'reject'],
    "an executor's escalation": ['retry', 'rework', 'abort', '--print', 'retry'],
    'a hold': ['continue', 'retry', 'rework', 'abort', '--print', 'continue'],
  };

  test.each(
    Object.entries(EXPECTED).flatMap(([name, expected]) =>
      expected.map((choice, index) => [name, choice, index] as const),
    ),
  )('%s: %s (%i)', async (name, choice, index) => {
    const run = await (waiting[name] as () => Promise<WorkedRun>)();
    // A hold comes last, after the decision that is pending behind it.
    const section = (await detailsOf(run)).split('\n---\n').at(-1) ?? '';
    const command = pasteable(section)[index] ?? 'false';
    const { exitCode, stdout, stderr } = await shell.run(command);
    expect(exitCode, `${command}\n${stderr}`).toBe(0);
    if (choice === '--print') {
      expect(JSON.parse(stdout)).toMatchObject({ payloadType: 'application/vnd.in-toto+json' });
      expect(await choices(run)).toEqual([]);
    } else {
      await expect.poll(() => choices(run)).toEqual([choice]);
      expect(command).toContain(choice === 'approve' || choice === 'reject' ? choice : `--choose ${choice}`);
    }
    expect(await entriesOf(run, 'refused')).toEqual([]);
    await run.handle.terminate('the test has ended').catch(() => undefined);
  });

  test('an escalation about findings, and the approval that takes them on', async () => {
    const wrong = edits({ 'src/split.js': "export const split = 'still wrong';\n" }, outputs(good.P05));
    const run = await worker.startRun({
      gates: ['P00', 'P01', 'P03', 'P05', 'P06'],
      scripts: { nina: [passing, outputs(good.P01), outputs(good.P03), wrong], vera: [outputs(good.P06)] },
    });
    for (const gate of ['P00', 'P01', 'P03', 'P05'] as const) await run.approve(gate);
    await run.awaitDecision('P06');
    await worker.runs.escalate(run.runId, { actor: 'ada' }, worker.repository.run.policy_sha256);
    await run.awaitEscalation('E1');
    const offered = pasteable(await detailsOf(run)).filter((line) => line.includes('--choose'));
    const choices = offered.map((line) => /--choose (\w+)/.exec(line)?.[1]);
    expect(choices.slice(0, 4)).toEqual(['retry', 'rework', 'continue', 'abort']);
    const proceed = offered[2] ?? 'false';
    expect(proceed).toContain('--guidance "why"');
    expect(await shell.run(proceed)).toMatchObject({ exitCode: 0 });
    const awaited = await eventually(async () => {
      const found = await run.awaitDecision('P06');
      return found.approvable ? found : null;
    }, 'the gate whose findings are waived');
    const [approve = 'false'] = pasteable(await detailsOf(run));
    for (const id of awaited.to_acknowledge) expect(approve).toContain(` --acknowledge ${id}`);
    expect(awaited.to_acknowledge.length).toBeGreaterThan(0);
    expect(await shell.run(approve)).toMatchObject({ exitCode: 0 });
    expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  });
});

describe('--print: what is printed is sent as a signal and counts', () => {
  const ways: Readonly<Record<string, (printed: string, note: string) => string>> = {
    'pasted as the input': (printed, note) => {
      const [, signal, workflow] = /^signal {2}(\w+) of the workflow (\S+)$/m.exec(note) ?? [];
      return `temporal workflow signal --workflow-id ${workflow} --name ${signal} --input '${printed.trim()}'`;
    },
    'by the command printed beside it': (_, note) => /^send {4}(.*)$/m.exec(note)?.[1] ?? 'false',
  };

  test.each(Object.keys(ways))('approve, reject, escalate and resolve, %s', async (way) => {
    const run = await start();
    await run.awaitDecision('P00');
    const print = async (command: string) => {
      const { stdout, stderr } = await shell.run(`promptos ${command} --print`);
      const sent = await shell.run((ways[way] as (printed: string, note: string) => string)(stdout, stderr));
      expect(sent.exitCode, `${stderr}\n${sent.stderr}`).toBe(0);
    };
    await print(`reject ${run.runId} --gate P00 --as grace --comment "It isn't done"`);
    expect(
      await eventually(async () => (await entriesOf(run, 'decisionCounted'))[0] ?? null, 'the rejection'),
    ).toMatchObject({
      decision: { choice: 'reject', reason: "It isn't done" },
      envelope: expect.anything(),
    });
    await expect.poll(async () => (await run.awaitDecision('P00')).attempt).toBe(2);
    await print(`escalate ${run.runId} --issue "Wait, it's Friday" --as ada`);
    expect(await run.awaitEscalation('E1')).toMatchObject({ trigger: 'person', raised_by: 'ada' });
    await print(`resolve ${run.runId} E1 --choose continue --as grace`);
    await expect.poll(() => choices(run)).toEqual(['reject', 'continue']);
    await print(`approve ${run.runId} --gate P00 --as grace`);
    expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
    expect(await verified(run)).toMatchObject({ verified: true });
    expect(await worker.publishedJson(run.runId, 'run_record.json')).toMatchObject({
      authentication: 'signed',
      refusals: [],
    });
  });
});

describe('messages under the signing policy, through both doors', () => {
  const answerOf = async (run: WorkedRun, kind: string, content: object) => {
    const answer = await run.handle.executeUpdate<DecisionAnswer, [object]>('decide', {
      args: [{ kind, [kind]: content }],
    });
    expect(answer).toMatchObject({ accepted: true });
  };
  const DOORS: Readonly<
    Record<string, (run: WorkedRun, signal: string, kind: string, content: object) => Promise<void>>
  > = {
    'the update': (run, _signal, kind, content) => answerOf(run, kind, content),
    'the signal': (run, signal, _kind, content) => run.handle.signal(signal, content),
  };

  test.each(Object.entries(DOORS))('%s: escalate, resolve, reject, approve', async (_, send) => {
    const { runs } = worker;
    const run = await start();
    const first = await run.awaitDecision('P00');
    const policy = worker.repository.run.policy_sha256;
    await send(
      run,
      'escalate',
      'escalation',
      await runs.sealEscalation(run.runId, { actor: 'ada', issue: 'Wait.' }, policy),
    );
    const open = await run.awaitEscalation('E1');
    expect(open).toMatchObject({ trigger: 'person', raised_by: 'ada' });
    const resolution = run.resolution(open, { choice: 'continue' });
    await send(run, 'resolveEscalation', 'resolution', await runs.sealResolution(resolution));
    await expect.poll(() => choices(run)).toEqual(['continue']);
    const rejection = run.decision(first, { choice: 'reject', reason: 'again', decision_id: 'no' });
    await send(run, 'reject', 'decision', await runs.sealDecision(rejection));
    await expect.poll(async () => (await run.awaitDecision('P00')).attempt).toBe(2);
    const approval = run.decision(await run.awaitDecision('P00'));
    await send(run, 'approve', 'decision', await runs.sealDecision(approval));
    expect(await runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
    expect(await worker.publishedJson(run.runId, 'run_record.json')).toMatchObject({ refusals: [] });
  });
});

describe('hold: a bare stop without a key', () => {
  test.each([
    ['no input', []],
    ['an empty object', ['--input', '{}']],
    ['a reason', ['--input', '{"issue":"Wrong repository"}']],
  ])('%s: holds the run until an integrator continues, and the record verifies', async (_, input) => {
    const run = await start();
    await run.awaitDecision('P00');
    await temporal('workflow', 'signal', '--workflow-id', run.handle.workflowId, '--name', 'escalate', ...input);
    expect(await run.awaitEscalation('E1')).toMatchObject({ trigger: 'hold', raised_by: 'unknown' });
    await run.approve('P00');
    const { phase, awaiting } = await run.status();
    expect({ phase, first: awaiting[0] }).toMatchObject({ phase: 'open', first: { escalation_id: 'E1' } });
    await run.resolve('E1', { choice: 'continue' });
    expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
    const verdict = await verified(run);
    expect(verdict.verified).toBe(true);
    expect(JSON.stringify(verdict)).toContain('held: 1 stop was sent without a signature');
  });

  test('the signal says what it does', async () => {
    const run = await start();
    await run.awaitDecision('P00');
    const metadata = await temporal('workflow', 'metadata', '--workflow-id', run.handle.workflowId);
    const [{ definition }] = (
      metadata as { queryResult: [{ definition: { signalDefinitions: { name: string; description: string }[] } }] }
    ).queryResult;
    const described = Object.fromEntries(
      definition.signalDefinitions.map(({ name, description }) => [name, description]),
    );
    expect(described.escalate).toContain('Works with no input and no signature');
    expect(described.approve).toContain('the signed JSON that the command in the current details prints');
    await run.handle.terminate('the test has ended');
  });
});
