import { expect, test } from 'vitest';
import { createOutput } from '../../../../src/cli/app/output.js';
import { printMessage, refusedMessage } from '../../../../src/cli/runs/messages/message.js';
import type { RefusalReason } from '../../../../src/contracts/run/decisions.js';

/** What is printed of a message, on standard output and on standard error. */
function printed(message: object) {
  const texts = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof texts) => {
    const write = (text: string) => {
      texts[name] += text;
    };
    return { write } as never;
  };
  const output = createOutput({
    ...{ json: false, stdout: stream('stdout'), stderr: stream('stderr'), stdinIsTerminal: false, noColor: true },
  });
  const temporal = { connectionOptions: { address: '127.0.0.1:7233' }, namespace: 'default', embedded: true };
  printMessage({ message, signal: 'approve', runId: 'run-one', temporal }, output);
  return texts;
}

test('a printed message: nothing that a worker called a finding is obeyed by the terminal, and it means the same', () => {
  const message = { acknowledged: ["a\u009b2J\u001b[2J\u202eb'c"], actor: 'grace' };
  const { stdout, stderr } = printed(message);
  expect(JSON.parse(stdout)).toEqual(message);
  expect(`${stdout}${stderr}`).not.toMatch(/[^\P{Cc}\n]|[\u200b-\u200f\u2028-\u202e\u2060-\u2069]/u);
  expect(stderr).toContain("--address 127.0.0.1:7233 --workflow-id promptos/run/run-one --name approve --input '");
  expect(/--input '([^']*)'\n/.exec(stderr)?.[1]).toBe(stdout.trimEnd());
});

test('a refused message: the next step is about the clock, the key or the release of the sender, where the run cannot show it', () => {
  const nextStep = (reason: RefusalReason) =>
    refusedMessage({ accepted: false, reason, message: 'It does not count.' });
  expect(nextStep('DECISION_TIME_INVALID').message).toMatch(/^Refused \(DECISION_TIME_INVALID\): .* Set the clock /);
  expect(nextStep('KEY_NOT_VALID').message).toContain('promptos keys fingerprint');
  expect(nextStep('MALFORMED').message).toContain('the worker is of an older release of PromptOS than this command');
  expect(nextStep('REQUEST_NOT_STANDING').message).toContain('promptos run status');
});
