import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MODULE = fileURLToPath(new URL('../../../dist/cli/app/stop-signals.js', import.meta.url));

/** Runs some code in a process of its own, and sends it a signal for each "ready" that it prints. */
async function signalled(code: string, ...signals: readonly NodeJS.Signals[]) {
  const source = `import * as stop from ${JSON.stringify(MODULE)};
    const say = (line) => process.stdout.write(line + '\\n');
    const output = (interactive) => ({ interactive, note: (text) => say(JSON.stringify(text)) });
    const waiting = () => new Promise(() => setTimeout(() => say('never ended'), 60_000));
    const signalCame = () => new Promise((came) => {
      const alive = setInterval(() => undefined, 1_000);
      process.prependOnceListener('SIGTERM', () => { clearInterval(alive); came(); });
    });
    ${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const left = [...signals];
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    for (const _ of text.matchAll(/^ready$/gm)) child.kill(left.shift());
  });
  const [exit, signal] = await once(child, 'close');
  return { exit, signal, said: said.split('\n').filter((line) => line !== '' && line !== 'ready') };
}

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  'stopBySignal: what is to be done at the exit is done, and the parent sees %s',
  async (signal) => {
    const ended = await signalled(
      `process.once('exit', () => say('removed'));
       stop.onStopSignal((signal) => stop.stopBySignal(signal, output(true), ': half done'));
       say('ready'); await waiting();`,
      signal,
    );
    // A terminal shows "^C", and no line end.
    const note = `${signal === 'SIGINT' ? '\n' : ''}Stopped by ${signal}: half done`;
    expect(ended).toEqual({ exit: null, signal, said: [JSON.stringify(note), 'removed'] });
  },
);

test('stopBySignal: what no person typed on a terminal begins with no empty line', async () => {
  const ended = await signalled(
    `stop.onStopSignal((signal) => stop.stopBySignal(signal, output(false), '')); say('ready'); await waiting();`,
    'SIGINT',
  );
  expect(ended.said).toEqual(['"Stopped by SIGINT"']);
});

test('onStopSignal: the second signal ends a process that still stops for the first', async () => {
  const ended = await signalled(
    `stop.onStopSignal((signal) => { say(signal); say('ready'); }); say('ready'); await waiting();`,
    'SIGTERM',
    'SIGINT',
  );
  expect(ended).toEqual({ exit: null, signal: 'SIGINT', said: ['SIGTERM'] });
});

test('onStopSignal: the innermost answers, and the one outside it once that is released', async () => {
  const ended = await signalled(
    `stop.onStopSignal((signal) => stop.stopBySignal(signal, output(false), ' outside'));
     stop.onStopSignal(() => say('inner'))();
     say('ready'); await waiting();`,
    'SIGTERM',
  );
  expect(ended).toEqual({ exit: null, signal: 'SIGTERM', said: ['"Stopped by SIGTERM outside"'] });
});

test('withoutBreak: a signal waits for the end of the work, and nothing after it is begun', async () => {
  const ended = await signalled(
    `stop.onStopSignal(() => say('broken off'));
     await stop.withoutBreak(async () => {
       const came = signalCame();
       say('ready');
       await came;
       await new Promise(setImmediate);
       say('written');
     }, () => say('complete'));
     say('begun');`,
    'SIGTERM',
  );
  expect(ended).toEqual({ exit: null, signal: 'SIGTERM', said: ['written', 'complete'] });
});

test('withoutBreak: an error of the work is thrown also when a signal came', async () => {
  const ended = await signalled(
    `await stop.withoutBreak(async () => {
       const came = signalCame();
       say('ready');
       await came;
       throw new Error('disk full');
     }, () => say('complete')).catch((error) => say(error.message));`,
    'SIGTERM',
  );
  expect(ended).toEqual({ exit: null, signal: 'SIGTERM', said: ['disk full'] });
});
