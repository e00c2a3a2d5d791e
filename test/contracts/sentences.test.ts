import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { PromptOsError } from '../../src/contracts/errors.js';
import { counted, countedByRules, endSentence, withinSentence } from '../../src/contracts/sentences.js';
import { judgeChecks } from '../../src/rules/attempts/observations.js';
import { readSourceTree } from '../architecture/source-tree.js';

test('counted: one has no s, none and several have', () => {
  expect([0, 1, 2].map((count) => counted(count, 'warning'))).toEqual(['0 warnings', '1 warning', '2 warnings']);
  expect([1, 2].map((count) => counted(count, 'entry'))).toEqual(['1 entry', '2 entries']);
  expect(counted(2, 'key')).toBe('2 keys');
});

test('countedByRules: before version 2 of the rules the noun always had its s', () => {
  expect([1, 2].map((version) => countedByRules(version, 1, 'finding'))).toEqual(['1 findings', '1 finding']);
});

test.each([
  ['it failed', 'it failed.'],
  ['it failed.', 'it failed.'],
  ['why?', 'why?'],
  ['it says "no."', 'it says "no."'],
  ['and so on …', 'and so on …'],
  ['(exit code 1)', '(exit code 1).'],
])('endSentence: %j', (text, sentence) => {
  expect(endSentence(text)).toBe(sentence);
});

test('withinSentence: without the stop, which is not taken from an ellipsis', () => {
  expect(['it failed.', 'it failed', 'and so on...'].map(withinSentence)).toEqual([
    'it failed',
    'it failed',
    'and so on...',
  ]);
});

test.each([
  ['It does not answer: connection refused..', 'It does not answer: connection refused.'],
  ['It does not answer: why?.', 'It does not answer: why?'],
  ['It waits...', 'It waits...'],
])('PromptOsError: one mark at the end of %j', (text, summary) => {
  const error = new PromptOsError('TEMPORAL_UNREACHABLE', text, { hint: 'Start it.' });
  expect([error.summary, error.message]).toEqual([summary, `${summary} Start it.`]);
});

test('judgeChecks: the reason of a check becomes one sentence', () => {
  const result = { name: 'tests', argv: ['make'], exit_code: null, signal: null, duration_ms: 1, stdout_bytes: 0 };
  const digests = { stdout_sha256: '0'.repeat(64), stderr_sha256: '0'.repeat(64), stderr_bytes: 0 };
  const reason = 'it ran longer than 1200 s and was stopped';
  const [finding] = judgeChecks([{ ...result, ...digests, status: 'timed_out', reason }]);
  expect(finding?.message).toBe('The check tests timed out: it ran longer than 1200 s and was stopped.');
});

test('sources: plurals are made in one place', () => {
  const sources = readSourceTree(fileURLToPath(new URL('../../src', import.meta.url)));
  const byHand = [...sources].filter(([, text]) => /=== 1 \? '' : '(?:s|es)'/.test(text)).map(([path]) => path);
  expect(sources.size).toBeGreaterThan(100);
  expect(byHand).toEqual([]);
});
