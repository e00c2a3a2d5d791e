import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { CommandContext } from '../../../src/cli/app/context.js';
import { judgeWrittenScope } from '../../../src/cli/start/prepare-run.js';
import { parseYaml } from '../../../src/config/yaml-document.js';
import { judgeScopeOfTree } from '../../../src/rules/paths/stated-globs.js';
import { promptos } from '../../support/command-line.js';

const REQUEST = `context: { project: shop, description: A shop., goal: Split bills. }
task: { title: Split, description: Split., acceptance_criteria: [{ id: AC1, text: Parts add up. }] }
scope:
  allow: ['**']
  deny:
    - 'src\\flask\\**'
`;

test('dev: an unknown developer or integrator, a glob that can match nothing, and a policy of another repository, are refused before anything starts', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-prepare-'));
  try {
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], { cwd: folder });
    git('init', '-q');
    git('commit', '-q', '--allow-empty', '-m', 'first');
    const env = { PATH: process.env.PATH, HOME: folder, PROMPTOS_KEYS_DIR: join(folder, 'keys') };
    const made = await promptos(['init', '--alone', '--no-passphrase', '--developer', 'ada'], { cwd: folder, env });
    expect(made.exitCode).toBe(0);
    const refused = await promptos(['dev', '--developer', 'bob', '--notes', 'x'], { cwd: folder, env });
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^error DEVELOPER_UNKNOWN: /m) });
    expect(existsSync(join(folder, '.promptos/state/server.json'))).toBe(false);
    for (const option of ['--as', '--decide-as']) {
      const line = ['dev', '--developer', 'ada', '--notes', 'x', option, 'bob'];
      const undecided = await promptos(line, { cwd: folder, env });
      expect(undecided).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining(`${option}: expected an integrator`),
      });
    }
    const known = await promptos(['dev', '--developer', 'ada', '--notes', 'x'], { cwd: folder, env });
    expect(known.stderr).toMatch(/^error REQUEST_INCOMPLETE: /m);
    const request = join(folder, 'request.yaml');
    await writeFile(request, REQUEST);
    const slipped = await promptos(['dev', '--developer', 'ada', '--request', request], { cwd: folder, env });
    expect(slipped.stderr).toContain('request.yaml:6: scope.deny[0]: the glob "src\\flask\\**" has a backslash');
    for (const path of ['app/[id]/x.ts', 'app/i/x.ts']) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), 'x\n');
    }
    git('add', 'app');
    git('commit', '-q', '-m', 'routes');
    await writeFile(request, REQUEST.replace("['**']", "['app/[id]/**']").replace(/'src.*'/, "'src/gone/**'"));
    const twofold = await promptos(['dev', '--developer', 'ada', '--request', request], { cwd: folder, env });
    expect(twofold.stderr).toContain('request.yaml:4: scope.allow[0]: the glob "app/[id]/**" is a name and a set');
    const policy = join(folder, '.promptos/policy.yaml');
    const text = await readFile(policy, 'utf8');
    const name = /^repositories: \[(.*)\]$/m.exec(text)?.[1];
    expect(text).toContain(`\nname: ${name}\n`);
    await writeFile(policy, text.replace(/^protected_paths: .*$/m, "protected_paths: ['.promptos/**', 'docs/**.md']"));
    const unclear = await promptos(['dev', '--developer', 'ada', '--notes', 'x'], { cwd: folder, env });
    expect(unclear.stderr).toMatch(/policy\.yaml:\d+: protected_paths\[1\]: .*write "docs\/\*\*\/\*\.md"/);
    git('config', 'core.sparseCheckout', 'true');
    await rm(policy);
    const sparse = await promptos(['dev', '--developer', 'ada', '--notes', 'x'], { cwd: folder, env });
    expect(sparse.stderr).toMatch(/The checkout is sparse\.[\s\S]*`git sparse-checkout add \.promptos`/);
    const nobodyNamed = await promptos(['dev', '--notes', 'x'], { cwd: folder, env });
    expect(nobodyNamed.stderr).toMatch(/`git sparse-checkout add \.promptos`/);
    const other = text.replace(/^repositories: .*$/m, 'repositories: [billing]');
    await writeFile(policy, other);
    const foreign = await promptos(['dev', '--developer', 'ada', '--notes', 'x'], { cwd: folder, env });
    expect(foreign).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^error POLICY_NOT_FOR_REPOSITORY: /m),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

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
  judgeWrittenScope(
    context,
    { document, key },
    { baseCommit: 'ab'.repeat(20), baseBranch: null, untracked: [], scope },
  );
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
