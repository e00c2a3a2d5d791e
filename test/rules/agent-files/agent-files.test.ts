import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PatchFile } from '../../../src/contracts/record/patch.js';
import { AGENT_FILES, agentFileOf, agentTargetOf } from '../../../src/rules/agent-files/agent-files.js';
import { judgeChange } from '../../../src/rules/judge-change.js';
import { PATCH_RULES } from '../../../src/rules/patch-rules.js';
import { globsOfPolicy, refusedGlobs } from '../../../src/rules/paths/stated-globs.js';
import { changed, judged } from '../patches.js';

const LINK = { status: 'added', old_mode: '000000', new_mode: '120000' } as const;
const judge = (file: PatchFile, more: Parameters<typeof judged>[1] = {}) =>
  PATCH_RULES.agent_files.judge(judged([file], more));

test.each([
  'CLAUDE.md',
  'claude.MD',
  'src/CLAUDE.md',
  'packages/a/AGENTS.md',
  'AGENTS.override.md',
  'docs/GEMINI.md',
  'QWEN.md',
  'CLAUDE.local.md',
  '.claude/settings.json',
  'src/.Claude/hooks/x.sh',
  '.claude',
  '.mcp.json',
  'sub/.MCP.JSON',
  '.codex/config.toml',
  '.gemini/settings.json',
  '.qwen/settings.json',
  'opencode.json',
  'opencode.jsonc',
  '.opencode/plugin/x.js',
  '.aider.conf.yml',
  '.aiderignore',
  '.cursor/rules/a.mdc',
  '.cursorrules',
  '.windsurfrules',
  '.windsurf/rules/a.md',
  '.clinerules',
  '.clinerules-code',
  '.roo/rules/a.md',
  '.continue/config.yaml',
  '.github/copilot-instructions.md',
  '.github/hooks/a.json',
  '.github/instructions/a.instructions.md',
  '.github/prompts/a.prompt.md',
  '.GitHub/Agents/a.md',
  '.vscode/mcp.json',
  'skills/pdf/SKILL.md',
  'a/skills/b/c/skill.md',
  '.env',
  // Names that only some file systems take for the same.
  'CLAUDE.md.',
  'CLAUDE.md ',
  'CLAUDE.md::$DATA',
  '.claude./settings.json',
  'CL\u200bAUDE.md',
  '.\ufeffmcp.json',
  'CLAUDE~1/settings.json',
  'MCP~1.JSO',
  'AIDER~1.YML',
  'agents~1.md',
  '.claude\\settings.json',
  'S\u212AILLS/x/S\u212AILL.md',
  'skill\u017F/x/SKILL.md',
  '.windſurfrules',
  // A folder in an odd form does not hide the file in it.
  'cafe\u0301/CLAUDE.md',
  'caf\u00e9/CLAUDE.md',
  // What replaces the file by a folder.
  'CLAUDE.md/x',
])('agentFileOf: %j steers agents', (path) => {
  expect(agentFileOf(path)).not.toBeNull();
  expect(judge(changed(path))).toMatchObject([{ severity: 'critical', blocking: true, path }]);
});

test.each([
  'src/claude.ts',
  'CLAUDE.mdx',
  'docs/about-AGENTS.md',
  'MY_CLAUDE.md',
  'claude/settings.json',
  'mcp.json',
  '.github/workflows/ci.yml',
  '.github/CODEOWNERS',
  '.vscode/launch.json',
  'SKILL.md',
  'skills/readme.md',
  'src/cursor/index.ts',
  '.env.example',
  'agents/AGENTS.txt',
  'src/opencode.json5',
])('agentFileOf: %j steers none', (path) => {
  expect(agentFileOf(path)).toBeNull();
  expect(judge(changed(path))).toEqual([]);
});

const nameOf = (entry: string): string => entry.replaceAll('**', 'x').replaceAll('*', '.y');

