import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printable, printableJson, printableLine, shellWord } from '../../../src/cli/app/printable.js';

test.each([
  ['a colour', '\u001b[31mred\u001b[0m', '␛[31mred␛[0m'],
  ['a window title', '\u001b]0;owned\u0007', '␛]0;owned␇'],
  ['a C1 sequence', '\u009b2J', '<U+009B>2J'],
  ['a carriage return', 'safe\rrm -rf', 'safe␍rm -rf'],
  ['a backspace and a delete', 'a\bb\u007f', 'a␈b␡'],
  ['a turned direction', 'a\u202eb\u2066c', 'a<U+202E>b<U+2066>c'],
  ['a hidden space', 'a\u200bb\ufeff', 'a<U+200B>b<U+FEFF>'],
  ['half a character', 'a\ud800', 'a\ufffd'],
])('printable: %s is shown, not obeyed', (_, text, shown) => {
  expect(printable(text)).toBe(shown);
});

test('printableJson: the same value, and nothing that a terminal obeys', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), (text, more) => {
      const value = { [more]: `\u009b2J\u202e${text}` };
      const json = printableJson(value);
      expect(json).not.toMatch(/[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u);
      expect(JSON.stringify(JSON.parse(json))).toBe(JSON.stringify(value));
    }),
  );
});

test('printable: newlines, tabs and every script stay', () => {
  const text = 'Zeile 1\n\tZeile 2 — äöü 日本語 👍';
  expect(printable(text)).toBe(text);
});

test('printable: whatever comes in, no control character but newline and tab goes out', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(text)).not.toMatch(/[^\P{Cc}\n\t]/u);
    }),
  );
});

test('printableLine: one line of bounded length', () => {
  expect(printableLine(' a\n\n b\t c ')).toBe('a b c');
  expect(printableLine('x'.repeat(600))).toBe(`${'x'.repeat(500)}…`);
});

test.each(['promptos', './bin/promptos', '../shop@2', 'a_b-c.d'])('shellWord: %s is left as it is', (text) => {
  expect(shellWord(text)).toBe(text);
});

test.each(['', "Ada's shop", 'a b', '$HOME', '`id`', 'a\nb', '~', 'x;y', '*'])(
  'shellWord: %j comes out of a shell as it went in',
  (text) => {
    expect(execFileSync('/bin/sh', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' })).toBe(text);
  },
);
