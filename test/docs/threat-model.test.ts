import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const page = await readFile(new URL('docs/threat-model.md', ROOT), 'utf8');

/** A row of the tables under "Defended": what is tried, and the tests that are named for it. */
interface Row {
  readonly threat: string;
  readonly mechanism: string;
  /** A file, and the name of one of its tests or cases; null for the whole file. */
  readonly tests: readonly (readonly [file: string, name: string | null])[];
}

function rowsOf(text: string): readonly Row[] {
  const defended = text.split('\n## Defended')[1]?.split('\n## ')[0] ?? '';
  return [...defended.matchAll(/^\| (?!tries to|what happens)(.+) \| (.+) \| (.+) \|$/gm)].map(
    ([, threat = '', mechanism = '', cell = '']) => ({
      threat,
      mechanism,
      tests: [...cell.matchAll(/`(test\/[\w./-]+\.ts)`(?: "((?:[^"\\]|\\.)+)")?/g)].map(
        ([, file = '', name]) => [file, name === undefined ? null : name.replaceAll('\\"', '"')] as const,
      ),
    }),
  );
}

/** Whether a source has a string of exactly this text, however it is quoted. */
const names = (source: string, name: string): boolean =>
  ["'", '"', '`'].some((quote) => source.includes(quote + name.replaceAll(quote, `\\${quote}`) + quote));

async function problems(text: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { threat, tests } of rowsOf(text)) {
    if (tests.length === 0) found.push(`${threat}: no test is named`);
    for (const [file, name] of tests) {
      const path = fileURLToPath(new URL(file, ROOT));
      if (!existsSync(path)) found.push(`${threat}: there is no ${file}`);
      else if (name !== null && !names(await readFile(path, 'utf8'), name)) found.push(`${file} has no "${name}"`);
    }
  }
  return found;
}

test('docs/threat-model.md: every threat has a mechanism and a test that exists by this name', async () => {
  expect(rowsOf(page).length).toBeGreaterThan(30);
  expect(await problems(page)).toEqual([]);
});

test.each([
  ['without a test', '| do harm | hope | nothing |', 'do harm: no test is named'],
  [
    'with a missing file',
    '| do harm | hope | `test/nowhere.test.ts` "x" |',
    'do harm: there is no test/nowhere.test.ts',
  ],
  [
    'with a name that its file does not have',
    '| do harm | hope | `test/secrets/leaks.test.ts` "nothing of the kind" |',
    'test/secrets/leaks.test.ts has no "nothing of the kind"',
  ],
])('docs/threat-model.md: a row %s is found', async (_, row, problem) => {
  expect(
    await problems(`# x\n\n## Defended\n\n| tries to | x | y |\n|---|---|---|\n${row}\n\n## Not defended\n`),
  ).toEqual([problem]);
});

test('docs/threat-model.md: says who is not defended against', () => {
  const rest = page.split('\n## Not defended')[1] ?? '';
  for (const words of ["engine's key and the store together", "integrator's own operating-system user"])
    expect(rest).toContain(words);
});
