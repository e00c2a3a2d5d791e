import { describe, expect, test } from 'vitest';
import { GATES, type GateId } from '../../../src/contracts/names.js';
import type { Policy } from '../../../src/contracts/policy/policy.js';
import type { AttemptRecord } from '../../../src/contracts/record/attempt.js';
import type { IndependenceRules } from '../../../src/contracts/run/independence.js';
import { compareModels, judgeIndependence } from '../../../src/rules/attempts/judge-independence.js';
import { modelOrigin } from '../../../src/rules/attempts/model-origin.js';

describe('modelOrigin', () => {
  test.each([
    ['claude-sonnet-4-5-20250929', 'anthropic', 'claude'],
    ['sonnet', 'anthropic', 'claude'],
    ['bedrock/us.anthropic.claude-3-5-haiku-20241022-v1:0', 'anthropic', 'claude'],
    ['openrouter/anthropic/claude-opus-4', 'anthropic', 'claude'],
    ['gpt-5-mini', 'openai', 'gpt'],
    ['gpt4o', 'openai', 'gpt'],
    ['ft:gpt-4o-mini:acme::abc', 'openai', 'gpt'],
    ['o3-mini', 'openai', 'gpt'],
    ['azure/gpt-5-codex', 'openai', 'gpt'],
    ['models/gemini-2.5-pro', 'google', 'gemini'],
    ['gemma3n:e4b', 'google', 'gemma'],
    ['qwen2.5-coder:7b', 'alibaba', 'qwen'],
    ['meta-llama/Llama-3.3-70B-Instruct', 'meta', 'llama'],
    ['bedrock/meta.llama3-1-70b', 'meta', 'llama'],
    ['mistral.mistral-large-2402-v1:0', 'mistral', 'mistral'],
    ['devstral-small', 'mistral', 'mistral'],
    ['codestral-latest', 'mistral', 'mistral'],
    ['deepseek-chat', 'deepseek', 'deepseek'],
    ['x-ai/grok-4', 'xai', 'grok'],
    ['moonshotai/kimi-k2', 'moonshot', 'kimi'],
    ['z-ai/glm-4.6', 'zhipu', 'glm'],
    ['phi4', 'microsoft', 'phi'],
    ['command-r-plus', 'cohere', 'command'],
  ])('%s is of %s, family %s', (name, vendor, family) => {
    expect(modelOrigin(name)).toEqual({ vendors: [vendor], families: [family] });
  });

  test('a distilled model has both origins', () => {
    expect(modelOrigin('deepseek-r1-distill-qwen-7b').vendors).toEqual(['alibaba', 'deepseek']);
  });

  test('of several models that answered together each must be known', () => {
    expect(modelOrigin('claude-sonnet-4, gpt-5').vendors).toEqual(['anthropic', 'openai']);
    expect(modelOrigin('claude-sonnet-4, some-model')).toEqual({ vendors: [], families: [] });
    expect(modelOrigin('gpt-5, openai/some-model')).toEqual({ vendors: ['openai'], families: [] });
  });

  test('a vendor without a known family shows no family', () => {
    expect(modelOrigin('openrouter/anthropic/next')).toEqual({ vendors: ['anthropic'], families: [] });
  });

  test.each(['router-1', 'openrouter/auto', '', 'toString', 'egpt', 'my-llamas'])('%j shows nothing', (name) => {
    expect(modelOrigin(name)).toEqual({ vendors: [], families: [] });
  });
});

const PRINCIPALS = {
  nina: { kind: 'agent', keys: [] },
  vera: { kind: 'agent', keys: [] },
  rex: { kind: 'human', keys: [] },
} satisfies Policy['principals'];
const NAMES = { writer: 'nina', verifier: 'vera', reviewer: 'vera' } as const;
const attempt = (gate: GateId, model: string | null, principal: string = NAMES[GATES[gate].role]) =>
  ({
    ...{
      gate,
      role: GATES[gate].role,
      principal,
      executor: { served_model: 'earlier' },
      tries: [{ served_model: model }],
    },
  }) as unknown as AttemptRecord;
const judged = (rules: Partial<IndependenceRules>, judge: AttemptRecord, ...earlier: readonly AttemptRecord[]) => {
  const independence = { models: 'require', by: 'vendor', ...rules } as const;
  const compared = compareModels({ independence, principals: PRINCIPALS }, judge, earlier);
  return { verdicts: compared.map(({ verdict }) => verdict), findings: judgeIndependence(independence, compared) };
};

describe('judgeIndependence', () => {
  const writer = attempt('P05', 'claude-sonnet-4-5');

  test('another vendor is independent', () => {
    expect(judged({}, attempt('P06', 'gpt-5'), writer)).toEqual({ verdicts: ['independent'], findings: [] });
  });

  test.each([
    ['the same vendor', 'claude-opus-4', 'same'],
    ['an unknown model', null, 'unknown'],
    ['a name that shows nothing', 'router-1', 'unknown'],
  ])('require: %s blocks and raises a P08', (_, model, verdict) => {
    const { verdicts, findings } = judged({}, attempt('P06', model), writer);
    expect(verdicts).toEqual([verdict]);
    expect(findings).toMatchObject([
      { rule: 'model_independence', blocking: true, severity: 'critical', escalates: 'rule_violation' },
    ]);
  });

  test('require: the writer is unknown', () => {
    expect(judged({}, attempt('P06', 'gpt-5'), attempt('P05', null)).findings).toHaveLength(1);
  });

  test('prefer is a finding that blocks nothing, off none', () => {
    expect(judged({ models: 'prefer' }, attempt('P06', 'sonnet'), writer).findings).toMatchObject([
      { blocking: false },
    ]);
    expect(judged({ models: 'off' }, attempt('P06', 'sonnet'), writer)).toEqual({ verdicts: ['same'], findings: [] });
  });

  test('by family: two families of one vendor are independent, an unknown family is not', () => {
    const gemini = attempt('P05', 'gemini-2.5-pro');
    expect(judged({ by: 'family' }, attempt('P06', 'gemma-3'), gemini).verdicts).toEqual(['independent']);
    expect(judged({ by: 'family' }, attempt('P06', 'gemini-flash'), gemini).verdicts).toEqual(['same']);
    expect(judged({ by: 'family' }, attempt('P06', 'google/next'), gemini).verdicts).toEqual(['unknown']);
  });

  test('the reviewer is compared with the verifier too, and the writer once for each model', () => {
    const before = [attempt('P00', 'haiku'), attempt('P01', 'haiku'), writer, attempt('P06', 'gpt-5')];
    expect(judged({}, attempt('P07', 'gpt-5-mini'), ...before).verdicts).toEqual([
      'independent',
      'independent',
      'same',
    ]);
  });

  test('a person is independent of every model', () => {
    expect(judged({}, attempt('P07', null, 'rex'), writer).verdicts).toEqual(['independent']);
  });

  test('gates that judge nobody are not compared', () => {
    expect(judged({}, attempt('P05', 'gpt-5'), attempt('P06', 'gpt-5')).verdicts).toEqual([]);
  });
});
