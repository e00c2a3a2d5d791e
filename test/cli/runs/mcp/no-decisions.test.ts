import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { DecisionAnswer } from '../../../../src/contracts/run/decisions.js';
import { decisionStatement } from '../../../../src/domain/attest/acts.js';
import { createGovernedWorker, type GovernedWorker } from '../../../support/governed-worker.js';
import { type McpHome, makeMcpHome, startServer } from '../../../support/mcp-client.js';

/*
 * Nobody decides through MCP, and an agent's key decides nothing: neither by a tool nor by a message that is made by hand.
 * test/attacks/decision-matrix-live.test.ts has every other message that does not count.
 */

let site: GovernedWorker;
let home: McpHome;
beforeAll(async () => {
  site = await createGovernedWorker({ address: inject('temporalAddress') });
  home = await makeMcpHome(site, inject('temporalAddress'));
});
afterAll(() => site.close());

/** Every tool, and whether it changes anything. A new one is put here on purpose. */
const TOOLS: Readonly<Record<string, 'reads' | 'acts'>> = {
  list_runs: 'reads',
  get_run: 'reads',
  read_ledger: 'reads',
  list_artifacts: 'reads',
  read_artifact: 'reads',
  open_gate: 'acts',
  submit_output: 'acts',
  release_gate: 'acts',
  raise_escalation: 'acts',
};

/** What decides, as commands, signals and messages call it. */
const DECIDES = /approv|reject|resolv|decid|decision_id|cancel|waive|acknowledge|output_sha256|report_sha256/i;

test.each(['nina', 'grace'])('mcp --as %s: no tool decides anything, whoever the principal is', async (principal) => {
  const { client, call } = await startServer(principal, home);
  const { tools } = await client.listTools();
  const listed = tools.map(({ name, annotations }) => [name, annotations?.readOnlyHint === true ? 'reads' : 'acts']);
  expect(Object.fromEntries(listed)).toEqual(TOOLS);
  for (const { name, inputSchema } of tools) {
    expect(name).not.toMatch(DECIDES);
    expect(Object.keys(inputSchema.properties ?? {}).filter((field) => DECIDES.test(field))).toEqual([]);
  }
  const run = await site.startRun();
  const { request_id, output_sha256 } = await run.awaitDecision('P00');
  // The fields of a decision are none of an escalation.
  const smuggled = { run: run.runId, issue: 'Approved.', choice: 'approve', request_id, output_sha256 };
  expect((await call('raise_escalation', smuggled)).error?.code).toBe('USAGE');
  for (const name of ['approve', 'reject', 'resolve', 'decide', 'cancel']) {
    await expect(client.callTool({ name, arguments: { run: run.runId } })).rejects.toThrow(/not found/);
  }
  expect(await run.status()).toMatchObject({ refusals: 0, awaiting: [{ kind: 'decision', request_id }] });
  await client.close();
});

test.each([
  ['nina', 'nina', 'NOT_AN_INTEGRATOR'],
  ['vera', 'vera', 'NOT_AN_INTEGRATOR'],
  ['nina', 'grace', 'SIGNER_MISMATCH'],
] as const)("%s's key on a decision as %s: refused with %s, and the run records it", async (holder, actor, reason) => {
  const run = await site.startRun();
  const awaited = await run.awaitDecision('P00');
  const decided_at = new Date().toISOString();
  const expires_at = new Date(Date.now() + 3_600_000).toISOString();
  const statement = decisionStatement(run.decision(awaited, { actor, decided_at, expires_at }));
  const decision = site.keys?.[holder].seal(statement);
  const answer = await run.handle.executeUpdate<DecisionAnswer, [object]>('decide', {
    args: [{ kind: 'decision', decision }],
  });
  expect(answer).toMatchObject({ accepted: false, reason });
  expect((await run.ledger()).filter(({ type }) => type === 'refused')).toMatchObject([{ reason, kind: 'decision' }]);
  expect((await run.status()).awaiting).toMatchObject([{ kind: 'decision', approved_by: [] }]);
});
