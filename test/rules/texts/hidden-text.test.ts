import fc from 'fast-check';
import { expect, test } from 'vitest';
import { judgeChange } from '../../../src/rules/judge-change.js';
import { PATCH_RULES } from '../../../src/rules/patch-rules.js';
import { hiddenIn } from '../../../src/rules/texts/judge-texts.js';
import { changed, judged } from '../patches.js';

const judge = (text: string, line = 2, more: Parameters<typeof judged>[1] = {}) =>
  PATCH_RULES.hidden_text.judge(judged([changed('src/a.ts')], { lines: [{ path: 'src/a.ts', line, text }], ...more }));

test.each([
  ['an override (Trojan Source)', 'if (level != "user\u202e \u2066// admin\u2069 \u2066")', 'U+202E, U+2066, U+2069'],
  ['an isolate', 'a\u2068b', 'U+2068'],
  ['a mark without a script that needs it', 'const a\u200e = 1;', 'U+200E'],
  ['a zero-width space', 'pass\u200bword', 'U+200B'],
  ['zero-width spaces in a row', 'ไทย\u200b\u200bภาษา', 'U+200B'],
  ['a non-joiner between letters', 'ad\u200cmin', 'U+200C'],
  ['a word joiner', 'a\u2060b', 'U+2060'],
  ['a Hangul filler as a name', 'const { timeout,\u3164} = req.query;', 'U+3164'],
  ['a halfwidth filler', 'const \uffa0 = 1;', 'U+FFA0'],
  ['a soft hyphen', 'ad\u00admin', 'U+00AD'],
  ['a byte order mark within a file', '\ufeffimport x', 'U+FEFF'],
  ['tag characters', 'text\u{e0061}\u{e0070}\u{e0070}', 'U+E0061, U+E0070'],
  [
    'a flag that spells more',
    '\u{1f3f4}\u{e0061}\u{e0062}\u{e0063}\u{e0064}\u{e0065}\u{e0066}\u{e0067}\u{e0068}\u{e0069}\u{e007f}',
    'U+E0061',
  ],
  ['variation selectors in a row', '\u{1f600}\u{e0154}\u{e0155}', 'U+E0154'],
  ['a variation selector behind a letter', 'a\ufe0f', 'U+FE0F'],
  ['a joiner between letters', 'ad\u200dmin', 'U+200D'],
  ['joiners in a row', 'क\u200d\u200d\u200dष', 'U+200D'],
  ['an escape sequence', 'x\u001b[2K', 'U+001B'],
  ['a carriage return within the line', 'evil()\rgood()', 'U+000D'],
  ['a backspace', 'evil()\u0008\u0008', 'U+0008'],
])('hidden_text: %s is refused', (_, text, shown) => {
  expect(judge(text)).toMatchObject([
    { severity: 'high', blocking: true, path: 'src/a.ts', line: 2, message: expect.stringContaining(shown) },
  ]);
});

test.each([
  ['plain code', 'const a = "b"; // \t c\f'],
  ['a line that ends as on Windows', 'text\r'],
  ['accents, CJK and Cyrillic', 'naïve cafe\u0301 日本語 привет'],
  ['Arabic with a mark', 'مرحبا\u200f (x)'],
  ['Hebrew', 'שלום'],
  ['Persian with a non-joiner', 'می\u200cخواهم'],
  ['Persian with a non-joiner behind a Latin word', 'API\u200cها'],
  ['Persian with a non-joiner behind a digit', '10\u200cها'],
  ['Khmer with a zero-width space', 'ខ្មែរ\u200bភាសា'],
  ['Thai with a zero-width space before a Latin word', 'ภาษา\u200bThai'],
  ['Hindi with a joiner', 'क्\u200dष'],
  ['a family', '👨\u200d👩\u200d👧'],
  ['a heart and a keycap', '❤\ufe0f 1\ufe0f\u20e3'],
  ['the flag of Scotland', '\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}'],
  ['an ideograph with a variation', '葛\u{e0100}'],
])('hidden_text: %s is fine', (_, text) => {
  expect(hiddenIn(text)).toEqual([]);
  expect(judge(text)).toEqual([]);
});

test('hidden_text: a byte order mark may begin a file', () => {
  expect(judge('\ufeffimport x', 1)).toEqual([]);
  expect(judge('\ufeff\ufeffimport x', 1)).toHaveLength(1);
});

test('hidden_text: text that can be printed is never refused, and what directs it always is', () => {
  const printable = fc.string({ unit: 'grapheme-ascii' });
  const directing = fc.constantFrom('\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2069');
  fc.assert(fc.property(printable, (text) => hiddenIn(text).length === 0));
  fc.assert(fc.property(printable, directing, printable, (a, b, c) => hiddenIn(`${a}${b}${c}`).length === 1));
});

test('hidden_text: it raises a P08, shows no hidden character itself, and does not judge runs of version 1', () => {
  const text = 'a\u202eb';
  const lines = [{ path: 'src/a.ts', line: 1, text }];
  const [finding] = judgeChange(judged([changed('src/a.ts')], { lines }));
  expect(finding).toMatchObject({ rule: 'hidden_text', escalates: 'rule_violation' });
  expect(finding?.message).toMatch(/^Line 1 of src\/a\.ts has U\+202E/);
  expect(hiddenIn(finding?.message ?? text)).toEqual([]);
  expect(judge(text, 1, { rules_version: 1 })).toEqual([]);
});
