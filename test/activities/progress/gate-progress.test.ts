import { expect, test } from 'vitest';
import { createGateProgress } from '../../../src/activities/progress/gate-progress.js';
import { type GateProgress, gateProgressSchema } from '../../../src/contracts/run/gate-progress.js';
import type { CommandWatch } from '../../../src/ports/gate-executor.js';

/** Of the form of a GitHub token; it is none. */
const TOKEN = `ghp_${'q7Rk2ZpX9mWc4Tn8Yb3V'.repeat(2).slice(0, 36)}`;
/** What a heartbeat may have. */
const LIMIT = 4 * 1_024;

/** An attempt of P06, and what its next heartbeat would say. */
function trackedAttempt() {
  let details: (() => GateProgress) | undefined;
  const sent: GateProgress[] = [];
  const tracker = createGateProgress({ gate: 'P06', attempt: 2 }, (next) => {
    details = next;
    sent.push(next());
  });
  const look = (): GateProgress => {
    const said = details?.();
    if (said === undefined) throw new Error('nothing was begun');
    return gateProgressSchema.parse(said);
  };
  const check = (name: string) => {
    const watch = tracker.command(`check ${name}`, (output) => `evidence/checks/${name}.${output}.txt`);
    return { watch, print: printer(watch) };
  };
  return { tracker, sent, look, check };
}
const printer =
  (watch: CommandWatch) =>
  (text: string | Uint8Array, output: 'stdout' | 'stderr' = 'stdout') =>
    watch.printed(output, typeof text === 'string' ? Buffer.from(text) : text);

const bytesOf = (progress: GateProgress): number => Buffer.byteLength(JSON.stringify(progress));

test('progress: says what is done, since when, and when it is stopped', () => {
  const { tracker, sent, look, check } = trackedAttempt();
  tracker.begin('prepare');
  expect(look()).toMatchObject({ gate: 'P06', attempt: 2, try: 0, activity: 'prepare', times_out_at: null });
  check('tests').watch.started(90_000);
  const { activity, started_at, times_out_at, timeout_ms } = look();
  expect({ activity, timeout_ms }).toEqual({ activity: 'check tests', timeout_ms: 90_000 });
  expect(Date.parse(times_out_at ?? '') - Date.parse(started_at)).toBe(90_000);
  expect(sent.map((one) => one.activity)).toEqual(['prepare', 'check tests', 'check tests']);
});

test('progress: carries the last line and the end of each output, by the path at which it is kept', () => {
  const { look, check } = trackedAttempt();
  const { print } = check('tests');
  print('ok 1\nok 2\n');
  print('a warning\n', 'stderr');
  expect(look()).toMatchObject({
    last_line: 'a warning',
    output: [
      { path: 'evidence/checks/tests.stdout.txt', end: 10, text: 'ok 1\nok 2\n' },
      { path: 'evidence/checks/tests.stderr.txt', end: 10, text: 'a warning\n' },
    ],
  });
  print('ok 3\n');
  expect(look().output.at(-1)).toEqual({ path: 'evidence/checks/tests.stdout.txt', end: 15, text: 'ok 3\n' });
});

test('progress: a credential in two writes is in no heartbeat, neither before its end is known nor after', () => {
  const { look, check } = trackedAttempt();
  const { print } = check('tests');
  const said: GateProgress[] = [];
  for (const part of ['token: ', TOKEN.slice(0, 9), TOKEN.slice(9, 20), TOKEN.slice(20), '\nnext\n']) {
    print(part);
    said.push(look());
  }
  const shown = JSON.stringify(said);
  for (let start = 4; start + 8 <= TOKEN.length; start += 1) expect(shown).not.toContain(TOKEN.slice(start, start + 8));
  expect(said.at(-1)?.output[0]?.text).toMatch(/^token: \[masked: [\w-]+, sha256 [0-9a-f]{8}\]\nnext\n$/);
});

test('progress: a character in two chunks is whole', () => {
  const { look, check } = trackedAttempt();
  const { print } = check('tests');
  const bytes = Buffer.from('naïve 😀 done\n');
  for (const byte of bytes) print(Uint8Array.of(byte));
  expect(look()).toMatchObject({ last_line: 'naïve 😀 done', output: [{ text: 'naïve 😀 done\n' }] });
});

test('progress: what a command held back is shown once another begins', () => {
  const { tracker, look, check } = trackedAttempt();
  check('tests').print('finished');
  expect(look().last_line).toBeNull();
  tracker.begin('judge the answer');
  expect(look()).toMatchObject({ activity: 'judge the answer', last_line: 'finished', output: [{ text: 'finished' }] });
});

test.each<[string, string]>([
  ['control characters', '\u0001\u001b[2J\u0007'.repeat(30_000)],
  ['four bytes a character', '😀 '.repeat(60_000)],
  ['quotes and backslashes', '"\\ '.repeat(60_000)],
  ['halves of characters', '\ud83d \udc00 '.repeat(40_000)],
  ['a line without an end', 'x y'.repeat(90_000)],
  ['a word without an end', 'x'.repeat(400_000)],
  ['many lines', 'ok, one more line\n'.repeat(40_000)],
])('progress: %s keep a heartbeat below 4 KiB', (_, text) => {
  const { look, check } = trackedAttempt();
  const long = check('n'.repeat(64));
  for (let start = 0; start < text.length; start += 5_000) {
    long.print(text.slice(start, start + 5_000), start % 10_000 === 0 ? 'stdout' : 'stderr');
    if (start % 50_000 === 0) expect(bytesOf(look())).toBeLessThan(LIMIT);
  }
  long.print('\n');
  expect(bytesOf(look())).toBeLessThan(LIMIT);
});

test('progress: outputs that change all the time keep a heartbeat below 4 KiB', () => {
  const { look, check } = trackedAttempt();
  const { print } = check('n'.repeat(64));
  for (let round = 0; round < 200; round += 1) {
    print(`line ${round}\n`, round % 2 === 0 ? 'stdout' : 'stderr');
    look();
  }
  const last = look();
  expect(bytesOf(last)).toBeLessThan(LIMIT);
  expect(last.output.at(-1)?.text).toBe('line 199\n');
});

test('progress: the last line has nothing that a terminal or a page would obey', () => {
  const { look, check } = trackedAttempt();
  const { print } = check('tests');
  print('\u001b]0;title\u0007\u001b[31mred\u001b[0m \u202eevil\u2066 \u200bx\u009b2J\n');
  const line = look().last_line ?? '';
  expect(line).toContain('red');
  expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});
