import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { MAY_IMPORT } from '../architecture/rules.js';

const DOCS = fileURLToPath(new URL('../../docs', import.meta.url));
const page = await readFile(join(DOCS, 'architecture.md'), 'utf8');

/** The page's table of rooms: whom each may import. */
function roomsOf(text: string): Readonly<Record<string, readonly string[]>> {
  const table = text.split('| room |')[1]?.split('\n\n')[0] ?? '';
  const rows = [...table.matchAll(/^\| `([\w-]+)` \|[^|]*\|([^|]*)\|$/gm)];
  return Object.fromEntries(
    rows.map(([, room = '', cell = '']) => [room, [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)]),
  );
}

const sorted = (rooms: Readonly<Record<string, readonly string[]>>) =>
  Object.fromEntries(Object.entries(rooms).map(([room, others]) => [room, [...others].sort()]));

/** Links of a page to files that are not there, and to headings that a file does not have. */
async function brokenLinks(folder: string, text: string): Promise<readonly string[]> {
  const broken: string[] = [];
  for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
    const [path = '', heading] = target.split('#');
    const file = path === '' ? null : join(folder, path);
    const linked = file === null ? text : existsSync(file) ? await readFile(file, 'utf8') : null;
    if (linked === null || (heading !== undefined && !headings(linked).includes(heading))) broken.push(target);
  }
  return broken;
}

/** Headings as GitHub makes anchors of them. */
const headings = (text: string): readonly string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

test('docs/architecture.md: the table of rooms is the one that the architecture test keeps', () => {
  expect(sorted(roomsOf(page))).toEqual(sorted(MAY_IMPORT));
});

test('docs/architecture.md: a table that has fallen behind is seen', () => {
  const rooms = roomsOf(
    '| room | what | may import |\n|---|---|---|\n| `cli` | x | `a`, `b/c.ts` |\n\n| `later` | y | |\n',
  );
  expect(rooms).toEqual({ cli: ['a', 'b/c.ts'] });
});

test('docs/architecture.md: every file to read first is there', () => {
  const reading = page.split('## What to read first')[1] ?? '';
  const named = [...reading.matchAll(/`([\w./-]+\.ts)`/g)].map(([, path = '']) => path);
  const found = named.map((path) => {
    const places = [
      path,
      `src/domain/run/${path}`,
      `src/domain/ledger/${path}`,
      `src/workflows/${path}`,
      `src/activities/${path}`,
    ];
    return places.find((place) => existsSync(join(dirname(DOCS), place))) ?? `${path} is missing`;
  });
  expect(found.filter((path) => path.endsWith('not there'))).toEqual([]);
  expect(named.length).toBeGreaterThan(8);
});

test('docs: every link leads somewhere', async () => {
  const pages = (await readdir(DOCS)).filter((name) => name.endsWith('.md'));
  for (const name of pages) {
    expect({ name, broken: await brokenLinks(DOCS, await readFile(join(DOCS, name), 'utf8')) }).toEqual({
      name,
      broken: [],
    });
  }
});

test('docs: a link that leads nowhere is found', async () => {
  const text =
    '# One heading\n[a](nowhere.md) [b](#one-heading) [c](#two) [d](architecture.md#trust-boundary) [e](https://example.org)';
  expect(await brokenLinks(DOCS, text)).toEqual(['nowhere.md', '#two']);
});
