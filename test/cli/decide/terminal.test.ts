import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createGovernedWorker, type GovernedWorker, type WorkedRun } from '../../support/governed-worker.js';
import { makeSiteHome } from '../../support/site-home.js';
import { KEYS, onTerminal, type Typed } from '../../support/terminal.js';

/*
 * approve, reject and resolve on a real terminal: what is decided is shown and asked, however complete the line is.
 */

let site: GovernedWorker;
let cwd: string;
let env: Record<string, string | undefined>;
beforeAll(async () => {
  const address = inject('temporalAddress');
  site = await createGovernedWorker({ address });
  ({ cwd, env } = await makeSiteHome(site, address));
});
afterAll(() => site.close());

const waiting = async (): Promise<WorkedRun> => {
  const run = await site.startRun();
  await run.awaitDecision('P00');
  return run;
};
const type = (args: readonly string[], ...typed: readonly Typed[]) => onTerminal(args, { cwd, env, typed });
const counted = async (run: WorkedRun) =>
  (await run.ledger()).filter(({ type }) => type === 'decisionCounted' || type === 'escalationResolved').length;

test('approve --as: shows the run and what the gate left, and asks; Ctrl-C sends nothing', async () => {
  const run = await waiting();
  const { screen, exitCode } = await type(['approve', run.runId, '--as', 'grace'], [/decide, grace\?/, KEYS.interrupt]);
  expect(screen).toContain(`run     ${run.runId} of example`);
  expect(screen).toContain('evidence/context.json');
  expect(screen).not.toContain('counted:');
  expect(exitCode).toBe(130);
  expect(await counted(run)).toBe(0);
  const agreed = await type(['approve', run.runId, '--as', 'grace'], [/decide, grace\?/, KEYS.enter]);
  expect(agreed.screen).toContain('counted: approval of P00');
  expect((await site.runs.wait(run.runId)).outcome).toBe('approved');
});

test('an answer that the line says in full: is shown and asked too, and no is the answer that is offered', async () => {
  const run = await waiting();
  const line = ['approve', run.runId, '--gate', 'P00', '--as', 'grace', '--comment', 'fine'];
  const refused = await type(line, [/approval of P00: do you decide so, grace\?/, KEYS.enter]);
  expect(refused).toMatchObject({ exitCode: 1, screen: expect.stringContaining('evidence/context.json') });
  const printed = await type([...line, '--print'], [/do you decide so, grace\?/, KEYS.enter]);
  expect(printed.screen).not.toContain('decision_id');
  expect(await counted(run)).toBe(0);
  const rejection = ['reject', run.runId, '--as', 'grace', '--comment', 'no', '--final'];
  const agreed = await type(rejection, [
    /rejection of P00: do you decide so, grace\?/,
    `${KEYS.up}${KEYS.up}${KEYS.enter}`,
  ]);
  expect(agreed.screen).toContain('counted: rejection of P00');
  expect((await site.runs.wait(run.runId)).outcome).toBe('rejected');
});

test('run watch --as: asks for what the run waits for, and follows it to its end', async () => {
  const run = await waiting();
  const { screen, exitCode } = await type(
    ['run', 'watch', run.runId, '--as', 'grace'],
    [/decide, grace\?/, KEYS.enter],
  );
  expect(screen).toContain('counted: approval of P00');
  expect(screen).toContain('APPROVED: every gate passed');
  expect(exitCode).toBe(0);
});

test('resolve: shows the escalation and asks; --yes asks nothing', async () => {
  const run = await waiting();
  await site.runs.escalate(run.runId, { actor: 'ada', issue: 'The request contradicts ADR 7' });
  await run.awaitEscalation('E1');
  const line = ['resolve', run.runId, 'E1', '--choose', 'abort', '--as', 'grace'];
  const { screen } = await type(line, [/abort on E1: do you decide so, grace\?/, KEYS.enter]);
  expect(screen).toContain('The request contradicts ADR 7');
  expect(await counted(run)).toBe(0);
  expect((await type([...line, '--yes'])).screen).toContain('counted: abort on E1');
  expect((await site.runs.wait(run.runId)).outcome).toBe('aborted');
});

test('run cancel: shows the run, asks who, why and whether; no cancels nothing, yes does', async () => {
  const run = await waiting();
  const cancelling = ['run', 'cancel', run.runId];
  const why: Typed = [/Why is the run cancelled/, `Wrong branch.${KEYS.enter}`];
  const declined = await type(cancelling, [/Who cancels\?/, KEYS.enter], why, [/Do you cancel .*, ada\?/, KEYS.enter]);
  expect(declined).toMatchObject({ exitCode: 1, screen: expect.stringContaining('state   waiting for a person') });
  expect((await run.status()).phase).toBe('open');
  const agreed = await type(
    [...cancelling, '--as', 'grace', '--reason', 'Not needed.'],
    [/Do you cancel .*, grace\?/, `y${KEYS.enter}`],
  );
  expect(agreed.screen).toContain('counted: the cancellation');
  expect((await site.runs.wait(run.runId)).outcome).toBe('cancelled');
  expect((await run.status()).cancellation).toMatchObject({ by: 'grace', reason: 'Not needed.' });
});

test('keys generate: asks for the passphrase again, and makes no key when the two differ', async () => {
  const line = ['keys', 'generate', '--for', 'nora'];
  const differing = await type(
    line,
    [/Passphrase for the new key/, `first words${KEYS.enter}`],
    [/The same again/, `other words${KEYS.enter}`],
  );
  expect(differing).toMatchObject({ exitCode: 2, screen: expect.stringContaining('The two passphrases differ') });
  const same = `same words${KEYS.enter}`;
  const made = await type(line, [/Passphrase for the new key/, same], [/The same again/, same]);
  expect(made).toMatchObject({ exitCode: 0, screen: expect.stringContaining('with passphrase') });
  expect(made.screen).not.toContain('same words');
});
