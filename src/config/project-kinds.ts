import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord, readJson } from '../contracts/json.js';
import type { TestReport } from '../contracts/policy/policy-checks.js';
import { FIND_RUSTUP, isGradle, makesVenv, VENV_PYTHON } from './project-setup.js';

export interface FoundCheck {
  readonly kind: 'npm' | 'pytest' | 'go' | 'cargo' | 'maven' | 'gradle' | 'make';
  readonly argv: readonly string[];
  /** Files that decide what the command runs and that no change needs: adding one would change the judge too. */
  readonly made_of: readonly string[];
  /** Where the command reports its tests; absent when the runner is not known. */
  readonly report?: TestReport;
  /** Globs of tests, and of what decides how they run. */
  readonly tests: readonly string[];
  /** Why the command is more than one would type; becomes a comment. */
  readonly note?: string;
}

const read = (top: string, name: string): Promise<string | null> => readFile(join(top, name), 'utf8').catch(() => null);
const has = (top: string, ...names: string[]): boolean => names.some((name) => existsSync(join(top, name)));

/**
 * Files that decide what a command runs, and that a legitimate change may need: manifests with dependencies, lock files.
 * Those that are there become protected like tests, so that a planned change can be acknowledged; to add one that is
 * missing would bring the command a new judge.
 */
function splitManifests(top: string, globs: readonly string[]) {
  const isPresent = (glob: string) => has(top, glob.replace(/^\*\*\/|\/\*\*$/g, ''));
  return { present: globs.filter(isPresent), missing: globs.filter((glob) => !isPresent(glob)) };
}

const JAVASCRIPT_TESTS = [
  '**/{test,tests,__tests__,__snapshots__,spec,e2e,cypress}/**',
  '**/*{.,-,_}{test,spec}.*',
  '**/test.*',
  '**/tsconfig*.json',
];
const PYTHON_TESTS = ['**/{test,tests}/**', '**/test_*.py', '**/*_test.py', '**/{noxfile,tasks}.py'];
const GO_TESTS = ['**/*_test.go', '**/testdata/**'];
const RUST_TESTS = ['**/tests/**', '**/benches/**', '**/{test,tests}.rs', '**/*_test{,s}.rs', '**/*.snap'];
const JAVA_TESTS = ['**/src/{test,it}/**', '**/src/*Test/**', '**/*{Test,Tests,IT}.{java,kt,groovy,scala}'];
/** Which language `make` tests is not known: the usual places of all of them. */
const ANY_TESTS = ['**/{test,tests,spec,testdata}/**', '**/*{.,-,_}{test,spec}.*', '**/test_*'];

interface PackageJson {
  readonly scripts?: { readonly test?: unknown };
}

function parsePackage(text: string | null): PackageJson {
  const value = readJson(text ?? '');
  return isRecord(value) ? value : {};
}

/** Package managers by their lock file: the first that is there is used. */
const PACKAGE_MANAGERS = [
  { lock: 'pnpm-lock.yaml', test: ['pnpm', 'test'] },
  { lock: 'yarn.lock', test: ['yarn', 'test'] },
  { lock: 'package-lock.json', test: ['npm', 'test'] },
] as const;

async function findNpm(top: string): Promise<FoundCheck | null> {
  const { scripts } = parsePackage(await read(top, 'package.json'));
  // `npm init` writes a test script that only says that there is none.
  if (typeof scripts?.test !== 'string' || scripts.test.includes('no test specified')) return null;
  const manager = PACKAGE_MANAGERS.find(({ lock }) => has(top, lock));
  const test = manager?.test ?? ['npm', 'test'];
  const reporting = reportingTest(scripts.test, test);
  const manifests = splitManifests(top, ['package.json', manager?.lock ?? 'package-lock.json']);
  return {
    kind: 'npm',
    argv: reporting === null ? test : ['sh', '-c', reporting.command],
    ...(reporting !== null && { report: reporting.report }),
    tests: [...JAVASCRIPT_TESTS, ...manifests.present],
    made_of: ['.npmrc', '{vitest,vite,jest,babel,playwright}.config.*', '.mocharc*', ...manifests.missing],
  };
}

