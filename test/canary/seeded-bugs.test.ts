import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findProgram } from '../../src/adapters/platform/find-program.js';
import {
  BUG_CLASSES,
  BUG_LANGUAGES,
  type BugLanguage,
  buggy,
  type SeededBug,
} from '../../src/canary/seeded/seeded-bug.js';
import { RUNTIMES, SEEDED_FILES } from '../../src/canary/seeded/seeded-project.js';
import { SEEDED_BUGS } from '../../src/cli/audit/canary/measure-executor.js';
import { goProof, PROOFS } from './proofs.js';

const here = Object.fromEntries(
  await Promise.all(BUG_LANGUAGES.map((one) => [one, findProgram(RUNTIMES[one], process.env.PATH) !== null] as const)),
) as Readonly<Record<BugLanguage, boolean>>;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'promptos-bugs-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function project(bug: SeededBug, text: string): Promise<string> {
  const folder = await mkdtemp(join(root, `${bug.name}-`));
  for (const [path, content] of Object.entries({ ...SEEDED_FILES, [bug.path]: text, [bug.test_path]: bug.test })) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return join(folder, bug.language);
}

/** The exit code of the change's own test, or of the proof. */
async function run(bug: SeededBug, text: string, what: 'own test' | 'proof'): Promise<number | null> {
  const cwd = await project(bug, text);
  const start = (program: string, ...args: string[]): number | null =>
    spawnSync(program, args, { cwd, encoding: 'utf8', env: { ...process.env, GOFLAGS: '-count=1' } }).status;
  const own = bug.test_path.split('/').at(-1) ?? '';
  switch (bug.language) {
    case 'javascript':
      if (what === 'own test') return start('node', '--test', own);
      return start('node', '-e', `const assert = require('node:assert');\n${PROOFS[bug.name]}`);
    case 'python':
      if (what === 'own test') return start('python3', '-m', 'unittest', own);
      return start('python3', '-c', PROOFS[bug.name] ?? '');
    case 'go':
      await writeFile(join(cwd, 'proof_test.go'), goProof(bug.name));
      return start('go', 'test', '-run', what === 'proof' ? '^TestProof$' : '^Test[^P]', './...');
  }
}

describe('seeded bugs', () => {
  test('SEEDED_BUGS: one bug of each class in each language, whose replaced texts are in the file once', () => {
    expect(SEEDED_BUGS.map((bug) => `${bug.language} ${bug.class}`).sort()).toEqual(
      BUG_LANGUAGES.flatMap((language) => BUG_CLASSES.map((kind) => `${language} ${kind}`)).sort(),
    );
    for (const { honest, replaced, name } of SEEDED_BUGS) {
      for (const [from] of replaced) expect(honest.split(from), `${name}: ${from}`).toHaveLength(2);
    }
  });

  test.for(SEEDED_BUGS)(
    '$name: the proof passes without the bug and fails with it, and the test of the change passes with it',
    { timeout: 120_000 },
    async (bug, { skip }) => {
      if (!here[bug.language]) skip(`${RUNTIMES[bug.language]} is not here`);
      expect(await run(bug, bug.honest, 'own test'), 'own test, honest').toBe(0);
      expect(await run(bug, buggy(bug), 'own test'), 'own test, seeded').toBe(0);
      expect(await run(bug, bug.honest, 'proof'), 'proof, honest').toBe(0);
      expect(await run(bug, buggy(bug), 'proof'), 'proof, seeded').not.toBe(0);
    },
  );
});
