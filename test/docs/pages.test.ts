import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { pageBlocks } from '../support/page-blocks.js';

/*
 * What holds for every page: the files that it names exist, its diagrams are Mermaid, and its English is plain.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const PAGES = [
  'README.md',
  'bench/README.md',
  'examples/first-governed-run/README.md',
  ...['docs', 'docs/agents'].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`),
  ),
];

const OURS = /^(?:src|test|bench|docker|docs|examples|schemas)\/[\w./-]+\.\w+$/;

/** Files of this repository that a page names in code marks and that do not exist. */
const missingFiles = (page: string): readonly string[] =>
  [...page.matchAll(/`([^`\n]+)`/g)]
    .map(([, name = '']) => name)
    .filter((name) => OURS.test(name) && !existsSync(join(ROOT, name)));

/** The prose of a page: without blocks, code marks and quoted titles of tests. */
const prose = (page: string): string =>
  page
    .replaceAll(/^```[\s\S]*?^```$/gm, '')
    .replaceAll(/`[^`]*`/g, '')
    .replaceAll(/"[^"\n]*"/g, '');

const literaryTurns = (page: string): readonly string[] =>
  [...prose(page).matchAll(/\b(?:told|nobody|anew|whoever|somebody|left lying|put up)\b/gi)].map(([turn]) => turn);

const diagrams = (page: string): readonly string[] =>
  [...page.matchAll(/^```mermaid\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);

/** The decisions of a text that lack one of their parts. */
const incompleteDecisions = (page: string): readonly string[] =>
  page
    .split(/^### /m)
    .slice(1)
    .filter((text) => ['Decision', 'Alternatives', 'Why'].some((part) => !text.includes(`\n- **${part}:** `)))
    .map((text) => text.split('\n')[0] ?? '');

test.each(PAGES)('%s: names only files that exist', (path) => {
  expect(missingFiles(read(path))).toEqual([]);
});

test('pages: a file that was moved is found', () => {
  const page = 'See `src/nowhere.ts`, `src/worker.ts`, `src/**` and `nowhere.ts`.';
  expect(missingFiles(page)).toEqual(['src/nowhere.ts']);
});

test.each(PAGES)('%s: is written in plain English', (path) => {
  expect(literaryTurns(read(path))).toEqual([]);
});

test('pages: a literary turn is found, unless it is a name or the title of a test', () => {
  expect(literaryTurns('Whoever asks anew. `nobody` "told once"')).toEqual(['Whoever', 'anew']);
});

test('docs/architecture.md: its diagrams are Mermaid', () => {
  const page = read('docs/architecture.md');
  expect(pageBlocks(`\n${page}`, '## How a run goes', 'text')).toEqual([]);
  expect(diagrams(page).map((text) => text.split(/\s/)[0])).toEqual([
    'flowchart',
    'sequenceDiagram',
    'stateDiagram-v2',
  ]);
});

test('docs/decisions.md: each decision has its alternatives and its reason', () => {
  expect(incompleteDecisions(read('docs/decisions.md'))).toEqual([]);
  expect(incompleteDecisions('# x\n\n### One\n- **Decision:** a\n- **Why:** b\n')).toEqual(['One']);
});
