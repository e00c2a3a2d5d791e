import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Verdict } from '../../src/contracts/names.js';
import { exampleOutputs } from './gate-outputs.js';

/** What came of asking for P00. */
interface Attempted {
  readonly verdict: Verdict;
  /** What was wrong with each answer that did not count. */
  readonly problems: readonly string[];
  /** What the one who was asked next was given, where an answer did not count. */
  readonly feedback: string;
}

/** One way of doing a gate. */
export interface AnswerSubject {
  /** Has P00 done; each answer is given when the one before did not count. */
  attempt(answers: readonly string[]): Promise<Attempted>;
  close(): Promise<void>;
}

export const ANSWER = JSON.stringify({ kind: 'output', ...exampleOutputs().P00 });
const ESCALATION = JSON.stringify({
  kind: 'escalation',
  report: {
    issue: 'The request contradicts itself.',
    impact: 'The criterion AC1 cannot be met.',
    context: 'README.md',
    options: ['Correct the request.'],
    recommendation: 'Correct the request.',
    security_sensitive: false,
  },
});

/** What holds for the answers of every kind of executor, also for gates that are handed off. */
export function testAnswerContract(kind: string, open: () => Promise<AnswerSubject>): void {
  let subject: AnswerSubject;
  beforeAll(async () => {
    subject = await open();
  });
  afterAll(() => subject.close());

  test(`executor contract, ${kind}: an answer is judged by the gate`, async () => {
    expect(await subject.attempt([ANSWER])).toMatchObject({ verdict: 'pass', problems: [] });
  });

  test(`executor contract, ${kind}: an escalation blocks the gate`, async () => {
    expect(await subject.attempt([ESCALATION])).toMatchObject({ verdict: 'blocked', problems: [] });
  });

  test(`executor contract, ${kind}: an unusable answer is refused with what is wrong, and a later one counts`, async () => {
    const unusable = JSON.stringify({ kind: 'output', summary: 'Too little.' });
    const { verdict, problems, feedback } = await subject.attempt([unusable, ANSWER]);
    expect(verdict).toBe('pass');
    expect(problems).toEqual([expect.stringContaining('project')]);
    expect(feedback).toContain('project');
  });
}
