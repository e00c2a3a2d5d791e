import { describe, expect, test } from 'vitest';
import { judgeServedModel } from '../../../src/rules/attempts/served-model.js';

const judge = (requested_model: string | null, ...served: readonly (string | null)[]) =>
  judgeServedModel(
    { requested_model },
    served.map((served_model) => ({ served_model })),
  );

describe('judgeServedModel', () => {
  test.each([
    ['sonnet', 'claude-sonnet-4-5-20250929'],
    ['claude-sonnet-4-5', 'claude-sonnet-4-5-20250929'],
    ['claude-3-5-sonnet-latest', 'claude-3-5-sonnet-20241022'],
    ['gpt-5', 'openai/gpt-5-2025-08-07'],
    ['openai/gpt-5', 'gpt-5'],
    ['Large', 'large'],
    ['gemini-2.5-pro', 'gemini-2.5-pro-preview-05-06'],
    ['sonnet', 'claude-haiku-4-5, claude-sonnet-4-5'],
    ['sonnet', 'claude-sonnet-4-5[1m]'],
  ])('%s is served as %s', (requested, served) => {
    expect(judge(requested, served)).toEqual([]);
  });

  test.each([
    ['opus', 'claude-sonnet-4-5-20250929'],
    ['gpt-5', 'gpt-5-mini'],
    ['gpt-5-mini', 'gpt-5'],
    ['gpt-4', 'gpt-4.1'],
    ['claude-sonnet-4', 'claude-sonnet-4-5'],
    ['gemini-2.5-pro', 'gemini-2.5-flash'],
  ])('%s is not served as %s: a low finding that blocks nothing', (requested, served) => {
    expect(judge(requested, served)).toEqual([
      {
        rule: 'served_model',
        severity: 'low',
        blocking: false,
        message: `The model "${requested}" was requested; the executor reports "${served}".`,
      },
    ]);
  });

  test('each other model is named once; what is unknown, or was not requested, is no finding', () => {
    expect(judge('opus', 'm-1', null, 'm-1', 'm-2')).toHaveLength(2);
    expect(judge('opus', null)).toEqual([]);
    expect(judge(null, 'm-1')).toEqual([]);
    expect(judgeServedModel({ requested_model: 'opus' }, [{}])).toEqual([]);
  });
});
