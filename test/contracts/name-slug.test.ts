import { expect, test } from 'vitest';
import { nameSchema } from '../../src/contracts/primitives.js';
import { slugName } from '../../src/contracts/sentences.js';

test.each([
  ['ada', 'ada'],
  ['Ada', 'Ada'],
  ['ada@example.org', 'ada@example.org'],
  [' Ada Lovelace ', 'ada-lovelace'],
  ['Zoë Ångström', 'zoe-angstrom'],
  ["Conan O'Brien", 'conan-o-brien'],
  ['-._x', 'x'],
  [`${'long name '.repeat(12)}`, 'long-name-long-name-long-name-long-name-long-name-long-name-long'],
])('slugName: "%s" is %s, which is a name', (text, slug) => {
  expect(slugName(text)).toBe(slug);
  expect(nameSchema.parse(slug)).toBe(slug);
});

test.each(['', '  ', '!!!', '花子'])('slugName: null, for "%s"', (text) => {
  expect(slugName(text)).toBeNull();
});
