import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCheckRunner } from '../../src/adapters/checks/check-runner.js';
import { createSetupRunner } from '../../src/adapters/checks/setup-runner.js';
import { createLauncher, type Launcher } from '../../src/adapters/platform/launcher.js';
import type { Sandbox } from '../../src/adapters/platform/program-starter.js';
import { createNetworkOpener } from '../../src/adapters/sandbox/network/open-network.js';
import { openSandbox } from '../../src/adapters/sandbox/open-sandbox.js';
import { findSetup } from '../../src/config/project-setup.js';
import { proxyFor } from '../../src/config/proxy.js';
import { sandboxSchema } from '../../src/contracts/config/sandbox-config.js';
import type { CheckOutcome } from '../../src/ports/gate-executor.js';
import { printedText } from '../support/printed.js';

/*
 * The set-up commands that `promptos init` writes, run in the sandbox with the hosts that it writes, on a small project of
 * each kind; then a check without any network, in another checkout that has what the commands made. Needs the public registries.
 */

/** Where registries are at addresses of a private network, which the proxy of named hosts refuses: the commands alone are tested. */
const FULL = process.env.PROMPTOS_SETUPS_NETWORK === 'full';

const VERSIONS = { npm: ['pnpm@9.15.9', 'yarn@1.22.22'], pip: ['uv==0.9.7', 'poetry==2.2.1'] } as const;

/** Where rustup keeps its toolchains; programs see them only where the worker config says so. */
const TOOLCHAINS = ['.cargo/bin', '.rustup'].map((name) => join(homedir(), name)).filter((path) => existsSync(path));

let root: string;
let tools: string;
let launcher: Launcher;
let sandbox: Sandbox;
beforeAll(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'promptos-set-ups-')));
  const [npm, venv] = [join(root, 'npm'), join(root, 'python')];
  const quiet = { stdio: 'ignore' } as const;
  execFileSync('npm', ['install', '--prefix', npm, '--no-audit', '--no-fund', ...VERSIONS.npm], quiet);
  execFileSync('python3', ['-m', 'venv', venv], quiet);
  execFileSync(join(venv, 'bin/pip'), ['install', '--quiet', ...VERSIONS.pip], quiet);
  tools = [join(npm, 'node_modules/.bin'), join(venv, 'bin'), process.env.PATH ?? ''].join(delimiter);
  launcher = createLauncher(process.env.PATH);
  const openNetwork = createNetworkOpener({ proxyFor: (...to) => proxyFor(process.env, ...to) });
  const config = sandboxSchema.parse({ readable: TOOLCHAINS });
  sandbox = await openSandbox(config, { programs: launcher, path: process.env.PATH, openNetwork });
}, 600_000);
afterAll(async () => {
  await launcher.close();
  rmSync(root, { recursive: true, force: true });
});

interface Kind {
  readonly program: string;
  readonly files: Readonly<Record<string, string>>;
  /** Makes the lock file. */
  readonly lock?: readonly string[];
  /** Works with what was installed, without a network. */
  readonly check: readonly string[];
  /** Whether the version that this machine has keeps absolute paths, so that its result works where it was made alone. */
  readonly keepsPaths?: () => boolean;
}

const MANIFEST = {
  'package.json': JSON.stringify({ name: 'shop', version: '1.0.0', dependencies: { 'is-odd': '3.0.1' } }),
};
const IS_ODD = ['node', '-e', 'if (!require("is-odd")(3)) process.exit(1)'];
const PYPROJECT =
  '[project]\nname = "shop"\nversion = "1.0.0"\nrequires-python = ">=3.10"\ndependencies = ["idna==3.10"]\n';
/** Mirrors of PyPI have its simple index, and not the pages that poetry reads unless a source is named. */
const POETRY = `
[tool.poetry]
package-mode = false

[[tool.poetry.source]]
name = "simple"
url = "https://pypi.org/simple/"
priority = "primary"
`;
const IDNA = ['.venv/bin/python', '-c', 'import idna; print(idna.encode("a"))'];
const GO = 'package shop\n\nimport "rsc.io/quote"\n\nfunc Say() string { return quote.Hello() }\n';
const GO_TEST =
  'package shop\n\nimport "testing"\n\nfunc TestSay(t *testing.T) {\n\tif Say() == "" {\n\t\tt.Fatal()\n\t}\n}\n';
const CARGO = '[package]\nname = "shop"\nversion = "1.0.0"\nedition = "2021"\n\n[dependencies]\nitoa = "=1.0.11"\n';
const RUST = '#[test]\nfn prints() {\n    assert_eq!(itoa::Buffer::new().format(1), "1");\n}\n';
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>shop</groupId>
<artifactId>shop</artifactId><version>1</version>
<properties><maven.compiler.source>17</maven.compiler.source><maven.compiler.target>17</maven.compiler.target></properties>
<dependencies><dependency><groupId>org.junit.jupiter</groupId><artifactId>junit-jupiter</artifactId><version>5.10.2</version>
<scope>test</scope></dependency></dependencies>
<build><plugins><plugin><artifactId>maven-surefire-plugin</artifactId><version>3.2.5</version></plugin></plugins></build></project>
`;
const JAVA_TEST = 'import org.junit.jupiter.api.Test;\n\nclass ShopTest {\n  @Test\n  void holds() {}\n}\n';

const GRADLE = `plugins { id 'java' }
repositories { mavenCentral() }
dependencies { testImplementation 'junit:junit:4.13.2' }
`;
const JAVA_4_TEST = `import org.junit.Test;