const PYTHON_MANIFESTS = ['pyproject.toml', 'setup.cfg', 'setup.py', 'tox.ini', 'uv.lock', 'poetry.lock'];
/** In the current folder, Python would take them in place of the runner. */
const SHADOWS = ['{pytest,_pytest,sitecustomize,usercustomize}{,.py,/**}'];

async function findPytest(top: string): Promise<FoundCheck | null> {
  const configured =
    has(top, 'pytest.ini', 'conftest.py', 'tests/conftest.py') ||
    /^\[tool\.pytest\b/m.test((await read(top, 'pyproject.toml')) ?? '') ||
    /^\[tool:pytest\]/m.test((await read(top, 'setup.cfg')) ?? '') ||
    /^\[pytest\]/m.test((await read(top, 'tox.ini')) ?? '');
  const python = has(top, 'pyproject.toml', 'setup.py', 'setup.cfg', 'requirements.txt');
  const tests = await Promise.all(['tests', 'test', '.'].map((folder) => readdir(join(top, folder)).catch(() => [])));
  const written = tests.flat().some((name) => /^test_.*\.py$|_test\.py$/.test(name));
  if (!configured && !(written && python)) return null;
  const manifests = splitManifests(top, PYTHON_MANIFESTS);
  return {
    kind: 'pytest',
    argv: [(await makesVenv(top)) ? VENV_PYTHON : 'python3', '-m', 'pytest', `--junitxml=${REPORT_FILE}`],
    report: { format: 'junit', path: REPORT_FILE },
    tests: [...PYTHON_TESTS, ...manifests.present],
    made_of: ['pytest.ini', '.pytest.ini', '**/conftest.py', ...SHADOWS, ...manifests.missing],
  };
}

async function findGo(top: string): Promise<FoundCheck | null> {
  if (!has(top, 'go.mod', 'go.work')) return null;
  const manifests = splitManifests(top, ['go.work', 'go.work.sum', 'vendor/**']);
  return {
    kind: 'go',
    argv: ['go', 'test', '-json', './...'],
    report: { format: 'go-test-json' },
    tests: [...GO_TESTS, '**/go.mod', '**/go.sum', ...manifests.present],
    made_of: manifests.missing,
  };
}

async function findCargo(top: string): Promise<FoundCheck | null> {
  if (!has(top, 'Cargo.toml')) return null;
  const manifests = splitManifests(top, ['**/Cargo.toml', 'Cargo.lock', '**/build.rs']);
  const test = `cargo test${has(top, 'Cargo.lock') ? ' --locked' : ''}`;
  return {
    kind: 'cargo',
    argv: ['sh', '-c', `${FIND_RUSTUP} ${test}`],
    report: { format: 'cargo' },
    tests: [...RUST_TESTS, ...manifests.present],
    note: 'A check has a HOME of its own, so a cargo of rustup needs the path of its toolchains.',
    made_of: ['.cargo/**', 'rust-toolchain*', ...manifests.missing],
  };
}

async function findMaven(top: string): Promise<FoundCheck | null> {
  if (!has(top, 'pom.xml')) return null;
  const program = has(top, 'mvnw') ? './mvnw' : 'mvn';
  const made_of = ['.mvn/**', 'mvnw', 'mvnw.cmd'];
  return { kind: 'maven', argv: [program, '-B', 'test'], tests: [...JAVA_TESTS, '**/pom.xml'], made_of };
}

async function findGradle(top: string): Promise<FoundCheck | null> {
  if (!isGradle(top)) return null;
  const program = has(top, 'gradlew') ? './gradlew' : 'gradle';
  const made_of = ['gradlew', 'gradlew.bat', 'gradle/wrapper/**'];
  const tests = [...JAVA_TESTS, '**/{build,settings}.gradle{,.kts}'];
  return { kind: 'gradle', argv: [program, '--no-daemon', 'test'], tests, made_of };
}

/** The first that is there is what make itself would take. */
const MAKEFILES = ['GNUmakefile', 'makefile', 'Makefile'];

async function findMake(top: string): Promise<FoundCheck | null> {
  for (const name of MAKEFILES) {
    const target = /^(test|check)\s*:(?!=)/m.exec((await read(top, name)) ?? '')?.[1];
    if (target !== undefined) {
      const { present, missing } = splitManifests(top, MAKEFILES);
      const made_of = [...missing, '**/*.mk'];
      return { kind: 'make', argv: ['make', target], tests: [...ANY_TESTS, ...present], made_of };
    }
  }
  return null;
}

/** A name without a slash is meant in every folder; what decides what the command runs is read at the top. */
const atTop = (glob: string): string =>
  /^[^/]+(?:\{[^}]*\})?$/.test(glob) && !glob.startsWith('**') ? `./${glob}` : glob;

