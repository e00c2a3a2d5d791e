import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { collectContent } from '../../../src/adapters/platform/collect-bytes.js';
import { maskAsked, maskPassed, maskPassedIn, maskWatched } from '../../../src/adapters/platform/passed-secrets.js';
import { isLong, wholeOf } from '../../../src/contracts/long-bytes.js';
import type { CommandOutput } from '../../../src/ports/gate-executor.js';

const ENV = {
  MODEL_API_KEY: 'hunter2-hunter2',
  OTHER_TOKEN: 'first line\nsecond',
  MODE: 'a-long-mode',
  PIN_KEY: 'short',
};

function watched(env: Readonly<Record<string, string>>, ...chunks: readonly [CommandOutput, string][]) {
  const shown = { stdout: '', stderr: '' };
  const watch = maskWatched(env, {
    started: () => undefined,
    printed: (output, chunk) => {
      shown[output] += new TextDecoder().decode(chunk);
    },
  });
  for (const [output, text] of chunks) watch.printed(output, Buffer.from(text));
  return shown;
}

test('maskPassed: masks long values of variables that are credentials by name, also as JSON has them', () => {
  const text = `hunter2-hunter2 ${JSON.stringify('first line\nsecond')} a-long-mode short`;
  const other = '[masked: the value of OTHER_TOKEN]';
  expect(maskPassed(ENV)(text)).toBe(`[masked: the value of MODEL_API_KEY] "${other}" a-long-mode short`);
});

test('maskAsked: masks a value in the name of a host, in any case and with dots in it, and no other name', () => {
  const request = { method: 'connect', port: 443, allowed: false, reason: 'host_not_listed', count: 1 } as const;
  const log = (...hosts: readonly (string | null)[]) => ({
    ...{ schema_version: 1 as const, hosts: ['a.test'], refused_omitted: 0, allowed_omitted: 0 },
    requests: hosts.map((host) => ({ ...request, host })),
  });
  const mask = '[masked: the value of MODEL_API_KEY]';
  const asked = log('hunter2-hunter2.evil.test', 'HUNTER2-h.unter2.evil.test', 'hunter2.evil.test', null);
  expect(maskAsked(ENV)(asked)).toEqual(log(`${mask}.evil.test`, `${mask}.evil.test`, 'hunter2.evil.test', null));
  expect(
    maskAsked({ A_TOKEN: 'a.b*c(d)[e]' })(log('a.b*c(d)[e]', 'aXb*c(d)[e]'))?.requests.map(({ host }) => host),
  ).toEqual(['[masked: the value of A_TOKEN]', 'aXb*c(d)[e]']);
  expect(maskAsked(ENV)(undefined)).toBeUndefined();
});

test('maskWatched: masks a value that comes in pieces, each output by itself, and holds nothing else back', () => {
  const { stdout, stderr } = watched(
    ENV,
    ['stdout', 'key: hunter2-'],
    ['stderr', 'hunter2'],
    ['stderr', ' is a name'],
    ['stdout', 'hun'],
    ['stdout', 'ter2, and hunter2-hunter2 again'],
  );
  const mask = '[masked: the value of MODEL_API_KEY]';
  expect(stdout).toBe(`key: ${mask}, and ${mask} again`);
  expect(stderr).toBe('hunter2 is a name');
});

test('maskWatched: a value that has begun is not shown until it is certain that it is another one', () => {
  expect(watched(ENV, ['stdout', 'key hunter2-hunte']).stdout).toBe('key ');
  expect(watched({ MODE: 'x' }, ['stdout', 'key hunter2']).stdout).toBe('key hunter2');
});

