import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkCommand } from '../../../../src/cli/audit/audit-commands.js';
import { prettyJson } from '../../../../src/contracts/json.js';
import type { Finding } from '../../../../src/contracts/run/findings.js';
import { PATCH_RULE_IDS } from '../../../../src/rules/patch-rules.js';
import { git, makeRepository, makeRoom, PERSON, writeFiles } from '../../../adapters/git-fixtures.js';
import { EXAMPLE_POLICY } from '../../../support/governed-repository.js';
import { sarifProblems } from '../../../support/sarif-schema.js';
import { type Invocation, invoke } from '../../recorded-context.js';

const JOB = {
  title: 'Split the bill',
  objective: 'Round half to even',
  deliverables: ['the change'],
  acceptance_criteria: [{ id: 'AC1', text: 'it rounds' }],
  scope: { allow: ['src/**'], deny: ['src/private/**'] },
  exclusions: [],
};

const POLICY = `${EXAMPLE_POLICY}prompt_packs: ['${'0'.repeat(64)}']\n`;

let room: Awaited<ReturnType<typeof makeRoom>>;
let repo: string;
let job: string;

const readInput = { bytes: new Uint8Array() };
const check = (args: readonly string[], options: { readonly json?: boolean; readonly env?: object } = {}) =>
  invoke((context) => checkCommand(context, async () => readInput.bytes), ['--job', job, ...args], {
    cwd: repo,
    env: { ...PERSON, ...options.env },
    json: options.json ?? true,
  });
const findingsOf = ({ objects: [said] }: Invocation) => said?.findings as readonly Finding[];
const rulesOf = (said: Invocation) => [...new Set(findingsOf(said).map(({ rule }) => rule))];
const edit = (files: Readonly<Record<string, string | Buffer>>) => writeFiles(repo, files);

beforeEach(async () => {
  room = await makeRoom();
  repo = join(room.root, 'repo');
  job = join(room.root, 'job.json');
  await writeFile(job, prettyJson(JOB));
  await makeRepository(repo, {
    'src/a.txt': 'one\ntwo\n',
    'docs/b.txt': 'b\n',
    '.gitignore': 'out/\n',
    '.promptos/policy.yaml': POLICY,
  });
});
afterEach(() => room.remove());

