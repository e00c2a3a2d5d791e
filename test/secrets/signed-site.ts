import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { parse, stringify } from 'yaml';
import { generatePrivateKey } from '../../src/adapters/keys/key-files.js';
import { ensureDemoProject } from '../../src/cli/demo/run-demo.js';
import { publicKeyLine } from '../../src/domain/attest/public-keys.js';
import { PROMPTOS } from '../support/built-package.js';
import { type Canary, keyCanary, secretText, textCanary } from './canaries.js';

const TELLTALE = fileURLToPath(new URL('./telltale.mjs', import.meta.url));

/** Passes to executors and checks by name; it must come out where they speak, or the search proves nothing. */
const ALLOWED_VARIABLE = 'ALLOWED_SETTING';

/** The name of the worker's printed output. */
export const WORKER = 'the worker';
const COMMAND_TIMEOUT_MS = 120_000;

/** What one command printed and ended with. */
interface ProgramRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A repository of its own with a worker process, everybody's keys, and secrets wherever a set-up may have some. */
export interface SignedSite {
  readonly repository: string;
  readonly state: string;
  readonly canaries: readonly Canary[];
  /** The value of the variable that executors and checks may see. */
  readonly allowed: Canary;
  /** Everything that commands and workers printed so far, by what was called. */
  readonly printed: ReadonlyMap<string, string>;
  /** Runs the program as a person with their keys and passphrase. */
  promptos(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<ProgramRun>;
  /** The worker's environment, for calls in its place. */
  readonly workerEnv: Readonly<Record<string, string>>;
  /** A file beside the repository; relative names only. */
  file(name: string, text: string): Promise<string>;
  close(): Promise<void>;
}

/** @param address of a server that runs already */
export async function createSignedSite(address: string): Promise<SignedSite> {
  const root = await mkdtemp(join(tmpdir(), 'promptos-secrets-'));
  const { repository, keys: folder } = await ensureDemoProject(join(root, 'shop'), process.env);
  const home = join(repository, '.promptos');
  const secret = { people: secretText(), breaker: secretText(), database: secretText(), model: secretText() };
  const file = async (name: string, text: string): Promise<string> => {
    const path = join(root, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };

  const passphrases: Readonly<Record<string, string>> = {
    ada: secret.people,
    grace: secret.people,
    breaker: secret.breaker,
  };
  const pems: Record<string, string> = {};
  let policy = await readFile(join(home, 'policy.yaml'), 'utf8');
  const keyCanaries: Canary[] = [];
  for (const name of ['ada', 'grace', 'scribe', 'auditor', 'breaker', 'engine']) {
    const { pem, publicKey } = generatePrivateKey(passphrases[name] ?? null);
    const old = (await readFile(join(folder, `${name}.pub`), 'utf8')).trim();
    policy = policy.replace(old, publicKeyLine(publicKey));
    await writeFile(join(folder, `${name}.pem`), pem, { mode: 0o600 });
    await writeFile(join(folder, `${name}.pub`), `${publicKeyLine(publicKey)}\n`);
    pems[name] = pem;
    keyCanaries.push(keyCanary(`the private key of ${name}`, pem, passphrases[name]));
  }
  // The writer's key comes from the worker's environment alone.
  await rm(join(folder, 'scribe.pem'));
  await writeFile(join(home, 'policy.yaml'), policy.replace('argv: [node, --test]', 'argv: [node, --test, test/]'));
  const passphraseFile = await file('breaker-passphrase', `${secret.breaker}\n`);
  await writeFile(join(home, 'worker.yaml'), await workerConfig(home, root, passphraseFile));
  await writeFile(
    join(repository, 'test', 'environment.test.js'),
    "import test from 'node:test';\ntest('what a check is given', () => console.log(JSON.stringify(process.env)));\n",
  );
  const git = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org'];
  await execa('git', [...git, 'add', '--all'], { cwd: repository });
  await execa('git', [...git, 'commit', '--quiet', '--message', 'Keys of their own'], { cwd: repository });

  const allowed = secretText();
  await mkdir(join(root, 'home'));
  const common = { PATH: process.env.PATH ?? '', HOME: join(root, 'home'), TEMPORAL_ADDRESS: address };
  const workerEnv = {
    ...common,
    PROMPTOS_LOG_LEVEL: 'trace',
    SCRIBE_KEY: pems.scribe ?? '',
    DATABASE_PASSWORD: secret.database,
    MODEL_API_KEY: secret.model,
    [ALLOWED_VARIABLE]: allowed,
  };
  const personsEnv = {
    ...common,
    PROMPTOS_PASSPHRASE_FILE: await file('passphrase', `${secret.people}\n`),
    DATABASE_PASSWORD: secret.database,
    MODEL_API_KEY: secret.model,
  };
  const printed = new Map<string, string>();
  const start = (args: readonly string[], env: Readonly<Record<string, string>>, name: string): ChildProcess => {
    const timeout = name === WORKER ? 0 : COMMAND_TIMEOUT_MS;
    const child = spawn(PROMPTOS, args, { cwd: repository, env, stdio: ['ignore', 'pipe', 'pipe'], timeout });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => printed.set(name, (printed.get(name) ?? '') + text));
    }
    return child;
  };
  const worker = start(['worker', '--json'], workerEnv, WORKER);
  const ended = once(worker, 'close');
  let calls = 0;
  return {
    repository,
    state: join(home, 'state'),
    workerEnv,
    canaries: [
      ...keyCanaries,
      textCanary("the people's passphrase", secret.people),
      textCanary("the passphrase of a worker's key", secret.breaker),
      textCanary("a secret of the worker's environment", secret.database),
      textCanary('a model key that no executor is allowed', secret.model),
    ],
    allowed: textCanary('what executors and checks may see', allowed),
    printed,
    promptos: async (args, env = personsEnv) => {
      calls += 1;
      const name = `${calls}: promptos ${args.join(' ')}`;
      const child = start(args, env, name);
      let stdout = '';
      child.stdout?.on('data', (text: string) => {
        stdout += text;
      });
      let stderr = '';
      child.stderr?.on('data', (text: string) => {
        stderr += text;
      });
      const [exitCode] = (await once(child, 'close')) as [number | null];
      return { exitCode, stdout, stderr };
    },
    file,
    close: async () => {
      worker.kill('SIGTERM');
      await ended;
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** The example's worker config with keys from everywhere, and agents that tell what they are given. */
async function workerConfig(home: string, root: string, passphraseFile: string): Promise<string> {
  const config = parse(await readFile(join(home, 'worker.yaml'), 'utf8'));
  const allow = ['PATH', ALLOWED_VARIABLE];
  for (const executor of Object.values<{ argv: string[]; env?: object }>(config.executors)) {
    const [, agent = ''] = executor.argv;
    executor.argv = ['node', TELLTALE, join(home, agent)];
    executor.env = { allow };
  }
  return stringify({
    ...config,
    task_queue: `secrets-${root.slice(-6)}`,
    checks: { ...config.checks, env: { allow } },
    signers: {
      ...config.signers,
      scribe: { env: 'SCRIBE_KEY' },
      breaker: { file: './keys/breaker.pem', passphrase_file: passphraseFile },
    },
  });
}

/** Every file below a folder, read whole, by its path relative to the folder. */
export async function filesBelow(folder: string): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(folder.length + 1), await readFile(path));
  }
  return files;
}
