import { expect, test } from 'vitest';
import { prBlock } from '../../src/governance/pr-block.js';
import { buildPromptSession, sessionOfRun } from '../../src/governance/prompt-session.js';
import { buildRunRecord } from '../../src/governance/run-record.js';
import { finishedRun } from '../support/finished-run.js';
import { memoryStore } from '../support/memory-store.js';
async function input() {
    const run = await finishedRun(memoryStore(), { outcome: 'expired' });
    const { session } = buildPromptSession(sessionOfRun(run.entries, ''));
    return { session, record: buildRunRecord({ ...run, artifacts: [], session }), recordSha256: 'a'.repeat(64) };
}
test('prBlock: a value with backticks or newlines stays one code span on one line', async () => {
    const given = await input();
    const lines = prBlock({ ...given, session: { ...given.session, developer: 'a `b` ``c``', target_repo: 'x\n> - y' } });
    expect(lines.split('\n').slice(4, 6)).toEqual(['> - Developer: ``` a `b` ``c`` ```', '> - Target Repo: `x > - y`']);
});
test('prBlock: says when the policy lets the developer decide, and only then', async () => {
    const given = await input();
    expect(prBlock(given)).not.toContain('Self-Approval');
    const { policy } = given.record;
    const allowed = { ...given.record, policy: { ...policy, self_approval: 'allowed' } };
    expect(prBlock({ ...given, record: allowed })).toContain('> - Self-Approval: ');
});
test('prBlock: a run in which nothing was approved says so', async () => {
    const given = await input();
    expect(prBlock({ ...given, record: { ...given.record, gates: [] } })).toContain('> - Approvals: none');
});
//# sourceMappingURL=pr-block.test.js.map