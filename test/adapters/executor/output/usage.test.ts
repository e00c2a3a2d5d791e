import { expect, test } from 'vitest';
import { readPrintedJson } from '../../../../src/adapters/executor/output/printed-json.js';
import { readUse } from '../../../../src/adapters/executor/output/reported-work.js';
import { usageLocationSchema } from '../../../../src/contracts/config/executor-output.js';

const readFrom = (location: object, ...texts: readonly string[]) =>
  readUse(usageLocationSchema.parse(location), texts.map(readPrintedJson));

const lines = (...events: readonly object[]) => events.map((event) => JSON.stringify(event)).join('\n');

test('readUse: the last event that has a figure counts', () => {
  const printed = lines(
    { usage: { input_tokens: 1, output_tokens: 2 }, session_id: 's-0' },
    { usage: { input_tokens: 30, output_tokens: 40, cached: 5 }, cost: 0.0123, session_id: 's-1' },
    { type: 'end' },
  );
  const location = {
    input_tokens: '/usage/input_tokens',
    output_tokens: '/usage/output_tokens',
    cached_tokens: '/usage/cached',
    cost_usd: '/cost',
    session_id: '/session_id',
  };
  const expected = {
    usage: { input_tokens: 30, output_tokens: 40, cached_tokens: 5, cost_usd: 0.0123 },
    session_id: 's-1',
  };
  expect(readFrom(location, printed)).toEqual(expected);
  expect(readFrom(location, `[${printed.split('\n').join(',')}]`)).toEqual(expected);
});

test('readUse: with take sum, the steps of an agent are added up', () => {
  const printed = lines(
    { part: { tokens: { input: 10 }, cost: 0.5 } },
    {},
    { part: { tokens: { input: 5 }, cost: 0.25 } },
  );
  expect(readFrom({ take: 'sum', input_tokens: '/part/tokens/input', cost_usd: '/part/cost' }, printed)).toEqual({
    usage: { input_tokens: 15, cost_usd: 0.75 },
  });
});

test('readUse: a part * adds up what every model used', () => {
  const printed = JSON.stringify({ stats: { models: { a: { tokens: { prompt: 3 } }, b: { tokens: { prompt: 4 } } } } });
  expect(readFrom({ input_tokens: '/stats/models/*/tokens/prompt' }, printed)).toEqual({ usage: { input_tokens: 7 } });
});

test('readUse: request ids are all kept, each once, the last 20', () => {
  const ids = Array.from({ length: 30 }, (_, index) => ({ request_id: `r-${index}` }));
  const { request_ids } = readFrom({ request_id: '/request_id' }, lines(...ids, ...ids.slice(28)));
  expect(request_ids).toHaveLength(20);
  expect(request_ids?.at(-1)).toBe('r-29');
});

test('readUse: what the answer file does not have is looked for on standard output', () => {
  expect(readFrom({ input_tokens: '/usage/in' }, '{"kind":"output"}', '{"usage":{"in":9}}')).toEqual({
    usage: { input_tokens: 9 },
  });
});

test.each([-1, 1.5, '12', null, 1e300, {}, []])('readUse: %j is no count of tokens, and no reason to fail', (value) => {
  expect(readFrom({ input_tokens: '/n' }, JSON.stringify({ n: value }))).toEqual({});
});

test('readUse: a sum beyond what a number can count exactly is no figure', () => {
  const printed = lines({ n: Number.MAX_SAFE_INTEGER }, { n: 1 });
  expect(readFrom({ take: 'sum', input_tokens: '/n' }, printed)).toEqual({});
});

test('readUse: ids are short, printable and without credentials', () => {
  const token = ['ghp', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'].join('_');
  const { session_id = '' } = readFrom(
    { session_id: '/s' },
    JSON.stringify({ s: `a\u0000b ${token} ${'y'.repeat(600)}` }),
  );
  expect(session_id.length).toBeLessThanOrEqual(200);
  expect(session_id).not.toContain(token);
  expect(session_id).toContain('\\u{0}');
  // Of a text that is no id nothing is kept.
  expect(readFrom({ session_id: '/s' }, JSON.stringify({ s: 'y'.repeat(9_000) })).session_id).toBe('[9000 characters]');
  expect(readFrom({ session_id: '/s' }, '{"s":"x\\ud800"}').session_id?.isWellFormed()).toBe(true);
});
