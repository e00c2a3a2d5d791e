import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { createDirectStarter } from '../../../src/adapters/platform/direct-starter.js';
import { isRunning, until } from './processes.js';

const starter = createDirectStarter('session');
const shell = (script: string) => ({
  argv: ['sh', '-c', script],
  env: { PATH: process.env.PATH ?? '' },
  cwd: tmpdir(),
});

async function start(script: string, input?: string) {
  const running = await starter.start({ ...shell(script), input });
  const printed = { text: '' };
  for (const output of [running.stdout, running.stderr]) {
    output.setEncoding('utf8').on('data', (chunk: string) => {
      printed.text += chunk;
    });
  }
  return { running, printed };
}

test('direct starter: a program reads its input, and its outputs and end are reported', async () => {
  const { running, printed } = await start('cat; exit 3', 'the input');
  expect(await running.untilEnded()).toEqual({ code: 3, signal: null });
  expect(printed.text).toBe('the input');
});

test('direct starter: a missing program is reported with the code of the system', async () => {
  const missing = starter.start({ ...shell(''), argv: ['no-such-program-of-promptos'] });
  await expect(missing).rejects.toMatchObject({ code: 'ENOENT' });
});

test('direct starter: a program that ignores SIGTERM is killed with its children', async () => {
  const { running, printed } = await start('trap "" TERM; sleep 600 & echo "$$ $!"; wait; wait; sleep 600');
  await until(() => printed.text.endsWith('\n'));
  running.stop();
  expect(await running.untilEnded()).toEqual({ code: null, signal: 'SIGKILL' });
  const pids = printed.text.trim().split(' ').map(Number);
  expect(pids).toHaveLength(2);
  await until(() => !pids.some(isRunning));
});
