import { expect, test } from 'vitest';
import { parseRequest, UsageError } from '../../bench/options.js';
import { chooseParts, helpText, PARTS } from '../../bench/parts.js';

const choose = (...args: string[]) => [...chooseParts(parseRequest(args)).keys()];

test('chooseParts: without --only, the parts that are measured by default', () => {
  expect(choose()).toEqual(['fair', 'recovery', 'history', 'signatures', 'prefix', 'gates', 'box', 'commands']);
  expect(choose('--only', 'prefix, fair')).toEqual(['prefix', 'fair']);
});

test('parseRequest: reads numbers, lists and flags', () => {
  const { options, given, json } = parseRequest(['--runs', '3', '--concurrency', '1,8', '--unsigned', '--json']);
  expect(options).toMatchObject({ runs: 3, concurrency: [1, 8], unsigned: true, files: 50_000 });
  expect([...given].sort()).toEqual(['concurrency', 'runs', 'unsigned']);
  expect(json).toBe(true);
});

test.each([
  [['--only', 'bare'], 'There is no part "bare". The parts are: fair, recovery'],
  [['--only', 'constructor'], 'There is no part "constructor".'],
  [['--only', ''], 'There is no part "".'],
  [['--runs', '0'], '--runs expects a whole number of 1 or more, received "0".'],
  [['--runs', '1e3'], '--runs expects a whole number of 1 or more, received "1e3".'],
  [['--concurrency', '1,'], '--concurrency expects a whole number of 1 or more, received "".'],
  [['--files', '-1', '--only', 'large-repository'], "Option '--files"],
  [['--rounds', '3'], "Unknown option '--rounds'"],
  [['fair'], "Unexpected argument 'fair'"],
  [['--only', 'prefix', '--concurrency', '2'], '--concurrency is an option of fair. Add --only fair.'],
  [['--only', 'secrets'], 'The part "secrets" expects at least one --sources DIR.'],
])('bad arguments: %j are refused', (args, message) => {
  let thrown: unknown;
  try {
    chooseParts(parseRequest(args));
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(UsageError);
  expect((thrown as Error).message).toContain(message);
});

test('helpText: names every part and every option', () => {
  const help = helpText();
  for (const name of Object.keys(PARTS)) expect(help).toContain(`  ${name} `);
  for (const { options } of Object.values(PARTS)) for (const name of options) expect(help).toContain(`--${name}`);
});
