import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord, readJson } from '../contracts/json.js';

/** A set-up command of a first policy. */
export interface FoundSetup {
  /** The package manager, which names the command. */
  readonly name: 'npm' | 'pnpm' | 'yarn' | 'uv' | 'poetry' | 'pip' | 'go' | 'cargo' | 'maven' | 'gradle';
  readonly argv: readonly string[];
  readonly key_files: readonly string[];
  readonly hosts: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Why the command is more than one would type; becomes a comment. */
  readonly note?: string;
}

const read = (top: string, name: string): Promise<string> => readFile(join(top, name), 'utf8').catch(() => '');
const has = (top: string, ...names: string[]): boolean => names.some((name) => existsSync(join(top, name)));

/** Where caches are kept that agents and checks need as well. No file of a repository is there. */
const CACHES = '{checkout}/.setup';

/** The hosts of the registries that a `.npmrc` names. */
const registriesOf = (npmrc: string): readonly string[] =>
  [...npmrc.matchAll(/^\s*(?:@[^:\s]+:)?registry\s*=\s*https:\/\/([a-z0-9.-]+)\/?/gim)].map(([, host = '']) =>
    host.toLowerCase(),
  );

const NPM_REGISTRY = 'registry.npmjs.org';

async function findJavaScript(top: string): Promise<FoundSetup | null> {
  const manifest = readJson(await read(top, 'package.json'));
  if (!isRecord(manifest)) return null;
  const { dependencies, devDependencies, optionalDependencies, workspaces } = manifest;
  const installs = [dependencies, devDependencies, optionalDependencies].some(
    (some) => isRecord(some) && Object.keys(some).length > 0,
  );
  if (!installs && workspaces === undefined) return null;
  const named = registriesOf(await read(top, '.npmrc'));
  const common = { hosts: [...new Set(named.length > 0 ? named : [NPM_REGISTRY])] };
  const keys = ['**/package.json', ...['.npmrc'].filter((name) => has(top, name))];
  if (has(top, 'pnpm-lock.yaml')) {
    const key_files = [...keys, 'pnpm-lock.yaml', ...['pnpm-workspace.yaml'].filter((name) => has(top, name))];
    return { ...common, name: 'pnpm', argv: ['pnpm', 'install', '--frozen-lockfile'], key_files };
  }
  if (has(top, 'yarn.lock')) {
    const isBerry = has(top, '.yarnrc.yml');
    return {
      name: 'yarn',
      argv: ['yarn', 'install', isBerry ? '--immutable' : '--frozen-lockfile'],
      key_files: [...keys, 'yarn.lock', ...(isBerry ? ['.yarnrc.yml', '.yarn/**'] : [])],
      hosts: [...new Set(['registry.yarnpkg.com', ...common.hosts])],
    };
  }
  const quiet = ['--no-audit', '--no-fund'];
  const lock = ['package-lock.json', 'npm-shrinkwrap.json'].find((name) => has(top, name));
  return lock === undefined
    ? { ...common, name: 'npm', argv: ['npm', 'install', '--no-package-lock', ...quiet], key_files: keys }
    : { ...common, name: 'npm', argv: ['npm', 'ci', ...quiet], key_files: [...keys, lock] };
}

