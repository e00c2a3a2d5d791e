import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { PLUGIN_PAGE as page, pageFiles } from '../support/page-files.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What the compiler says of the files, with the package's name standing for its sources. */
async function typeCheck(files: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'promptos-docs-'));
  try {
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const { compilerOptions } = JSON.parse(await readFile(join(ROOT, 'tsconfig.json'), 'utf8'));
    const { exports } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
    const entries = ['.', './workflows', './adapters'].map((entry) => [
      `promptos-temporal${entry.slice(1)}`,
      [join(ROOT, exports[entry].default.replace('./dist/', 'src/').replace(/\.js$/, '.ts'))],
    ]);
    const options = { ...compilerOptions, noEmit: true, paths: Object.fromEntries(entries) };
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['*.ts'] }));
    for (const [name, code] of files) await writeFile(join(folder, name), code);
    const { stdout } = await execa(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder, '--pretty', 'false'], {
      cwd: folder,
      reject: false,
    });
    return stdout.split('\n').filter((line) => line !== '');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('docs/plugin.md: every line that a team adds compiles', async () => {
  const files = pageFiles(page);
  expect([...files.keys()]).toEqual([
    'activities.ts',
    'workflows.ts',
    'ports.ts',
    'worker.ts',
    'runs.ts',
    'start.ts',
    'decide.ts',
    'verifier.ts',
    'all-workflows.ts',
    'bundle.ts',
    'engine.ts',
  ]);
  expect(page.match(/^```ts$/gm)).toHaveLength(files.size);
  expect(await typeCheck(files)).toEqual([]);
});

test('docs/plugin.md: a line that has fallen behind the code is found', async () => {
  const stale = new Map([
    [
      'stale.ts',
      "import { GovernedRunPlugin } from 'promptos-temporal';\nnew GovernedRunPlugin({ serve: 'roles' });\n",
    ],
  ]);
  const problems = await typeCheck(stale);
  expect(problems[0]).toMatch(/^stale\.ts\(2,\d+\): error TS2820/);
});
