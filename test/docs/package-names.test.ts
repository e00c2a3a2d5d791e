import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { AGENT_PRESETS } from '../../src/adapters/executor/presets/presets.js';
import { MODEL_PROVIDERS } from '../../src/contracts/config/model-executor.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Everything that people read, and the help of every command. */
const texts = (): readonly (readonly [path: string, text: string])[] =>
  ['README.md', 'docs', 'examples', 'prompts', 'session', 'docker', 'docker-compose.yml', 'src/cli']
    .flatMap((place) => {
      if (/\.\w+$/.test(place)) return [place];
      return readdirSync(join(root, place), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length));
    })
    .map((path) => [path, readFileSync(join(root, path), 'utf8')]);

/** The coding agents of the presets: their packages belong to those who make the agents. */
const AGENT_PACKAGES = new Set(Object.values(AGENT_PRESETS).map(({ install }) => install.split(' ').at(-1) ?? ''));

/** The packages of the model executor's providers, which belong to the makers of the AI SDK; a version follows. */
const PROVIDER_PACKAGES = new Set(MODEL_PROVIDERS.map((provider) => `@ai-sdk/${provider}@`));

/** Packages that a text has npm fetch by a name: the owner of the name in a registry decides what is run. */
const fetchedByName = (text: string): readonly string[] =>
  [
    ...text.matchAll(
      /\b(?:npx|npm (?:install|i|exec|add)|pnpm (?:dlx|add)|yarn (?:dlx|add))((?: --?[\w-]+)*) ([\w@"$./-]+)/g,
    ),
  ]
    .map(([, , name = '']) => name)
    .filter((name) => /^[\w@]/.test(name) && !AGENT_PACKAGES.has(name) && !PROVIDER_PACKAGES.has(name));

test('documents and help: no package is fetched by a name that is not ours', () => {
  const found = texts().flatMap(([path, text]) => fetchedByName(text).map((name) => `${path}: ${name}`));
  expect(found).toEqual([]);
});

test('documents and help: a package that is fetched by its name would be found', () => {
  expect(fetchedByName('- run: npx promptos pr-check')).toEqual(['promptos']);
  expect(fetchedByName('npm install --global promptos-temporal')).toEqual(['promptos-temporal']);
  expect(fetchedByName('npm install --global "$PROMPTOS"\nnpm ci')).toEqual([]);
});