const PYTHON_HOSTS = ['pypi.org', 'files.pythonhosted.org'];
/** The hosts of the indexes that a `pyproject.toml` names, for poetry as a source and for uv as an index. */
const SOURCE = /^\s*url\s*=\s*["']https:\/\/(?:[^@/\s"']*@)?([a-z0-9.-]+)/gim;
/** The same of a file of requirements. */
const INDEX = /^\s*(?:-i|--(?:extra-)?index-url)[\s=]+["']?https:\/\/(?:[^@/\s"']*@)?([a-z0-9.-]+)/gim;
const pythonHosts = (text: string, pattern: RegExp): readonly string[] => [
  ...new Set([...PYTHON_HOSTS, ...[...text.matchAll(pattern)].map(([, host = '']) => host.toLowerCase())]),
];
const REQUIREMENTS = ['requirements.txt', 'requirements-dev.txt', 'dev-requirements.txt', 'requirements-test.txt'];
/** The interpreter of the environment that a set-up makes: its scripts name the folder that it was made in. */
export const VENV_PYTHON = '.venv/bin/python';

/** Whether the set-up of a Python project makes an environment of its own. */
export const makesVenv = async (top: string): Promise<boolean> => (await findPython(top)) !== null;

async function findPython(top: string): Promise<FoundSetup | null> {
  // The project itself is not installed: that would name the folder of one checkout.
  const variables: Record<string, string> = has(top, 'src') ? { PYTHONPATH: '{checkout}/src' } : {};
  const env = Object.keys(variables).length === 0 ? {} : { env: variables };
  const sources = pythonHosts(await read(top, 'pyproject.toml'), SOURCE);
  if (has(top, 'uv.lock')) {
    const argv = ['uv', 'sync', '--frozen', '--no-install-workspace', '--no-python-downloads'];
    const key_files = ['**/pyproject.toml', 'uv.lock', ...['.python-version'].filter((name) => has(top, name))];
    return { name: 'uv', argv, key_files, hosts: sources, ...env };
  }
  if (has(top, 'poetry.lock')) {
    return {
      name: 'poetry',
      argv: ['poetry', 'install', '--no-root', '--no-interaction'],
      key_files: ['pyproject.toml', 'poetry.lock'],
      hosts: sources,
      env: { POETRY_VIRTUALENVS_IN_PROJECT: 'true', ...variables },
    };
  }
  const files = REQUIREMENTS.filter((name) => has(top, name));
  if (files.length === 0) return null;
  const requirements = await Promise.all(files.map((name) => read(top, name)));
  const install = `${VENV_PYTHON} -m pip install ${files.map((name) => `-r ${name}`).join(' ')}`;
  return {
    name: 'pip',
    argv: ['sh', '-c', `python3 -m venv --system-site-packages .venv && ${install}`],
    key_files: files,
    hosts: pythonHosts(requirements.join('\n'), INDEX),
    ...env,
  };
}

async function findGo(top: string): Promise<FoundSetup | null> {
  if (!has(top, 'go.sum', 'go.work') || has(top, 'vendor/modules.txt')) return null;
  return {
    name: 'go',
    argv: ['go', 'mod', 'download'],
    key_files: ['**/go.mod', '**/go.sum', ...['go.work', 'go.work.sum'].filter((name) => has(top, name))],
    hosts: ['proxy.golang.org', 'sum.golang.org'],
    env: { GOMODCACHE: `${CACHES}/go`, GOFLAGS: '-modcacherw' },
  };
}

/** Beside `.cargo/bin`, rustup's default location; a cargo without rustup ignores the variable. */
export const FIND_RUSTUP = 'RUSTUP_HOME="$(dirname "$(command -v cargo)")/../../.rustup"';

async function findCargo(top: string): Promise<FoundSetup | null> {
  if (!has(top, 'Cargo.toml')) return null;
  const lock = has(top, 'Cargo.lock');
  return {
    name: 'cargo',
    argv: ['sh', '-c', `${FIND_RUSTUP} cargo fetch${lock ? ' --locked' : ''}`],
    key_files: ['**/Cargo.toml', ...(lock ? ['Cargo.lock'] : [])],
    hosts: ['index.crates.io', 'static.crates.io'],
    env: { CARGO_HOME: `${CACHES}/cargo` },
    note: 'A set-up has a HOME of its own, so a cargo of rustup needs the path of its toolchains.',
  };
}

async function findMaven(top: string): Promise<FoundSetup | null> {
  if (!has(top, 'pom.xml')) return null;
  const wrapper = has(top, 'mvnw');
  const maven = `${wrapper ? './mvnw' : 'mvn'} -B`;
  // What runs the tests is downloaded when the first one is about to start.
  const started = '-Dsurefire.timeout=1 -Dmaven.test.failure.ignore=true';
  const repository = `-Dmaven.repo.local=${CACHES}/maven`;
  return {
    name: 'maven',
    argv: ['sh', '-c', `${maven} test ${started} && ${maven} clean`],
    key_files: ['**/pom.xml', ...(wrapper ? ['mvnw', '.mvn/**'] : [])],
    hosts: ['repo.maven.apache.org'],
    env: {
      MAVEN_ARGS: repository,
      MAVEN_OPTS: repository,
      ...(wrapper ? { MAVEN_USER_HOME: `${CACHES}/m2` } : {}),
    },
    note: 'Downloads what a test run needs: it starts the tests, ends them after a second, and removes what was compiled.',
  };
}

const GRADLE_FILES = ['build.gradle', 'build.gradle.kts', 'settings.gradle', 'settings.gradle.kts'];
export const isGradle = (top: string): boolean => has(top, ...GRADLE_FILES);

async function findGradle(top: string): Promise<FoundSetup | null> {
  if (!isGradle(top)) return null;
  const gradle = `${has(top, 'gradlew') ? './gradlew' : 'gradle'} --no-daemon`;
  return {
    name: 'gradle',
    argv: ['sh', '-c', `${gradle} testClasses && { ${gradle} test --tests NoTest || true; } && ${gradle} clean`],
    key_files: ['**/{build,settings}.gradle{,.kts}', 'gradle/**', 'gradle.properties', 'buildSrc/**'],
    hosts: [
      ...['services.gradle.org', 'github.com', 'release-assets.githubusercontent.com'],
      ...['plugins.gradle.org', 'plugins-artifacts.gradle.org', 'repo.maven.apache.org'],
    ],
    env: { GRADLE_USER_HOME: `${CACHES}/gradle` },
    note: 'Downloads what a test run needs: it asks for a test that is missing, and removes what was compiled.',
  };
}

/** The set-up commands of the kinds of project that a repository's top folder shows, one for each kind. */
export async function findSetup(top: string): Promise<readonly FoundSetup[]> {
  const finders = [findJavaScript, findPython, findGo, findCargo, findMaven, findGradle];
  const found = await Promise.all(finders.map((find) => find(top)));
  return found.filter((setup) => setup !== null);
}
