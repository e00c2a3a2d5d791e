import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modelProgramSchema } from '../../../../src/contracts/config/model-executor.js';
import { canonicalSha256 } from '../../../../src/contracts/json.js';
import { SERVED_MODEL, TOKENS } from '../../../support/model-protocols.js';
import { printedText } from '../../../support/printed.js';
import { answerFor, answerText, type BoxedModel, KEY, linesOf, startBoxedModel } from './boxed-model.js';

let boxed: BoxedModel;
beforeAll(async () => {
  boxed = await startBoxedModel();
});
afterAll(() => boxed.close());

const body = (index: number) => JSON.parse(boxed.server.calls[index]?.text ?? 'null') as Record<string, unknown>;

describe.runIf(process.platform === 'linux')('model executor', () => {
  test('model executor: an answer by the schema, with the served model, its use and the ids of its requests', async () => {
    boxed.server.script([{ kind: 'text', text: answerText('P00') }]);
    const outcome = await boxed.execute({ config: { edits: 'files' } });
    expect(outcome).toMatchObject({ problem: null, exit_code: 0, served_model: SERVED_MODEL });
    expect(JSON.parse(outcome.answer ?? '')).toEqual(answerFor('P00'));
    expect(outcome.used).toMatchObject({
      usage: { input_tokens: TOKENS.input, output_tokens: TOKENS.output },
      request_ids: [expect.stringMatching(/^chatcmpl-/)],
    });
    expect(body(0)).toMatchObject({
      ...{ model: 'asked-for', stream: true },
      response_format: { type: 'json_schema', json_schema: { schema: { type: 'object' } } },
    });
    boxed.server.assertDone();
    expect(linesOf(outcome)[0]).toMatchObject({ type: 'start', gate: 'P00', requested_model: 'asked-for' });
    expect(outcome.work).toMatchObject({
      tools: { listed_by: 'executor', names: [] },
      tool_calls: { total: 0, by_tool: [] },
    });
    expect(outcome.work?.parameters?.argv).toBeUndefined();
  });

  test('model executor: json asks for an object, text for nothing; parameters are passed on', async () => {
    boxed.server.script([{ kind: 'text', text: answerText('P07') }]);
    const parameters = { temperature: 0.2, seed: 7, max_output_tokens: 4_000, provider_options: { user: 'nina' } };
    expect(await boxed.execute({ gate: 'P07', config: { edits: 'files', output: 'json', parameters } })).toMatchObject({
      problem: null,
    });
    expect(body(0)).toMatchObject({
      ...{ response_format: { type: 'json_object' }, temperature: 0.2, seed: 7, max_tokens: 4_000, user: 'nina' },
    });
    const text = `Here it is.\n\`\`\`json\n${JSON.stringify(answerFor('P07'))}\n\`\`\`\n`;
    boxed.server.script([{ kind: 'text', text }]);
    const plain = await boxed.execute({ gate: 'P07', config: { edits: 'files', output: 'text' } });
    expect(JSON.parse(plain.answer ?? '')).toEqual(answerFor('P07'));
    expect(body(0).response_format).toBeUndefined();
  });

  test('model executor: answer_bounds puts bounds of lists and texts, and patterns of ids, into the schema that the service gets', async () => {
    boxed.server.script([{ kind: 'text', text: answerText('P06') }]);
    const config = { edits: 'files', answer_bounds: { items: 8, characters: 240 } };
    expect(await boxed.execute({ gate: 'P06', config })).toMatchObject({ problem: null });
    const asked = JSON.stringify(body(0).response_format);
    expect(asked).toContain('"maxItems":8');
    expect(asked).toContain('"maxLength":240');
    expect(asked).toContain('"pattern":"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$"');
  });

  test('model executor: an answer that cannot be read is asked for once more, with what was wrong', async () => {
    boxed.server.script([
      { kind: 'text', text: '{"answer":{"kind":"output","project":1}}' },
      { kind: 'text', text: answerText('P00') },
    ]);
    const outcome = await boxed.execute({ config: { edits: 'files' } });
    expect(outcome.problem).toBeNull();
    expect(body(1).messages).toEqual(
      expect.arrayContaining([expect.objectContaining({ content: expect.stringMatching(/cannot be used.*project/) })]),
    );
    expect(outcome.used?.usage).toMatchObject({ input_tokens: 2 * TOKENS.input });
    boxed.server.assertDone();
  });

  test('model executor: at a gate without edits the model looks at files, and is asked for its answer in the end', async () => {
    await boxed.put('src/look.ts', 'export const wanted = 1;\n');
    boxed.server.script([
      { kind: 'tool', name: 'list_files', input: { path: 'src' } },
      { kind: 'tool', name: 'search_files', input: { text: 'wanted' } },
      { kind: 'tool', name: 'read_file', input: { path: 'src/look.ts' } },
      { kind: 'text', text: 'I have seen enough.' },
      { kind: 'text', text: answerText('P06') },
    ]);
    const outcome = await boxed.execute({ gate: 'P06' });
    expect(outcome.problem).toBeNull();
    expect(boxed.server.calls[0]?.tools).toEqual(['list_files', 'read_file', 'search_files']);
    const results = JSON.stringify(body(3).messages);
    expect(results).toContain('src/look.ts:1: export const wanted = 1;');
    expect(body(3).response_format).toBeUndefined();
    expect(body(4)).toMatchObject({ response_format: { type: 'json_schema' } });
    expect(body(4).tools).toBeUndefined();
    expect(linesOf(outcome).filter(({ type }) => type === 'tool_call')).toHaveLength(3);
    expect(outcome.work).toMatchObject({
      parameters: { settings: { output: 'schema', edits: 'tools' } },
      tools: { listed_by: 'executor', names: ['list_files', 'read_file', 'search_files'] },
      tool_calls: {
        total: 3,
        by_tool: [
          { tool: 'list_files', calls: 1 },
          { tool: 'read_file', calls: 1 },
          { tool: 'search_files', calls: 1 },
        ],
      },
    });
    boxed.server.assertDone();
  });

  test('model executor: a model that only calls tools is asked for its answer before its calls are used up', async () => {
    const list = { kind: 'tool', name: 'list_files', input: {} } as const;
    boxed.server.script([list, list, { kind: 'text', text: answerText('P06') }]);
    expect(await boxed.execute({ gate: 'P06', config: { max_steps: 3 } })).toMatchObject({ problem: null });
    boxed.server.assertDone();
  });

  test('model executor: the key is sent to the service and is in no line of the transcript', async () => {
    boxed.server.script([{ kind: 'text', text: `The key is ${KEY}.` }], { repeats: true });
    const outcome = await boxed.execute({ config: { edits: 'files' } });
    const printed = printedText(outcome.stdout);
    expect(printed).toContain('The key is [masked].');
    expect(printed).not.toContain(KEY);
  });

  test('model executor: its descriptor has the provider and the settings, and nothing of where this machine has our program', () => {
    const { descriptor } = boxed.executor();
    expect(descriptor).toMatchObject({
      ...{ kind: 'model', program: 'openai-compatible', requested_model: 'asked-for' },
      agent: { name: 'model executor (openai-compatible)', version: null },
    });
    const settings = modelProgramSchema.parse({
      ...{ base_url: `${boxed.server.url}/v1`, model: 'asked-for', api_key_env: 'LLM_API_KEY' },
    });
    expect(descriptor.arguments_sha256).toBe(canonicalSha256(settings));
    const other = boxed.executor({ parameters: { temperature: 0 } }).descriptor;
    expect(other.arguments_sha256).not.toBe(descriptor.arguments_sha256);
    expect(boxed.executor({ timeout: '1h' }).descriptor).toEqual(descriptor);
  });

  test('model executor: a key that is not set stops it before it starts', async () => {
    await expect(boxed.execute({ env: { PATH: process.env.PATH ?? '' } })).rejects.toMatchObject({
      code: 'EXECUTOR_KEY_MISSING',
      message: expect.stringContaining('set LLM_API_KEY'),
    });
  });
});
