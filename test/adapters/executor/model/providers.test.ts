import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SERVED_MODEL, TOKENS } from '../../../support/model-protocols.js';
import { answerFor, answerText, type BoxedModel, startBoxedModel } from './boxed-model.js';

let boxed: BoxedModel;
beforeAll(async () => {
  boxed = await startBoxedModel();
});
afterAll(() => boxed.close());

const anthropic = { provider: 'anthropic', model: 'claude-test-1' };

describe.runIf(process.platform === 'linux')('providers with a package of their own', () => {
  test('model executor: the package of another provider is seen in the sandbox, and speaks its own protocol', async () => {
    boxed.server.script([
      { kind: 'tool', name: 'list_files', input: {} },
      { kind: 'text', text: answerText('P06') },
    ]);
    const outcome = await boxed.execute({ gate: 'P06', config: anthropic });
    expect(outcome).toMatchObject({ problem: null, served_model: SERVED_MODEL });
    expect(JSON.parse(outcome.answer ?? '')).toEqual(answerFor('P06'));
    expect(outcome.used?.usage).toMatchObject({ output_tokens: 2 * TOKENS.output });
    expect(boxed.server.calls.map(({ protocol }) => protocol)).toEqual(['anthropic', 'anthropic']);
    boxed.server.assertDone();
  });

  test('model executor: errors of another provider have the same classes', async () => {
    boxed.server.script([{ kind: 'error', status: 401, message: 'invalid x-api-key' }]);
    const outcome = await boxed.execute({ config: anthropic });
    expect(outcome.failure).toEqual({ class: 'authentication', message: '401: invalid x-api-key' });
    boxed.server.script([{ kind: 'error', status: 429, message: 'Too many' }]);
    expect((await boxed.execute({ config: anthropic })).failure).toMatchObject({
      ...{ class: 'transient', message: '429: Too many', retry_after_ms: 1_000 },
    });
  });

  test('model executor: a package that is missing is named with the command that installs it', async () => {
    await expect(boxed.execute({ config: { provider: 'google', model: 'm' } })).rejects.toMatchObject({
      code: 'EXECUTOR_NOT_FOUND',
      message: expect.stringMatching(/npm install @ai-sdk\/google@\^3.* Install it, or name another provider/),
    });
  });
});
