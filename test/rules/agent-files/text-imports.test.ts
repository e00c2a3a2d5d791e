import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importedPaths, mayImport } from '../../../src/rules/agent-files/agent-files.js';

describe('importedPaths', () => {
  test.each<[string, string, readonly string[]]>([
    ['at the start of a line', '@docs/style.md', ['docs/style.md']],
    ['in a sentence', 'See @README.md for the rest, and\t@package.json too', ['README.md', 'package.json']],
    ['in a list and a heading', '- @docs/a.md\n\n# About @docs/b', ['docs/a.md', 'docs/b']],
    ['with a dot first', '@./docs/a.md @.hidden/b.md', ['docs/a.md', '.hidden/b.md']],
    ['with an anchor, in both ways to read it', '@docs/a.md#rules', ['docs/a.md', 'docs/a.md#rules']],
    ['in bold text, in both ways to read it', '**@docs/a.md**', ['docs/a.md', 'docs/a.md**']],
    ['in the text of a link', '[see @a.md](b)', ['a.md', 'a.md](b)']],
    ['in the cells of a table', '|@a.md|@b.md|', ['a.md', 'a.md|@b.md|', 'b.md', 'b.md|']],
    ['in HTML', '<b>@a.md</b>', ['a.md', 'a.md</b>']],
    ['in a comment, as Gemini CLI does', '<!-- @a.md -->', ['a.md']],
    ['in a block between tildes, as Gemini CLI does', '~~~\n@a.md\n~~~', ['a.md']],
    ['in a block of an item, as Qwen Code does', '- a\n  ```\n  @a.md\n  ```', ['a.md']],
    ['with the comma behind it', '@docs/a.md, and more', ['docs/a.md,']],
    ['with spaces', '@my\\ notes/a\\ b.md', ['my notes/a b.md']],
    ['each once', '@a.md @./a.md\n@a.md', ['a.md']],
    ['with other letters', '@документы/стиль.md', ['документы/стиль.md']],
    ['behind a line of a carriage return', 'text\r\n@a.md\r\n', ['a.md']],
  ])('finds a path %s', (_, text, expected) => {
    expect(importedPaths(text, 'CLAUDE.md')).toEqual(expected);
  });

  test.each<[string, string]>([
    ['an address of mail', 'write to ada@example.com'],
    ['a path from the top of the disk', '@/etc/passwd'],
    ['a path of a home folder', '@~/.claude/own.md'],
    ['a path that leaves the repository', '@../other/a.md @docs/../../a.md'],
    ['the repository itself', '@. @./ @docs/..'],
    ['the file itself', '@CLAUDE.md'],
    ['a code span', 'install `@scope/package` and ``a ` @b.md``'],
    ['a fenced block', '```sh\n@a.md\n```\n\n````\n@b.md\n```\n@c.md\n````'],
    ['a text in quotes or parentheses', '"@a.md" (@b.md)'],
    ['an @ alone', 'a @ b @'],
  ])('does not take %s for an import', (_, text) => {
    expect(importedPaths(text, 'CLAUDE.md')).toEqual([]);
  });

  test('goes on behind a block of code and behind a code span', () => {
    expect(importedPaths('```\n@a.md\n```\n@b.md `@c.md` @d.md', 'CLAUDE.md')).toEqual(['b.md', 'd.md']);
  });

  test('a backtick without a partner, or behind a backslash, hides nothing', () => {
    expect(importedPaths('it`s in @a.md\nand `` that ` @b.md', 'CLAUDE.md')).toEqual(['a.md', 'b.md']);
    expect(importedPaths('\\` @a.md `', 'CLAUDE.md')).toEqual(['a.md']);
    expect(importedPaths('``` not ` a fence\n@a.md', 'CLAUDE.md')).toEqual(['a.md']);
  });

  test('is relative to the folder of the text', () => {
    expect(importedPaths('@style.md @../shared/a.md', 'packages/shop/CLAUDE.md')).toEqual([
      'packages/shop/style.md',
      'packages/shared/a.md',
    ]);
  });

  test('is bounded', () => {
    const many = Array.from({ length: 1_000 }, (_, at) => `@f${at}.md`).join(' ');
    expect(importedPaths(many, 'CLAUDE.md')).toHaveLength(200);
  });

  test('gives paths inside the repository for every text', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('@', '.', '/', '`', '\\', ' ', '\n', 'a', '~', '#', '```')), (parts) => {
        for (const path of importedPaths(parts.join(''), 'a/CLAUDE.md')) {
          expect(path).not.toMatch(/^(?:\/|$)|(?:^|\/)\.{1,2}(?:\/|$)/);
        }
      }),
    );
  });
});

test('mayImport: Markdown, whatever its case', () => {
  const files = ['CLAUDE.md', 'claude.MD', '.cursor/rules/a.mdc', 'CLAUDE.md.', '.mcp.json', 'md', 'a.markdown'];
  expect(files.filter(mayImport)).toEqual(files.slice(0, 4));
});
