import { expect, test } from 'vitest';
import type { CommandContext } from '../../src/cli/context.js';
import { judgeWrittenScope } from '../../src/cli/judge-written-scope.js';
import { parseYaml } from '../../src/config/yaml-document.js';
import { judgeScopeOfTree } from '../../src/rules/stated-globs.js';

const TEXT = `scope:
  allow:
    - 'app/[id]/**'
    - lib/**
  deny:
    - src/flask
    - '*.pem'
`;
const SCOPE = { allow: ['app/[id]/**', 'lib/**'], deny: ['src/flask', '*.pem'] };

/** The notes that a scope gets over a tree of these files. */
function notesOver(files: readonly string[], key: 'scope' | 'default_scope' = 'scope'): readonly string[] {
  const notes: string[] = [];
  const context = { output: () => ({ note: (line: string) => notes.push(line) }) } as unknown as CommandContext;
  const document = parseYaml(new TextEncoder().encode(TEXT.replace('scope', key)), 'request.yaml');
  const scope = judgeScopeOfTree(SCOPE, files);
  judgeWrittenScope(context, { document, key }, { baseCommit: 'ab'.repeat(20), untracked: [], scope });
  return notes;
}

test('judgeWrittenScope: names each glob that matches no file of the base commit, at its line', () => {
  expect(notesOver(['app/[id]/page.tsx', 'src/other.py'])).toEqual([
    'note: request.yaml:4: scope.allow[1]: the glob "lib/**" matches no file of the base commit abababababab; it allows new files only',
    'note: request.yaml:6: scope.deny[0]: the glob "src/flask" matches no file of the base commit abababababab; it forbids new files only',
    'note: request.yaml:7: scope.deny[1]: the glob "*.pem" matches no file of the base commit abababababab; it forbids new files only',
  ]);
  expect(notesOver(['app/i/x', 'lib/a', 'src/flask/app.py', 'certs/a.pem'])).toEqual([]);
});

test('judgeWrittenScope: refuses a glob that matches other files in each of its readings', () => {
  const files = ['app/[id]/page.tsx', 'app/i/page.tsx'];
  expect(() => notesOver(files)).toThrow('request.yaml:3: scope.allow[0]: the glob "app/[id]/**"');
  expect(() => notesOver(files)).toThrow('write "app/\\[id\\]/**" for the name');
  expect(() => notesOver(files, 'default_scope')).toThrow(expect.objectContaining({ code: 'POLICY_INVALID' }));
});
