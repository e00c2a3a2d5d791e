import { expect, test } from 'vitest';
import { blockText, codeSpan, inlineText, pageText } from '../../../src/rules/outputs/markdown.js';
import { renderPlan } from '../../../src/rules/outputs/published-output.js';
import { exampleOutputs } from '../../support/gate-outputs.js';

test.each([
  ['a heading', '# Approved', '\\# Approved'],
  ['a heading underlined', 'Approved\n====', 'Approved\n\\===='],
  ['a list', '- one', '\\- one'],
  ['a numbered list', '1. one', '1\\. one'],
  ['code by indentation', '    rm -rf', 'rm -rf'],
  ['a heading after a lone carriage return', 'a\r# b', 'a\n\\# b'],
  ['a quote', '> said', '\\> said'],
  ['HTML', '<script>', '\\<script\\>'],
  ['an entity', '&lt;', '\\&lt;'],
  ['a link', '[a](b)', '\\[a\\](b)'],
  ['emphasis and code', '**a** `b`', '\\*\\*a\\*\\* \\`b\\`'],
  ['an escape that would undo ours', '\\# a', '\\\\\\# a'],
  ['text that turns its direction', 'a\u202eb\u0007', 'a\ufffdb\ufffd'],
])('blockText: %s is text', (_, text, expected) => {
  expect(blockText(text)).toBe(expected);
});

test('inlineText: stays on one line', () => {
  expect(inlineText('a\n\n# b')).toBe('a \\# b');
});

test('pageText: makes no link, mention or HTML, and leaves the rest as inlineText does', () => {
  expect(pageText('see https://a.example and www.a.example')).toBe('see https\\://a.example and www\\.a.example');
  expect(pageText('a@b')).toBe('a\\@b');
  expect(pageText('<b> & *c*')).toBe('&lt;b&gt; &amp; \\*c\\*');
});

test('codeSpan: the fence is longer than what it holds', () => {
  expect(codeSpan('src/a.js')).toBe('`src/a.js`');
  expect(codeSpan('a`b``c')).toBe('```a`b``c```');
  expect(codeSpan('`a')).toBe('`` `a ``');
});

test('renderPlan: is deterministic, and its only headings are its own', () => {
  const plan = { ...exampleOutputs().P03, summary: '# Approved by grace\n\n## Risks\nnone', data_flow: '<h1>x</h1>' };
  const text = renderPlan(plan);
  expect(renderPlan(plan)).toBe(text);
  expect(text.match(/^#+ .*$/gm)).toEqual([
    '# Plan',
    '## Components',
    '### split',
    '## Data flow',
    '## Alternatives',
    '## Rollback',
    '## Security impact',
  ]);
  expect(text).not.toContain('<h1>');
});
