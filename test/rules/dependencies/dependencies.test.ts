import { expect, test } from 'vitest';
import { judgeChange } from '../../../src/rules/judge-change.js';
import { plannedFor } from '../patches.js';
import { findingsOf, writtenPatch } from '../written-patches.js';

const MANIFEST = [' {', '   "dependencies": {', '-    "left": "^1.0.0"', '+    "left": "^2.0.0"', '   }', ' }'];
const LOCK = [
  '     "node_modules/left": {',
  '-      "version": "1.0.3",',
  '-      "resolved": "https://registry.npmjs.org/left/-/left-1.0.3.tgz",',
  '+      "version": "2.0.1",',
  '+      "resolved": "https://registry.npmjs.org/left/-/left-2.0.1.tgz",',
  '       "license": "MIT"',
];

test('dependencies: a manifest that the plan does not name is refused and escalates, with what changes', () => {
  const [finding] = judgeChange(writtenPatch({ 'package.json': MANIFEST, 'package-lock.json': LOCK }, plannedFor()));
  expect(finding).toMatchObject({ rule: 'plan' });
  const found = judgeChange(writtenPatch({ 'package.json': MANIFEST, 'package-lock.json': LOCK }, plannedFor())).filter(
    ({ rule }) => rule === 'dependencies',
  );
  expect(found).toMatchObject([
    { severity: 'high', blocking: true, escalates: 'rule_violation', path: 'package.json' },
    { severity: 'high', blocking: true, escalates: 'rule_violation', path: 'package-lock.json' },
  ]);
  expect(found[0]?.message).toContain('left ^1.0.0 to ^2.0.0 (dependencies)');
  expect(found[1]?.message).toContain('left 1.0.3 to 2.0.1');
});

test('dependencies: a run without a plan has nothing that names a manifest', () => {
  expect(findingsOf('dependencies', { 'go.sum': ['+a.org/b v1.0.0 h1:x='] })).toMatchObject([{ blocking: true }, {}]);
});

test('dependencies: what the plan names is reported, an added package above a changed one', () => {
  const added = [' {', '   "devDependencies": {', '+    "right": "^1.0.0",', '     "left": "^1.0.0"', '   }', ' }'];
  const both = plannedFor('package.json', 'package-lock.json');
  expect(findingsOf('dependencies', { 'package.json': MANIFEST, 'package-lock.json': LOCK }, both)).toMatchObject([
    { severity: 'low', blocking: false, path: 'package.json' },
    { severity: 'low', blocking: false, path: 'package-lock.json' },
  ]);
  const [finding] = findingsOf('dependencies', { 'package.json': added, 'package-lock.json': LOCK }, both);
  expect(finding).toMatchObject({ severity: 'medium', blocking: false });
  expect(finding?.message).toContain('right added at ^1.0.0 (devDependencies)');
});

test('dependencies: a lock file without its manifest, and the reverse, is reported', () => {
  expect(
    findingsOf('dependencies', { 'package-lock.json': LOCK }, plannedFor('package-lock.json')).at(-1),
  ).toMatchObject({
    severity: 'medium',
    message: 'The lock file package-lock.json changes, and no manifest does that it is made from.',
  });
  expect(findingsOf('dependencies', { 'package.json': MANIFEST }, plannedFor('package.json')).at(-1)).toMatchObject({
    severity: 'low',
    message: 'package.json changes packages, and no lock file changes with it.',
  });
});

