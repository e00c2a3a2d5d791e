import { expect, test } from 'vitest';
import { createExecutorRegistry } from '../../../src/adapters/executor/command-executor.js';
import { executorConfigSchema } from '../../../src/contracts/config/executor-config.js';
import { PromptOsError } from '../../../src/contracts/errors.js';

const options = { env: {}, configDir: '/nowhere', scratchRoot: '/nowhere' };
const agent = executorConfigSchema.parse({ kind: 'command', argv: ['agent'] });
const errorOf = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

test('executor registry: gives the executor of a principal', () => {
  const registry = createExecutorRegistry({ writer: agent }, options);
  expect(registry.forPrincipal('writer').descriptor).toMatchObject({ principal: 'writer', program: 'agent' });
});

test.each(['reviewer', 'toString', '__proto__'])('executor registry: refuses %s, naming who is configured', (name) => {
  const error = errorOf(() => createExecutorRegistry({ writer: agent, auditor: agent }, options).forPrincipal(name));
  expect(error).toBeInstanceOf(PromptOsError);
  expect(error).toMatchObject({ code: 'EXECUTOR_NOT_CONFIGURED', summary: expect.stringContaining('auditor, writer') });
});
