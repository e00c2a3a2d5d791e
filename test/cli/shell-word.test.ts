import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { shellWord } from '../../src/cli/app/printable.js';

test.each(['promptos', './bin/promptos', '../shop@2', 'a_b-c.d'])('shellWord: %s stands as it is', (text) => {
  expect(shellWord(text)).toBe(text);
});

test.each(['', "Ada's shop", 'a b', '$HOME', '`id`', 'a\nb', '~', 'x;y', '*'])(
  'shellWord: %j comes out of a shell as it went in',
  (text) => {
    expect(execFileSync('/bin/sh', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' })).toBe(text);
  },
);
