import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ERROR_CATALOGUE, type ErrorCode } from '../../src/contracts/errors.js';
import { REFUSAL_REASONS } from '../../src/contracts/run/decisions.js';

const page = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');

interface Entry {
  readonly code: string;
  readonly body: string;
}

const entriesOf = (text: string): readonly Entry[] =>
  text
    .split(/^### /m)
    .slice(1)
    .map((part) => ({ code: /^`([A-Z_]+)`/.exec(part)?.[1] ?? '', body: part.split(/^## /m)[0] ?? '' }));

/** What is wrong between the page and the catalogue, in both directions. */
function differences(text: string): readonly string[] {
  const entries = entriesOf(text);
  const codes = entries.map(({ code }) => code);
  const catalogue = Object.keys(ERROR_CATALOGUE);
  return [
    ...catalogue.filter((code) => !codes.includes(code)).map((code) => `${code} is not explained`),
    ...codes.filter((code) => !catalogue.includes(code)).map((code) => `${code} is no code`),
    ...codes.filter((code, index) => codes.indexOf(code) !== index).map((code) => `${code} is explained twice`),
    ...entries.flatMap(({ code, body }) => {
      const known = ERROR_CATALOGUE[code as ErrorCode];
      if (known === undefined) return [];
      const expected = `Exit ${known.exit}, ${known.retryable ? 'retried' : 'not retried'}.`;
      const parts = ['Means', 'Cause', 'Do'].filter(
        (part) => !new RegExp(`^- \\*\\*${part}:\\*\\* \\S`, 'm').test(body),
      );
      return [
        ...(body.includes(`\n${expected}\n`) ? [] : [`${code} lacks the line "${expected}"`]),
        ...parts.map((part) => `${code} lacks "${part}"`),
      ];
    }),
  ];
}

test('docs/errors.md: explains every code of the catalogue and no other, with its exit code, means, cause and what to do', () => {
  expect(differences(page)).toEqual([]);
});

test.each([
  ['a code is not explained', page.replace('### `USAGE`', '### USAGE'), 'USAGE is not explained'],
  ['a code is made up', `${page}\n### \`BANANA\`\n`, 'BANANA is no code'],
  ['a code is explained twice', `${page}\n### \`USAGE\`\n`, 'USAGE is explained twice'],
  [
    'the exit code is wrong',
    page.replace('Exit 2, not retried.', 'Exit 3, retried.'),
    'USAGE lacks the line "Exit 2, not retried."',
  ],
  ['the cause is missing', page.replace('- **Cause:**', ''), 'USAGE lacks "Cause"'],
])('docs/errors.md: the comparison tells when %s', (_, text, difference) => {
  expect(differences(text)).toContain(difference);
});

test('docs/errors.md: explains every reason of a refusal and no other', () => {
  const table = page.split('## Refusals')[1] ?? '';
  const reasons = [...table.matchAll(/^\| `([A-Z_]+)` \| \S.* \| \S.* \|$/gm)].map(([, reason]) => reason);
  expect(reasons).toEqual([...REFUSAL_REASONS]);
});