describe('check: the change that is judged', () => {
  test('the working tree: modified and untracked files, without those that git ignores; nothing is staged', async () => {
    await edit({ 'src/a.txt': 'three\n', 'src/new.txt': 'new\n', 'out/log': 'x\n' });
    const said = await check([]);
    expect(said).toMatchObject({
      exitCode: 0,
      objects: [{ passed: true, change: { kind: 'working_tree', files: 2 } }],
    });
    expect(git(repo, 'diff', '--cached', '--name-only')).toBe('');
    await edit({ 'docs/new.txt': 'new\n' });
    expect(rulesOf(await check([]))).toEqual(['scope']);
  });

  test('a file that was edited within the same tick as the index, to the same size, is seen', async () => {
    await edit({ 'docs/b.txt': 'c\n' });
    git(repo, 'add', '-A');
    await edit({ 'docs/b.txt': 'd\n' });
    git(repo, 'commit', '-qm', 'second');
    expect(findingsOf(await check([])).map(({ path }) => path)).toEqual(['docs/b.txt']);
  });

  test('--staged: what is staged, not what is in the working tree', async () => {
    await edit({ 'docs/b.txt': 'staged\n' });
    git(repo, 'add', '-A');
    await edit({ 'docs/b.txt': 'b\n', 'src/a.txt': 'not staged\n' });
    const said = await check(['--staged']);
    expect(said).toMatchObject({ exitCode: 1, objects: [{ passed: false, change: { kind: 'staged', files: 1 } }] });
    expect(rulesOf(said)).toEqual(['scope']);
  });

  test('--staged: the index that git names to a hook is the one that is read', async () => {
    await edit({ 'src/a.txt': 'mine\n', 'docs/b.txt': 'other\n' });
    git(repo, 'add', 'docs/b.txt');
    const other = join(repo, '.git', 'next-index');
    await writeFile(other, await readFile(join(repo, '.git', 'index')));
    git(repo, 'reset', '-q');
    git(repo, 'add', 'src/a.txt');
    expect((await check(['--staged'])).exitCode).toBe(0);
    expect(rulesOf(await check(['--staged'], { env: { GIT_INDEX_FILE: '.git/next-index' } }))).toEqual(['scope']);
  });

  test('--range and --base: the commits, whatever is in the working tree', async () => {
    git(repo, 'checkout', '-qb', 'fix');
    await edit({ 'src/a.txt': 'fixed\n' });
    git(repo, 'commit', '-qam', 'fix');
    git(repo, 'checkout', '-q', 'main');
    await edit({ 'docs/b.txt': 'moved on\n' });
    git(repo, 'commit', '-qam', 'main moves on');
    git(repo, 'checkout', '-q', 'fix');
    await edit({ 'docs/b.txt': 'dirty\n' });
    expect((await check(['--base', 'main'])).exitCode).toBe(0);
    expect((await check(['--range', 'main...fix'])).exitCode).toBe(0);
    expect(rulesOf(await check(['--range', 'main..fix']))).toEqual(['scope']);
    expect((await check(['--range', 'HEAD~1..'])).objects[0]).toMatchObject({ change: { files: 1 }, passed: true });
  });

  test('--patch: a patch on HEAD or on --base, from a file or standard input', async () => {
    await edit({ 'docs/b.txt': 'patched\n' });
    const patch = join(room.root, 'change.patch');
    await writeFile(patch, `${git(repo, 'diff', '--binary', '--full-index')}\n`);
    git(repo, 'checkout', '-q', '.');
    expect(rulesOf(await check(['--patch', patch]))).toEqual(['scope']);
    readInput.bytes = await readFile(patch);
    expect(rulesOf(await check(['--patch', '-']))).toEqual(['scope']);
    await edit({ 'docs/b.txt': 'elsewhere\n' });
    git(repo, 'commit', '-qam', 'moves on');
    const said = await check(['--patch', patch]);
    expect(rulesOf(said)).toEqual(['applies', 'scope']);
    expect(said.objects[0]?.skipped).toContainEqual({ rule: 'attributes', reason: 'the patch does not apply' });
    expect(rulesOf(await check(['--patch', patch, '--base', 'HEAD~1']))).toEqual(['scope']);
  });

  test('--patch: a patch whose text says something else than what git makes of it', async () => {
    await edit({ 'src/a.txt': 'x\n' });
    const diff = `${git(repo, 'diff', '--binary', '--full-index')}\n`;
    git(repo, 'checkout', '-q', '.');
    readInput.bytes = Buffer.from(diff.replace(/^(index .*) 100644$/m, '$1 100755'));
    const said = await check(['--patch', '-']);
    expect(said.objects[0]?.rules).toContain('patch_form');
    expect(rulesOf(said)).toEqual(['patch_form']);
    readInput.bytes = Buffer.from(`a mail\n\n${diff}`);
    expect((await check(['--patch', '-'])).objects[0]?.skipped).toContainEqual({
      rule: 'patch_form',
      reason: expect.stringMatching(/line \d/),
    });
  });

  test('a repository without a commit: everything that is staged is the change', async () => {
    const empty = join(room.root, 'empty');
    await writeFiles(empty, { 'docs/x.txt': 'x\n', '.promptos/policy.yaml': POLICY });
    git(empty, 'init', '-q');
    git(empty, 'add', 'docs');
    repo = empty;
    expect(findingsOf(await check(['--staged'])).map(({ path }) => path)).toEqual(['docs/x.txt']);
  });

  test('files that steer agents in the base count, links to them included', async () => {
    await edit({ 'docs/real.md': 'be kind\n' });
    git(repo, 'add', '-A');
    git(repo, 'commit', '-qm', 'real');
    const { symlink } = await import('node:fs/promises');
    await symlink('docs/real.md', join(repo, 'CLAUDE.md'));
    git(repo, 'add', '-A');
    git(repo, 'commit', '-qm', 'a link');
    await edit({ 'docs/real.md': 'obey me\n' });
    expect(rulesOf(await check([]))).toContain('agent_files');
  });
});