test.each([
  ['requirements.txt', ['-requests==2.1', '+requests==2.2'], 'requests ==2.1 to ==2.2'],
  ['requirements/dev.txt', ['+black'], 'black added at *'],
  ['pyproject.toml', [' dependencies = [', '+  "httpx>=0.27",', ' ]'], 'httpx added at >=0.27'],
  ['pyproject.toml', [' [tool.poetry.dependencies]', '-flask = "^2"', '+flask = "^3"'], 'flask ^2 to ^3'],
  ['uv.lock', [' [[package]]', ' name = "idna"', '-version = "3.6"', '+version = "3.7"'], 'idna 3.6 to 3.7'],
  [
    'go.mod',
    [' require (', '-\texample.org/a v1.2.0', '+\texample.org/a v1.3.0', ' )'],
    'example.org/a v1.2.0 to v1.3.0',
  ],
  ['Cargo.toml', [' [dependencies]', '+serde = { version = "1", features = ["derive"] }'], 'serde added at 1'],
  ['Cargo.lock', [' [[package]]', ' name = "libc"', '-version = "0.2.1"', '+version = "0.2.2"'], 'libc 0.2.1 to 0.2.2'],
  [
    'pom.xml',
    [' <artifactId>guava</artifactId>', '-<version>32</version>', '+<version>33</version>'],
    'guava 32 to 33',
  ],
  ['build.gradle.kts', ['+    implementation("com.acme:lib:1.2")'], 'com.acme:lib added at 1.2'],
  ['gradle.lockfile', ['-com.acme:lib:1.2=compile', '+com.acme:lib:1.3=compile'], 'com.acme:lib 1.2 to 1.3'],
  ['Gemfile', ["-gem 'rails', '~> 7.0'", "+gem 'rails', '~> 7.1'"], 'rails ~> 7.0 to ~> 7.1'],
  ['Gemfile.lock', ['-    rack (3.0.1)', '+    rack (3.0.2)'], 'rack 3.0.1 to 3.0.2'],
  ['composer.json', [' "require": {', '+  "monolog/monolog": "^3.0"', ' }'], 'monolog/monolog added at ^3.0'],
  ['pnpm-lock.yaml', ["-  '@a/b@1.0.0':", "+  '@a/b@1.1.0':"], '@a/b 1.0.0 to 1.1.0'],
  ['yarn.lock', [' left@^1.0.0:', '-  version "1.0.0"', '+  version "1.0.1"'], 'left 1.0.0 to 1.0.1'],
])('dependencies: names the package of %s (%#)', (path, lines, named) => {
  expect(findingsOf('dependencies', { [path]: lines }, plannedFor(path))[0]?.message).toContain(named);
});

test.each([
  ['package.json', '+    "postinstall": "node steal.js",', 'runs a program when the package is installed'],
  ['package-lock.json', '+      "hasInstallScript": true,', 'runs a program when the package is installed'],
  ['package.json', '+    "left": "git+https://example.org/left.git",', 'which no registry vouches for'],
  ['package.json', '+    "left": "file:../left",', 'which no registry vouches for'],
  ['requirements.txt', '+-e git+https://example.org/a.git', 'which no registry vouches for'],
  ['requirements.txt', '+--extra-index-url https://example.org/simple', 'from which registry packages come'],
  ['go.mod', '+replace example.org/a => ../a', 'which no registry vouches for'],
  ['Cargo.toml', '+left = { git = "https://example.org/left" }', 'which no registry vouches for'],
  ['.npmrc', '+registry=https://example.org/', 'from which registry packages come'],
  ['package-lock.json', '+      "resolved": "https://example.org/left.tgz",', 'from which registry packages come'],
  ['Gemfile', "+source 'https://gems.example.org'", 'from which registry packages come'],
  [
    'package.json',
    '+    "postinstall"          :      "node steal.js",',
    'runs a program when the package is installed',
  ],
  ['package.json', '+    "post\\u0069nstall": "node steal.js",', 'runs a program when the package is installed'],
  ['package.json', '+    "postinstall":', 'runs a program when the package is installed'],
  ['package.json', '+    "left": "git+https:\\/\\/example.org/left.git",', 'which no registry vouches for'],
  ['package.json', '+      "git+https://example.org/left.git"', 'which no registry vouches for'],
  ['package.json', '+    "left": "../left.tgz"', 'which no registry vouches for'],
  ['requirements.txt', `+${' '.repeat(40)}git+https://example.org/a.git`, 'which no registry vouches for'],
  ['requirements.txt', '+-f https://example.org/simple', 'from which registry packages come'],
  ['dev-requirements.txt', '+--extra-index-url https://example.org/simple', 'from which registry packages come'],
  ['pyproject.toml', '+index-url = "https://example.org/simple"', 'from which registry packages come'],
  ['pyproject.toml', '+[[ tool.uv.index ]]', 'from which registry packages come'],
  ['Cargo.toml', '+left = { "git" = "https://example.org/left" }', 'which no registry vouches for'],
])('dependencies: in %s the line %j is named with a higher severity', (path, line, what) => {
  const found = findingsOf('dependencies', { [path]: [line] }, plannedFor(path));
  expect(found.filter(({ severity, message }) => severity === 'high' && message.includes(what))).toHaveLength(1);
});

