import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { missing } from '../../../support/missing-package.js';
import { SERVED_MODEL, TOKENS } from '../../../support/model-protocols.js';
import { answerFor, answerText, type BoxedModel, startBoxedModel } from './boxed-model.js';

vi.mock('node:module', async (original) => {
  const { withoutMissing } = await import('../../../support/missing-package.js');
  return withoutMissing(await original());
});

let boxed: BoxedModel;
beforeAll(async () => {
  boxed = await startBoxedModel();
});
afterAll(() => boxed.close());

/** Each with the protocol that it speaks. */
const PROVIDERS = [
  { provider: 'anthropic', protocol: 'anthropic' },
  { provider: 'openai', protocol: 'responses' },
  { provider: 'google', protocol: 'gemini' },
] as const;
const MODEL = 'test-model-1';

describe.runIf(process.platform === 'linux')('providers with a package of their own', () => {
  test.each(PROVIDERS)(
    'model executor: the package of $provider is seen in the sandbox, and speaks its own protocol',
    async ({ provider, protocol }) => {
      boxed.server.script([
        { kind: 'tool', name: 'list_files', input: {} },
        { kind: 'text', text: answerText('P06') },
      ]);
      const outcome = await boxed.execute({ gate: 'P06', config: { provider, model: MODEL } });
      expect(outcome).toMatchObject({ problem: null, served_model: SERVED_MODEL });
      expect(JSON.parse(outcome.answer ?? '')).toEqual(answerFor('P06'));
      expect(outcome.used?.usage).toMatchObject({ output_tokens: 2 * TOKENS.output });
      expect(boxed.server.calls.slice(-2).map((call) => call.protocol)).toEqual([protocol, protocol]);
      boxed.server.assertDone();
    },
  );

  test.each(PROVIDERS)('model executor: errors of $provider have the same classes', async ({ provider }) => {
    const config = { provider, model: MODEL };
    boxed.server.script([{ kind: 'error', status: 401, message: 'invalid key' }]);
    expect((await boxed.execute({ config })).failure).toEqual({ class: 'authentication', message: '401: invalid key' });
    boxed.server.script([{ kind: 'error', status: 429, message: 'Too many' }]);
    expect((await boxed.execute({ config })).failure).toMatchObject({
      ...{ class: 'transient', message: '429: Too many', retry_after_ms: 1_000 },
    });
  });

  test('model executor: a package that is missing is named with the command that installs it', async () => {
    missing.name = '@ai-sdk/google';
    await expect(boxed.execute({ config: { provider: 'google', model: MODEL } })).rejects.toMatchObject({
      code: 'EXECUTOR_NOT_FOUND',
      message: expect.stringMatching(/npm install @ai-sdk\/google@\^3.* Install it, or name another provider/),
    });
  });
});