const anchored = (check: FoundCheck): FoundCheck => ({
  ...check,
  made_of: check.made_of.map(atTop),
  tests: check.tests.map(atTop),
});

/** The test commands of the kinds of project that a repository's top folder shows, one for each kind. */
export async function findChecks(top: string): Promise<readonly FoundCheck[]> {
  const finders = [findNpm, findPytest, findGo, findCargo, findMaven, findGradle, findMake];
  const found = await Promise.all(finders.map((find) => find(top)));
  return found.filter((check) => check !== null).map(anchored);
}

const SOURCE_FOLDERS = ['src', 'lib', 'app', 'apps', 'packages', 'crates', 'cmd', 'internal', 'pkg'];
const TEST_FOLDERS = ['test', 'tests', '__tests__', 'spec', 'testdata'];
const SOURCE_FILE = /\.(?:[cm]?[jt]sx?|py|go|rs|java|kt|rb)$/;

/** Globs over the sources and tests that lie in a repository, or everything when none of the usual folders is there. */
export async function findScope(top: string): Promise<readonly string[]> {
  const entries = await readdir(top, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const isPackage = (name: string) => has(top, `${name}/__init__.py`) && !TEST_FOLDERS.includes(name);
  const sources = folders.filter((name) => SOURCE_FOLDERS.includes(name) || isPackage(name));
  const tests = folders.filter((name) => TEST_FOLDERS.includes(name));
  const endings = entries
    .filter((entry) => entry.isFile() && !/\.config\.|^\.|^(?:setup|conftest)\.py$|^build\.rs$/.test(entry.name))
    .flatMap(({ name }) => SOURCE_FILE.exec(name)?.[0] ?? []);
  const loose = [...new Set(endings)].map((ending) => `*${ending}`);
  if (sources.length + loose.length === 0) return ['**'];
  return [...sources.sort(), ...tests.sort()].map((name) => `${name}/**`).concat(loose.sort());
}

/** Where checks of first policies write their reports: in the checkout, at a path that no tree has. */
const REPORT_FILE = 'promptos-test-report.xml';
const JSON_REPORT_FILE = 'promptos-test-report.json';

interface ReportingTest {
  /** For `sh -c`. */
  readonly command: string;
  readonly report: TestReport;
}

/**
 * How the `test` script of a package.json is made to report its tests, when the runner is known: node's by its
 * variables, vitest and jest by arguments, which reach the last command of the script.
 * @param run the command of the package manager, such as `npm test`
 */
function reportingTest(script: string, run: readonly string[]): ReportingTest | null {
  const command = run.join(' ');
  const last = script.split(/&&|\|\||;|\|/).at(-1) ?? '';
  if (/(?:^|[\s;&])node\s(?:[^&|;]*\s)?--test(?:\s|$)/.test(script)) {
    const options = `--test-reporter=junit --test-reporter-destination=${REPORT_FILE}`;
    return { command: `NODE_OPTIONS="${options}" ${command}`, report: { format: 'node', path: REPORT_FILE } };
  }
  // Only npm keeps arguments for itself unless `--` comes first.
  const withArguments = run[0] === 'npm' ? `${command} --` : command;
  const runner = /^\s*(?:\w+=\S*\s+)*(?:npx\s+|cross-env\s+(?:\w+=\S*\s+)*)?(vitest|jest)(?:\s|$)/.exec(last)?.[1];
  if (runner === 'vitest') {
    const reporters = `--reporter=default --reporter=junit --outputFile.junit=${REPORT_FILE}`;
    return { command: `${withArguments} ${reporters}`, report: { format: 'junit', path: REPORT_FILE } };
  }
  if (runner === 'jest') {
    const report: TestReport = { format: 'jest-json', path: JSON_REPORT_FILE };
    return { command: `${withArguments} --json --outputFile=${JSON_REPORT_FILE}`, report };
  }
  return null;
}