public class ShopTest {
  @Test
  public void holds() {}
}
`;

const KINDS: Readonly<Record<string, Kind>> = {
  npm: {
    ...{ program: 'npm', files: MANIFEST, check: IS_ODD },
    lock: ['npm', 'install', '--package-lock-only', '--no-audit', '--no-fund'],
  },
  pnpm: { program: 'pnpm', files: MANIFEST, lock: ['pnpm', 'install', '--lockfile-only'], check: IS_ODD },
  yarn: { program: 'yarn', files: MANIFEST, lock: ['yarn', 'install', '--ignore-scripts', '--silent'], check: IS_ODD },
  pip: { program: 'python3', files: { 'requirements.txt': 'idna==3.10\n' }, check: IDNA },
  uv: { program: 'uv', files: { 'pyproject.toml': PYPROJECT }, lock: ['uv', 'lock', '--quiet'], check: IDNA },
  poetry: {
    ...{ program: 'poetry', check: IDNA },
    files: { 'pyproject.toml': `${PYPROJECT}${POETRY}` },
    lock: ['poetry', 'lock', '--quiet'],
  },
  go: {
    program: 'go',
    files: {
      'go.mod': 'module shop\n\ngo 1.21\n\nrequire rsc.io/quote v1.5.2\n',
      'shop.go': GO,
      'shop_test.go': GO_TEST,
    },
    lock: ['go', 'mod', 'tidy'],
    check: ['go', 'test', './...'],
  },
  cargo: {
    program: 'cargo',
    files: { 'Cargo.toml': CARGO, 'src/lib.rs': RUST },
    lock: ['cargo', 'generate-lockfile', '--quiet'],
    check: ['sh', '-c', 'RUSTUP_HOME="$(dirname "$(command -v cargo)")/../../.rustup" cargo test --locked'],
  },
  maven: {
    program: 'mvn',
    files: { 'pom.xml': POM, 'src/test/java/ShopTest.java': JAVA_TEST },
    check: ['mvn', '-B', 'test'],
  },
  gradle: {
    program: 'gradle',
    files: {
      'settings.gradle': "rootProject.name = 'shop'\n",
      'build.gradle': GRADLE,
      'src/test/java/ShopTest.java': JAVA_4_TEST,
    },
    check: ['gradle', '--no-daemon', 'test'],
    // Gradle can move its cache from version 6.1 on; Debian has 4.4.
    keepsPaths: () => /^Gradle (?:[1-5]\.|6\.0)/m.test(execFileSync('gradle', ['--version'], { encoding: 'utf8' })),
  },
};

const has = (program: string): boolean => {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore', env: { ...process.env, PATH: tools } });
    return true;
  } catch {
    return false;
  }
};
const printed = ({ stdout, stderr }: Pick<CheckOutcome, 'stdout' | 'stderr'>): string =>
  (printedText(stdout) + printedText(stderr)).slice(-3_000);

describe('set-up commands of first policies', () => {
  test.each(Object.entries(KINDS))(
    '%s: installs in the sandbox, for a check that reaches no network',
    async (name, kind) => {
      if (!has(kind.program)) throw new Error(`this machine has no ${kind.program}`);
      const top = join(root, name, 'first');
      for (const [path, text] of Object.entries(kind.files)) {
        mkdirSync(dirname(join(top, path)), { recursive: true });
        writeFileSync(join(top, path), text);
      }
      const [program = '', ...args] = kind.lock ?? ['true'];
      execFileSync(program, args, { cwd: top, stdio: 'ignore', env: { ...process.env, PATH: tools } });
      rmSync(join(top, 'node_modules'), { recursive: true, force: true });
      const [setup, ...others] = await findSetup(top);
      if (setup === undefined) throw new Error(`no set-up was found for ${name}`);
      expect([setup.name, others]).toEqual([name, []]);
      const passed = {
        allow: ['LANG', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'PIP_CERT', 'REQUESTS_CA_BUNDLE'],
        set: { PATH: tools },
      };
      const common = { allow: ['*'], env: process.env, passed, scratchRoot: root, programs: sandbox };
      const network = FULL ? 'full' : { hosts: [...setup.hosts] };
      const call = { name, timeout_ms: 300_000, signal: new AbortController().signal };
      const env = (directory: string) =>
        Object.fromEntries(
          Object.entries(setup.env ?? {}).map(([key, value]) => [key, value.replaceAll('{checkout}', directory)]),
        );
      const made = await createSetupRunner({ ...common, network }).run({
        ...{ ...call, argv: setup.argv, network, directory: top, env: env(top) },
      });
      expect(`${made.status} ${made.reason ?? ''} ${printed(made)}`).toMatch(/^passed/);
      const second = kind.keepsPaths?.() === true ? top : join(root, name, 'second');
      if (second !== top) {
        cpSync(top, second, { recursive: true, verbatimSymlinks: true });
        rmSync(top, { recursive: true, force: true });
      }
      const checked = await createCheckRunner({ ...common, network: 'none' }).run({
        ...{ ...call, argv: kind.check, directory: second, env: env(second) },
      });
      expect(`${checked.status} ${checked.reason ?? ''} ${printed(checked)}`).toMatch(/^passed/);
    },
  );
});
