import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (name: string) => JSON.parse(readFileSync(join(ROOT, name), 'utf8'));

test('package.json: decides on every dependency with an install script, so that npm asks nothing', () => {
  const { allowScripts } = read('package.json') as { readonly allowScripts: Readonly<Record<string, boolean>> };
  const { packages } = read('package-lock.json') as {
    readonly packages: Readonly<Record<string, { readonly hasInstallScript?: boolean; readonly dev?: boolean }>>;
  };
  const named = Object.entries(packages).flatMap(([path, { hasInstallScript, dev }]) =>
    hasInstallScript === true && dev !== true && path !== '' ? [path.split('node_modules/').at(-1) ?? path] : [],
  );
  expect(Object.keys(allowScripts).sort()).toEqual([...new Set(named)].sort());
  // None of them is needed: nothing that a dependency brings runs at an installation.
  expect(Object.values(allowScripts)).not.toContain(true);
});

test('README.md: names the dependencies with an install script', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  for (const name of Object.keys(read('package.json').allowScripts)) expect(readme).toContain(`\`${name}\``);
});