describe('check: files that agent files import', () => {
  test('count as files that steer agents, through other imports too, and others do not', async () => {
    await edit({ 'CLAUDE.md': '- @docs/style.md\n', 'docs/style.md': '@more.md\n', 'docs/more.md': 'be kind\n' });
    await edit({ 'docs/other.md': 'text\n' });
    git(repo, 'add', '-A');
    git(repo, 'commit', '-qm', 'imports');
    await edit({ 'docs/other.md': 'obey me\n' });
    expect(rulesOf(await check([]))).not.toContain('agent_files');
    await edit({ 'docs/more.md': 'obey me\n' });
    expect(findingsOf(await check([]))).toContainEqual(
      expect.objectContaining({ rule: 'agent_files', path: 'docs/more.md' }),
    );
  });

  test('count behind a link on the way', async () => {
    await edit({ 'CLAUDE.md': '@guide/style.md\n', 'docs/style.md': 'be kind\n' });
    const { symlink } = await import('node:fs/promises');
    await symlink('docs', join(repo, 'guide'));
    git(repo, 'add', '-A');
    git(repo, 'commit', '-qm', 'a linked folder');
    await edit({ 'docs/style.md': 'obey me\n' });
    expect(findingsOf(await check([]))).toContainEqual(
      expect.objectContaining({ rule: 'agent_files', path: 'docs/style.md' }),
    );
  });
});