/** One credential begins with another, one ends with the beginning of another, one repeats itself. */
const OVERLAPPING = { A_KEY: 'abcdefgh', LONG_KEY: 'abcdefgh-ijklmnop', NEXT_KEY: 'mnop-qrstu', SAME_KEY: 'zzzzzzzz' };
const maskOf = (name: string) => `[masked: the value of ${name}]`;
const OVERLAPS: [string, string][] = [
  ['x abcdefgh-ijklmnop y', `x ${maskOf('LONG_KEY')} y`],
  ['x abcdefgh-ijk y', `x ${maskOf('A_KEY')}-ijk y`],
  ['x abcdefgh-ijklmnop-qrstu y', `x ${maskOf('LONG_KEY')}${maskOf('NEXT_KEY')} y`],
  ['abcdefghabcdefgh', `${maskOf('A_KEY')}${maskOf('A_KEY')}`],
  ['x zzzzzzzzzzzz y', `x ${maskOf('SAME_KEY')} y`],
];

test.each(OVERLAPS)('maskPassed: no part of values that overlap is shown: %s', (text, expected) => {
  expect(maskPassed(OVERLAPPING)(text)).toBe(expected);
  expect(maskPassed(Object.fromEntries(Object.entries(OVERLAPPING).reverse()))(text)).toBe(expected);
});

test.each(OVERLAPS)('maskWatched: the same in pieces of any size: %s', (text, expected) => {
  for (let first = 1; first <= text.length; first += 1) {
    for (const size of [1, 3, text.length]) {
      const rest = text.slice(first).match(new RegExp(`.{1,${size}}`, 'g')) ?? [];
      const pieces = [text.slice(0, first), ...rest, '\n'].map((piece): [CommandOutput, string] => ['stdout', piece]);
      expect(watched(OVERLAPPING, ...pieces).stdout).toBe(`${expected}\n`);
    }
  }
});

test.each(OVERLAPS)('maskPassedIn: the same in a long output, up to its end: %s', async (text, expected) => {
  const collector = collectContent(Number.POSITIVE_INFINITY, tmpdir());
  collector.add(Buffer.from(`${'-'.repeat(2_000_000)}${text}`));
  const masked = await maskPassedIn(OVERLAPPING, tmpdir())(collector.bytes());
  expect(Buffer.from(await wholeOf(masked)).toString()).toBe(`${'-'.repeat(2_000_000)}${expected}`);
});

test('maskAsked: no part of values that overlap is in the name of a host', () => {
  const request = { method: 'connect', port: 443, allowed: false, reason: 'host_not_listed', count: 1 } as const;
  const asked = maskAsked(OVERLAPPING)({
    ...{ schema_version: 1 as const, hosts: [], refused_omitted: 0, allowed_omitted: 0 },
    requests: [{ ...request, host: 'abcdefgh-ijklm.nop.evil.test' }],
  });
  expect(asked?.requests[0]?.host).toBe(`${maskOf('LONG_KEY')}.evil.test`);
});

/** An output of 2 MB and more, with a text in the midst of it at any place of its pieces. */
function longOutput(text: string, before: number) {
  const collector = collectContent(Number.POSITIVE_INFINITY, tmpdir());
  collector.add(Buffer.from(`${'x'.repeat(2_000_000 + before)}${text}${'y'.repeat(1_000)}`));
  const content = collector.bytes();
  if (!isLong(content)) throw new Error('expected a long output');
  return content;
}

test.each([0, 31 * 65_536 - 2_000_000 - 7, 33 * 65_536 - 2_000_000 - 1])(
  'maskPassedIn: masks a value in a long output, also across the border of two pieces (%i)',
  async (before) => {
    const masked = await maskPassedIn(ENV, tmpdir())(longOutput('hunter2-hunter2', before));
    expect(Buffer.from(await wholeOf(masked)).toString()).toBe(
      `${'x'.repeat(2_000_000 + before)}[masked: the value of MODEL_API_KEY]${'y'.repeat(1_000)}`,
    );
  },
);

test('maskPassedIn: an output without such a value is the one that was given', async () => {
  for (const output of [longOutput('a-long-mode', 0), Buffer.from('short')]) {
    expect(await maskPassedIn(ENV, tmpdir())(output)).toBe(output);
  }
  expect(
    Buffer.from((await maskPassedIn(ENV, tmpdir())(Buffer.from('a hunter2-hunter2'))) as Uint8Array).toString(),
  ).toBe('a [masked: the value of MODEL_API_KEY]');
});