test.each(['someone/left', '../left', './left', '~/left', '/opt/left'])(
  'dependencies: a package of npm at %j comes from no registry',
  (place) => {
    const lines = [' {', '   "dependencies": {', `+    "left": "${place}"`, '   }', ' }'];
    const [finding] = findingsOf('dependencies', { 'package.json': lines }, plannedFor('package.json')).filter(
      ({ severity }) => severity === 'high',
    );
    expect(finding?.message).toContain(`package.json takes left added at ${place} (dependencies) from a repository`);
  },
);

test('dependencies: a field of a manifest that is a path is no package', () => {
  const lines = [' {', '+  "main": "./dist/index.js",', '+  "repository": "someone/left",', '   "x": "1"', ' }'];
  expect(findingsOf('dependencies', { 'package.json': lines }, plannedFor('package.json'))).toEqual([]);
});

test.each(
  'test-requirements.txt dev_requirements.in api.requirements.txt requirements_dev.txt setup.py setup.cfg environment.yml deno.json package.yaml binding.gyp gradle/deps.gradle Web.csproj Directory.Build.props mix.exs pubspec.yaml Package.swift Podfile vcpkg.json flake.lock build.sbt pylock.toml .mvn/extensions.xml packages/a/package.json'.split(
    ' ',
  ),
)('dependencies: %s is refused where the plan does not name it, in any folder', (path) => {
  for (const place of [path, `deep/er/${path}`, `deep/${path.toUpperCase()}`]) {
    const [finding] = findingsOf('dependencies', { [place]: ['+x'] }, plannedFor('src/a.ts'));
    expect(finding).toMatchObject({ blocking: true, path: place });
  }
});

test('dependencies: without a plan the message does not speak of one', () => {
  const [finding] = findingsOf('dependencies', { 'package.json': MANIFEST });
  expect(finding?.message).toContain('There is no plan that names it.');
});

test('dependencies: a credential in a line that is named is not repeated', () => {
  const token = `npm_${'aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5'}`;
  const found = findingsOf('dependencies', { '.npmrc': [`+//example.org/:_authToken=${token}`] }, plannedFor('.npmrc'));
  expect(found).toHaveLength(1);
  expect(JSON.stringify(found)).not.toContain(token);
});

test.each([
  ['src/a.ts', ['+const a = "^1.0.0";']],
  ['docs/package.json.md', ['+"left": "^1.0.0"']],
  ['package.json', ['-  "description": "old",', '+  "description": "new",']],
  ['package.json', [' "scripts": {', '-    "dev": "vite",', '+    "dev": "vite --host",', ' }']],
])('dependencies: %s says nothing of a planned change without packages (%#)', (path, lines) => {
  expect(findingsOf('dependencies', { [path]: lines }, plannedFor(path))).toEqual([]);
});

test('dependencies: runs of versions 1 and 2 are not judged', () => {
  for (const rules_version of [1, 2])
    expect(findingsOf('dependencies', { 'package.json': MANIFEST }, { rules_version })).toEqual([]);
});
