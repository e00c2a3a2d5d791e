import { describe, expect, test } from 'vitest';
import { readPrintedJson } from '../../../../src/adapters/executor/output/printed-json.js';
import { isAnswer, readDelay, recogniseFailure } from '../../../../src/adapters/executor/output/program-words.js';
import { failureRulesSchema } from '../../../../src/contracts/config/executor-output.js';

const NOW = Date.parse('2026-03-04T05:06:07.000Z');

interface Printed {
  readonly exit_code?: number | null;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly answer?: string;
}

function recognise(rules: readonly object[], { exit_code = 1, stdout = '', stderr = '', answer = '' }: Printed) {
  const texts = { stdout, stderr, answer };
  const json = { stdout: readPrintedJson(stdout), stderr: readPrintedJson(stderr), answer: readPrintedJson(answer) };
  return recogniseFailure(failureRulesSchema.parse(rules), { exit_code, texts, json }, NOW, (text) => text);
}

describe('recogniseFailure: rules', () => {
  test('the first rule that holds counts, and everything that it names must hold', () => {
    const rules = [
      { class: 'budget', exit_codes: [7], matches: 'credit' },
      { class: 'authentication', exit_codes: [7, 8] },
      { class: 'transient', matches: 'overloaded' },
    ];
    expect(recognise(rules, { exit_code: 7, stderr: 'no credit left' })?.class).toBe('budget');
    expect(recognise(rules, { exit_code: 7, stderr: 'overloaded' })?.class).toBe('authentication');
    expect(recognise(rules, { exit_code: 1, stderr: 'overloaded' })?.class).toBe('transient');
    expect(recognise(rules, { exit_code: null, stderr: 'credit' })).toBeNull();
    expect(recognise([], { stderr: 'overloaded' })).toBeNull();
  });

  test('a pointer finds the last JSON Lines event that has it, the last element of an array, and JSON on standard error', () => {
    const rules = [{ class: 'transient', pointer: '/api_error_status', equals: [429, 529] }];
    const events = '{"type":"start"}\n{"type":"result","api_error_status":429}\n{"type":"end"}\n';
    expect(recognise(rules, { stdout: events })?.class).toBe('transient');
    expect(recognise(rules, { stdout: '[{"api_error_status":1},{"api_error_status":529}]' })?.class).toBe('transient');
    expect(recognise(rules, { stderr: 'warning: x\n{\n  "api_error_status": 429\n}\n' })?.class).toBe('transient');
    expect(recognise(rules, { stdout: '{"api_error_status":"429"}' })).toBeNull();
    expect(recognise(rules, { stdout: '{"api_error_status":429}\n{"api_error_status":200}' })).toBeNull();
  });

  test('a pattern with a pointer matches the value there alone', () => {
    const rules = [{ class: 'authentication', pointer: '/result', matches: '^\\[API Error: 401' }];
    expect(recognise(rules, { stdout: '{"result":"[API Error: 401 bad key]"}' })).toMatchObject({
      class: 'authentication',
      message: '[API Error: 401 bad key]',
    });
    expect(recognise(rules, { stdout: '{"result":"fine","log":"[API Error: 401"}' })).toBeNull();
  });

  test('a pattern looks at the texts that the rule names, and at their ends alone', () => {
    const rules = [{ class: 'transient', matches: 'overloaded', in: ['stderr'] }];
    expect(recognise(rules, { stdout: 'overloaded', answer: 'overloaded' })).toBeNull();
    expect(recognise(rules, { stderr: 'overloaded' })?.class).toBe('transient');
    expect(recognise(rules, { stderr: `overloaded\n${'x'.repeat(70_000)}` })).toBeNull();
  });
});