test('agent_files: no path of the table passes, at any depth, in any case, with anything below it', () => {
  const cases = fc.array(fc.boolean(), { minLength: 40, maxLength: 40 });
  const mixed = (text: string, upper: readonly boolean[]) =>
    [...text].map((letter, at) => (upper[at % upper.length] ? letter.toUpperCase() : letter.toLowerCase())).join('');
  const folders = fc.array(fc.constantFrom('src', 'packages', 'a b', 'Ünïcode', '.hidden', '..x'), { maxLength: 3 });
  fc.assert(
    fc.property(fc.constantFrom(...AGENT_FILES), cases, folders, fc.boolean(), (entry, upper, above, below) => {
      const path = [...above, mixed(nameOf(entry), upper), ...(below ? ['x'] : [])].join('/');
      for (const form of ['NFC', 'NFD'] as const) {
        const file = changed(path.normalize(form), { status: 'added', old_mode: '000000' });
        expect(judge(file)).toMatchObject([{ blocking: true }]);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('agent_files: a deletion, a new mode, and either side of a rename are refused', () => {
  expect(judge(changed('AGENTS.md', { status: 'deleted', new_mode: '000000' }))).toHaveLength(1);
  expect(judge(changed('.claude/hook.sh', { new_mode: '100755', added: 0 }))).toHaveLength(1);
  const into = judge(changed('CLAUDE.md', { status: 'renamed', old_path: 'docs/notes.md', added: 0 }));
  expect(into).toMatchObject([{ path: 'CLAUDE.md', message: expect.stringContaining('renames CLAUDE.md') }]);
  const outOf = judge(changed('docs/notes.md', { status: 'renamed', old_path: 'CLAUDE.md', added: 0 }));
  expect(outOf).toMatchObject([{ path: 'CLAUDE.md' }]);
});

test.each([
  ['docs/x', '../CLAUDE.md'],
  ['docs/x', '../claude.MD'],
  ['x', '.claude/settings.json'],
  ['.github/x', 'hooks'],
  ['a/b/c', '../../.mcp.json'],
  ['x', '.\\.claude'],
])('agent_files: the link %s -> %s is refused for its target', (path, target) => {
  const findings = judge(changed(path, LINK), { lines: [{ path, line: 1, text: target }] });
  expect(findings).toMatchObject([
    { blocking: true, path, message: expect.stringContaining('symbolic link to a file') },
  ]);
});

test.each(['CLAUDE.md', '.claude', '.github', 'skills', 'a/.vscode'])(
  'agent_files: a link or a submodule at %s is refused for its name',
  (path) => {
    const lines = [{ path, line: 1, text: 'docs' }];
    expect(judge(changed(path, LINK), { lines })).toMatchObject([{ blocking: true, path }]);
    expect(judge(changed(path, { ...LINK, new_mode: '160000' }))).toMatchObject([{ blocking: true, path }]);
    expect(judge(changed(path, { status: 'deleted', old_mode: '160000', new_mode: '000000' }))).toHaveLength(1);
  },
);

test('agentTargetOf: a link to another file is none', () => {
  expect(agentTargetOf('docs/x', '../README.md')).toBeNull();
  expect(judge(changed('docs/x', LINK), { lines: [{ path: 'docs/x', line: 1, text: '../README.md' }] })).toEqual([]);
});

test('agent_files: passes only when plan and policy both name the file, and is then to be acknowledged', () => {
  const file = changed('src/CLAUDE.md', { status: 'added', old_mode: '000000' });
  const plan = { planned_files: ['src/CLAUDE.md'] };
  const policy = { agent_files: ['src/CLAUDE.md'] };
  expect(judge(file, plan)).toMatchObject([
    { blocking: true, message: expect.stringContaining("the policy's agent_files.allow does not match it") },
  ]);
  expect(judge(file, policy)).toMatchObject([{ blocking: true, message: expect.stringContaining('no plan names it') }]);
  expect(judge(file, { ...plan, ...policy })).toMatchObject([{ blocking: false, severity: 'high' }]);
  // What allows is exact: another case is another file.
  expect(judge(changed('src/claude.md'), { planned_files: ['src/claude.md'], ...policy })).toMatchObject([
    { blocking: true },
  ]);
});

test('agent_files: what a link of the base commit leads to is read under its name', () => {
  const inventory = [
    { path: 'AGENTS.md', sha256: 'a'.repeat(64), leads_to: ['docs/guide.md'] },
    { path: '.cursor', sha256: 'a'.repeat(64), leads_to: ['conf'] },
  ];
  for (const path of ['docs/guide.md', 'docs/GUIDE.md', 'conf/new.mdc']) {
    expect(judge(changed(path), { inventory })).toMatchObject([{ blocking: true, path }]);
    expect(judge(changed(path))).toEqual([]);
  }
  expect(judge(changed('docs/guide.md.txt'), { inventory })).toEqual([]);
});

test('agent_files: what a file of the base commit imports steers agents too', () => {
  const inventory = [{ path: 'CLAUDE.md', sha256: 'a'.repeat(64), imports: ['docs/style.md', 'notes/later.md'] }];
  for (const path of ['docs/style.md', 'docs/STYLE.md', 'notes/later.md']) {
    expect(judge(changed(path), { inventory })).toMatchObject([
      { blocking: true, severity: 'critical', path, message: expect.stringContaining('(imported by CLAUDE.md)') },
    ]);
    expect(judge(changed(path))).toEqual([]);
  }
  for (const path of ['docs/style.md.txt', 'docs/other.md', 'docs']) {
    expect(judge(changed(path), { inventory })).toEqual([]);
  }
  const allowed = { inventory, planned_files: ['docs/style.md'], agent_files: ['docs/**'] };
  expect(judge(changed('docs/style.md'), allowed)).toMatchObject([{ blocking: false, severity: 'high' }]);
});

test('agent_files: a link in the place of a folder of an imported file brings another file under its name', () => {
  const inventory = [{ path: 'CLAUDE.md', sha256: 'a'.repeat(64), imports: ['docs/rules/style.md'] }];
  for (const path of ['docs', 'docs/rules', 'docs/rules/style.md']) {
    expect(judge(changed(path, LINK), { inventory })).toMatchObject([{ blocking: true, path }]);
  }
  expect(judge(changed('docs/other', LINK), { inventory })).toEqual([]);
});

test('agent_files: a blocking finding raises a P08', () => {
  expect(judgeChange(judged([changed('.mcp.json')]))).toMatchObject([
    { rule: 'agent_files', blocking: true, escalates: 'rule_violation' },
  ]);
});

test('agent_files: runs that pinned version 1 of the rules are not judged by it', () => {
  expect(judge(changed('CLAUDE.md'), { rules_version: 1 })).toEqual([]);
});

test('agent_files: a glob of the policy that cannot be judged is refused where a run starts', () => {
  const globs = globsOfPolicy({
    checks: {},
    setup: {},
    default_scope: undefined,
    protected_paths: [],
    protected_tests: [],
    agent_files: { allow: ['docs/AGENTS.md', '/CLAUDE.md'] },
  });
  expect(refusedGlobs(globs)).toMatchObject([{ path: ['agent_files', 'allow', 1], glob: '/CLAUDE.md' }]);
});
