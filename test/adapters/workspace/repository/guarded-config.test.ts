import { expect, test } from 'vitest';
import { guardedConfig } from '../../../../src/adapters/workspace/repository/snapshot.js';

const CORE = '[core]\n\tbare = false\n';
const guarded = (more: string) => guardedConfig(`${CORE}${more}`);

test('guardedConfig: what daily work writes under a branch is left out', () => {
  const work = [
    '[branch "a"]\n\tremote = origin\n\tmerge = refs/heads/a\n',
    '[branch "b/c"]\n\tremote = .\n\tmerge = refs/heads/a\n\trebase = true\n\n',
    '[branch "d \\" e"]\n\tvscode-merge-base = origin/main\n\tgithub-pr-owner-number = "o#r#1"\n',
  ];
  expect(guarded(work.slice(0, 2).join(''))).toBe(guarded(''));
  expect(guarded(work[2] ?? '')).toContain('github-pr-owner-number');
});

test.each([
  ['a remote that is a URL', '[branch "a"]\n\tremote = ext::sh -c evil\n'],
  ['a remote that is a path', '[branch "a"]\n\tremote = ../evil\n'],
  ['a key of another kind', '[branch "a"]\n\tmergeoptions = --no-verify\n'],
  ['a key on the line of the header', '[branch "a"] remote = evil\n'],
  ['another section', '[alias]\n\tmerge = !evil\n'],
  ['another section after a branch', '[branch "a"]\n\tremote = origin\n[alias]\n\tmerge = !evil\n'],
  ['a value that goes on in the next line', '[branch "a"]\n\tdescription = x \\\n\tmerge = y\n'],
  ['a header within a value', '[alias]\n\tx = "!echo \\\n[branch \\"a\\"]\n\tmerge = evil\n'],
])('guardedConfig: %s stays', (_, more) => {
  expect(guarded(more)).not.toBe(guarded(''));
});

test('guardedConfig: a header that takes lines from another section stays with them', () => {
  const before = '[core]\n\tremote = origin\n\thooksPath = safe\n';
  const after = '[core]\n\tremote = origin\n[branch "a"]\n\thooksPath = safe\n';
  expect(guardedConfig(after)).not.toBe(guardedConfig(before));
});
