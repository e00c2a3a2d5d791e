import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { builtInPackDir } from '../../src/config/pack-folder.js';
import { readPromptPack } from '../../src/config/prompt-pack.js';
import { tryExecutor } from '../../src/plugin/try-executor.js';
import type { ExecutorCall, ExecutorOutcome, GateExecutor } from '../../src/ports/gate-executor.js';
import { ANSWER } from '../support/answer-contract.js';
import { says, scriptedExecutors } from '../support/scripted-executor.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const answering = scriptedExecutors();
answering.script('nina', ...Array.from({ length: 20 }, () => says(ANSWER)));
const { descriptor, execute: answer } = answering.forPrincipal('nina');
const never = () => new Promise<ExecutorOutcome>(() => undefined);

/** Answers its first call, and does what the test says at the later ones. */
async function tryWith(later: GateExecutor['execute'], hurried?: GateExecutor['execute']) {
  let calls = 0;
  const execute = (call: ExecutorCall) => (calls++ === 0 ? answer(call) : later(call));
  const pack = await readPromptPack(builtInPackDir());
  const tried = tryExecutor(
    { descriptor, execute },
    {
      ...{ pack, directory: '/checkout' },
      ...(hurried === undefined ? {} : { hurried: { executor: { descriptor, execute: hurried }, timeout_ms: 2_000 } }),
    },
  );
  await vi.advanceTimersByTimeAsync(60_000);
  return tried;
}
const onAbort = (call: ExecutorCall, end: () => void) => call.signal.addEventListener('abort', end, { once: true });

test('tryExecutor: one that throws the signal’s reason can be cancelled', async () => {
  const later: GateExecutor['execute'] = (call) =>
    new Promise((_, reject) => onAbort(call, () => reject(call.signal.reason)));
  expect(await tryWith(later)).toMatchObject([
    { name: 'answer', holds: true },
    { name: 'cancellation', holds: true },
  ]);
});

test.each<readonly [string, GateExecutor['execute'], string]>([
  ['goes on', never, 'still ran 10 s after it was cancelled'],
  ['throws something else', (call) => new Promise((_, reject) => onAbort(call, () => reject(new Error('x')))), '"x"'],
  [
    'gives an outcome',
    (call) => new Promise((resolve) => onAbort(call, () => resolve(answer(call)))),
    'gave an outcome',
  ],
])('tryExecutor: one that %s when it is cancelled fails', async (_, later, message) => {
  const [, cancelled] = await tryWith(later);
  expect(cancelled).toMatchObject({ holds: false, message: expect.stringContaining(message) });
});

test('tryExecutor: one that works on after its time, or throws then, fails', async () => {
  const [, late] = await tryWith(answer, never);
  expect(late).toMatchObject({ name: 'time-out', holds: false, message: expect.stringContaining('still ran') });
  const [, thrown] = await tryWith(answer, () => Promise.reject(new Error('late')));
  expect(thrown).toMatchObject({ name: 'time-out', holds: false, message: expect.stringContaining('"late"') });
});