describe('check: what it says', () => {
  test('an empty change does not pass, and neither does an empty patch', async () => {
    for (const args of [[], ['--staged'], ['--range', 'HEAD..HEAD'], ['--patch', '-']]) {
      readInput.bytes = new Uint8Array();
      const said = await check(args);
      expect([rulesOf(said), said.exitCode]).toEqual([['empty'], 1]);
    }
  });

  test('without a plan the rule is skipped and named; with one the change is held to its files', async () => {
    await edit({ 'src/a.txt': 'three\n', 'src/new.txt': 'new\n' });
    const without = await check([]);
    expect(without.objects[0]?.skipped).toContainEqual({ rule: 'plan', reason: expect.stringContaining('--plan') });
    expect(without.objects[0]?.rules).not.toContain('plan');
    const plan = join(room.root, 'plan.json');
    await writeFile(plan, prettyJson(planOf('src/a.txt')));
    const said = await check(['--plan', plan]);
    expect(findingsOf(said)).toMatchObject([{ rule: 'plan', path: 'src/new.txt', blocking: true }]);
    expect(said.objects[0]?.rules).toEqual(PATCH_RULE_IDS);
  });

  test('a published tree as --job brings its plan and the scope of its request', async () => {
    const tree = join(room.root, 'tree');
    await writeFiles(tree, {
      'job.json': prettyJson({ ...JOB, scope: { allow: ['src/**', 'docs/**'], deny: [] } }),
      'evidence/plan.json': prettyJson(planOf('src/a.txt', 'docs/b.txt')),
      'evidence/request.json': prettyJson(REQUEST),
    });
    job = tree;
    await edit({ 'src/a.txt': 'x\n', 'docs/b.txt': 'x\n', 'src/more.txt': 'x\n' });
    expect(findingsOf(await check([])).map(({ rule, path }) => `${rule} ${path}`)).toEqual([
      'scope docs/b.txt',
      'plan src/more.txt',
    ]);
  });

  test('secrets are named and never shown', async () => {
    const token = `ghp_${'A1b2C3d4E5f6G7h8I9j0'.repeat(2).slice(0, 36)}`;
    await edit({ 'src/a.txt': `const token = '${token}'\n` });
    const said = await check([], { json: false });
    expect(said.exitCode).toBe(1);
    expect(said.stdout).toContain('secrets');
    expect(said.stdout).not.toContain(token);
  });

  test('for people: what blocks comes first, with its place, and the last line is the verdict', async () => {
    await edit({ 'src/run.sh': 'echo hi\n', 'docs/b.txt': 'x\n' });
    const { stdout, exitCode } = await check([], { json: false });
    expect(exitCode).toBe(1);
    expect(stdout.split('\n')[0]).toMatch(
      /^BLOCKS {2}critical {2}scope {2}docs\/b\.txt {2}docs\/b\.txt is out of scope/,
    );
    expect(stdout).toContain('not judged: plan, plan_files (there is no plan; name one with --plan)\n');
    expect(stdout).toMatch(/the working tree: 2 files, \d+ rules: refused, 1 finding blocks\n$/);
  });

  test('--sarif: a log of version 2.1.0 with every rule that was judged, its text and the place of each finding', async () => {
    await edit({ 'docs/b c.txt': 'x\n' });
    const file = join(room.root, 'check.sarif');
    const said = await check(['--sarif', file]);
    const log = JSON.parse(await readFile(file, 'utf8'));
    const [run] = log.runs;
    expect(log.version).toBe('2.1.0');
    expect(sarifProblems(log)).toEqual([]);
    expect(run.automationDetails.id).toBe(`promptos/check/${git(repo, 'rev-parse', 'HEAD')}`);
    expect(run.tool.driver.rules.map(({ id }: { id: string }) => id)).toEqual(said.objects[0]?.rules);
    for (const rule of run.tool.driver.rules) {
      expect(rule, rule.id).toMatchObject({
        shortDescription: { text: expect.stringMatching(/\.$/) },
        help: { text: expect.stringMatching(/\.$/) },
        helpUri: `https://promptos.dev/rules/${rule.id}`,
      });
    }
    expect(run.results).toMatchObject([
      {
        ruleId: 'scope',
        level: 'error',
        locations: [{ physicalLocation: { artifactLocation: { uri: 'docs/b%20c.txt', uriBaseId: '%SRCROOT%' } } }],
        partialFingerprints: { 'promptosFinding/v1': expect.stringMatching(/^[0-9a-f]{64}$/) },
      },
    ]);
    const printed = await check(['--sarif', '-'], { json: false });
    expect(JSON.parse(printed.stdout)).toEqual(log);
    expect(printed.stderr).toContain('refused');
    await expect(check(['--sarif', '-'])).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('check: bad input', () => {
  test.each([
    ['a job that is missing', ['--job', 'nowhere.json'], 'FILE_NOT_READABLE'],
    ['a job that has no end', ['--job', '/dev/zero'], 'FILE_NOT_READABLE'],
    ['a patch that has no end', ['--patch', '/dev/zero'], 'FILE_NOT_READABLE'],
    ['a folder without a job', ['--job', 'src'], 'FILE_NOT_READABLE'],
    ['a job that is none', ['--job', '.promptos/policy.yaml'], 'JOB_INVALID'],
    ['a plan that is none', ['--plan', '.promptos/policy.yaml'], 'PLAN_INVALID'],
    ['plan.md', ['--plan', 'plan.md'], 'PLAN_INVALID'],
    ['a policy that is missing', ['--policy', 'nowhere.yaml'], 'POLICY_NOT_FOUND'],
    ['a patch that is missing', ['--patch', 'nowhere.patch'], 'FILE_NOT_READABLE'],
    ['a commit that is missing', ['--range', 'nowhere..HEAD'], 'BASE_NOT_FOUND'],
    ['a range that is none', ['--range', 'main'], 'USAGE'],
    ['an option as a base', ['--base', '--output=x'], 'BASE_NOT_FOUND'],
  ])('check: %s', async (_, args, code) => {
    await expect(check(args)).rejects.toMatchObject({ code });
  });

  test('check: files in conflict cannot be judged as staged', async () => {
    git(repo, 'checkout', '-qb', 'other');
    await edit({ 'src/a.txt': 'theirs\n' });
    git(repo, 'commit', '-qam', 'theirs');
    git(repo, 'checkout', '-q', 'main');
    await edit({ 'src/a.txt': 'ours\n' });
    git(repo, 'commit', '-qam', 'ours');
    expect(() => git(repo, 'merge', 'other')).toThrow();
    await expect(check(['--staged'])).rejects.toMatchObject({ code: 'USAGE' });
  });
});

const planOf = (...files: readonly string[]) => ({
  summary: 's',
  components: [{ name: 'c', responsibility: 'r', files }],
  interfaces: [],
  data_flow: 'd',
  alternatives: ['a', 'b'].map((name) => ({ name, description: 'd', rejected_because: 'r' })),
  risks: [],
  open_questions: [],
});

const REQUEST = {
  schema_version: 1,
  context: { project: 'shop', description: 'd', stack: [], constraints: [], role: 'engineer', goal: 'g' },
  task: { title: 't', description: 'd', acceptance_criteria: [{ id: 'AC1', text: 'it rounds' }], out_of_scope: [] },
  scope: { allow: ['src/**'], deny: [] },
  checks: [],
  notes: '',
};
