import { describe, expect, test } from 'vitest';
import { GATES, type GateId } from '../../../src/contracts/names.js';
import type { AttemptRecord } from '../../../src/contracts/record/attempt.js';
import { judgeSessions } from '../../../src/rules/attempts/judge-sessions.js';

const attempt = (gate: GateId, ...ids: readonly (string | undefined)[]) =>
  ({
    ...{ gate, attempt: 1, role: GATES[gate].role },
    tries: ids.map((session_id) => (session_id === undefined ? {} : { session_id })),
  }) as unknown as AttemptRecord;

describe('judgeSessions', () => {
  test('sessions of their own, and tries that name none, are no finding', () => {
    expect(
      judgeSessions(attempt('P06', 'c', undefined, 'd', undefined), [attempt('P05', 'a', 'b', undefined)]),
    ).toEqual([]);
  });

  test("a verifier or reviewer in the writer's session blocks and raises a P08", () => {
    for (const gate of ['P06', 'P07'] as const) {
      expect(judgeSessions(attempt(gate, 'b'), [attempt('P05', 'a', 'b')])).toMatchObject([
        { rule: 'session_repeated', blocking: true, severity: 'critical', escalates: 'rule_violation' },
      ]);
    }
  });

  test('a writer that goes on in an earlier session of its own is a finding that blocks nothing', () => {
    const [finding] = judgeSessions(attempt('P05', 'a'), [attempt('P03', 'a')]);
    expect(finding).toMatchObject({ blocking: false, message: expect.stringContaining('that of P03, attempt 1') });
  });

  test('a second try in the session of the first is one too', () => {
    expect(judgeSessions(attempt('P00', 'a', 'a'), [])).toMatchObject([{ blocking: false }]);
  });
});