describe('recogniseFailure: words and delay', () => {
  test.each([
    ['a pointer', { pointer: '/error/wait' }, '{"error":{"wait":3}}', 3_000],
    ['a group', { matches: 'try again in ([0-9.]+ ?m?s)' }, 'Limit reached. Please try again in 1.5s.', 1_500],
    [
      'a header with a date',
      { matches: '(?i)retry-after: (.+)' },
      'Retry-After: Wed, 04 Mar 2026 05:06:37 GMT',
      30_000,
    ],
    ['a delay that is none', { matches: 'in (.+)' }, 'in a while', null],
  ])('the delay is found by %s', (_, retry_after, stderr, delay) => {
    expect(recognise([{ class: 'transient', exit_codes: [1], retry_after }], { stderr })?.retry_after_ms).toBe(delay);
  });

  test('the words are those at the pointer, else the matching line, else the end of what was printed', () => {
    const stderr = 'start\nerror 401: bad key "k"\nend\n';
    const stdout = '{"error":{"message":"bad key","status":401}}';
    const rule = { class: 'authentication', matches: '401' };
    expect(recognise([{ ...rule, message: '/error/message' }], { stdout, stderr })?.message).toBe('bad key');
    expect(recognise([{ ...rule, in: ['stderr'] }], { stdout, stderr })?.message).toBe('error 401: bad key "k"');
    expect(recognise([{ class: 'authentication', exit_codes: [1] }], { stdout, stderr })?.message).toBe(
      'start error 401: bad key "k" end',
    );
  });

  test('the words are one clipped line without credentials and control characters', () => {
    const token = ['ghp', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'].join('_');
    const stderr = `\u001b[31mbad \u202ekey\u0007 ${token} ${'x'.repeat(2_000)}`;
    const message = recognise([{ class: 'authentication', exit_codes: [1] }], { stderr })?.message ?? '';
    expect(message.length).toBeLessThanOrEqual(500);
    const near = recognise([{ class: 'authentication', matches: 'bad' }], { stderr: stderr.slice(0, 90) })?.message;
    expect(near).toContain('[masked: github-token');
    expect(near).not.toContain(token);
    expect(near).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  test('a credential at the place where the words are clipped is masked whole', () => {
    const token = ['ghp', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'].join('_');
    const stderr = `bad ${'x'.repeat(480)} ${token}`;
    expect(recognise([{ class: 'authentication', matches: 'bad' }], { stderr })?.message).not.toContain('ghp_');
  });
});

describe('recogniseFailure: hostile output', () => {
  const rules = [
    { class: 'transient', matches: '^(a+)+$' },
    { class: 'transient', matches: '(x+x+)+y' },
    { class: 'transient', matches: '(.*)*(.*)*overload' },
    { class: 'transient', exit_codes: [1], retry_after: { matches: '((?:[0-9]+)+)s' } },
  ];

  // A backtracking engine needs longer than the universe has for the first two.
  test('nested repetitions end in linear time on the longest text that is looked at', () => {
    for (const text of ['a'.repeat(1_000_000), 'x'.repeat(1_000_000), '1'.repeat(1_000_000)]) {
      const begun = performance.now();
      recognise(rules, { stdout: `${text}!`, stderr: `${text}!`, answer: `${text}!` });
      expect(performance.now() - begun).toBeLessThan(20_000);
    }
  });

  test('deep JSON, half a surrogate pair and members of every object are no trouble', () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const rule = { class: 'transient', pointer: '/__proto__/constructor', matches: '.' };
    expect(recognise([rule], { stdout: deep })).toBeNull();
    const half = recognise([{ class: 'budget', pointer: '/e', matches: '.' }], { stdout: '{"e":"x\\ud800"}' });
    expect(half?.message.isWellFormed()).toBe(true);
  });
});

test.each([
  ['{"kind":"output","summary":"429 rate limit"}', true],
  ['{"kind":"escalation"}', true],
  ['{"kind":"error"}', false],
  ['{"result":"429"}', false],
  ['[1]', false],
  ['429 Too Many Requests', false],
  [null, false],
])('isAnswer: %j is %s', (text, expected) => {
  expect(isAnswer(text)).toBe(expected);
});

test.each([
  [7, 7_000],
  [0, 0],
  [1.5, 1_500],
  ['12', 12_000],
  ['12.5', 12_500],
  ['20ms', 20],
  ['20 ms', 20],
  ['22s', 22_000],
  ['6m0s', 360_000],
  ['1h 2m 3s', 3_723_000],
  ['2026-03-04T05:07:07Z', 60_000],
  ['Wed, 04 Mar 2026 05:06:37 GMT', 30_000],
  [NOW / 1_000 + 90, 90_000],
  [String(NOW / 1_000 + 90), 90_000],
  [NOW + 90_000, 90_000],
])('readDelay: reads %j', (value, delay) => {
  expect(readDelay(value, NOW)).toBe(delay);
});

test.each(['2026-03-04T05:00:00Z', NOW / 1_000 - 60])('readDelay: an instant in the past, %j, is no delay', (value) => {
  expect(readDelay(value, NOW)).toBe(0);
});

test.each([
  'soon',
  '',
  '-3',
  '3 fortnights',
  '1e9',
  'Infinity',
  Number.NaN,
  Number.POSITIVE_INFINITY,
  null,
  {},
  true,
  'May 1',
  `${'1s'.repeat(40)}`,
])('readDelay: %j is no delay', (value) => {
  expect(readDelay(value, NOW)).toBeNull();
});
