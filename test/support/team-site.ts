import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROMPTOS } from './built-package.js';
import { startGitServer } from './git-daemon.js';
import { eventually } from './governed-worker.js';
import { PROJECT_FILES } from './hostile-site.js';
import { startS3Server } from './s3-server.js';
import { becoming, canBecome } from './unix-users.js';

const AGENT = fileURLToPath(new URL('../fixtures/executors/hostile-agent.mjs', import.meta.url));
const FIRST_UID = 21_001;

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that goes on. */
export interface Running {
  /** What it printed on standard output so far. */
  stdout(): string;
  /** Waits until it has printed something. */
  shown(pattern: RegExp): Promise<RegExpExecArray>;
  /** Waits for its end. @returns its exit code */
  ended(): Promise<number | null>;
  stop(): Promise<void>;
}

/** One party of a team: a home folder and, where tests run as root, a user of its own. */
export interface Party {
  readonly home: string;
  /** Runs a script as a shell does that ends at the first command that fails. @param cwd relative to the home folder */
  run(script: string, cwd?: string, env?: Readonly<Record<string, string>>): Ran;
  start(script: string, cwd?: string): Running;
}

export interface TeamSite {
  /** Where the parties clone from, push to and fetch from. */
  readonly repositoryUrl: string;
  readonly s3Endpoint: string;
  /** @param profile what its shell sets before anything else */
  party(name: string, profile: string): Promise<Party>;
  close(): Promise<void>;
}

/** A repository on a git server, a bucket, and a place for the parties; programs on `PATH` are `promptos` and `my-agent`. */
export async function createTeamSite(s3Program: string): Promise<TeamSite> {
  const root = await mkdtemp(join(tmpdir(), 'promptos-team-'));
  await chmod(root, 0o755);
  const git = await startGitServer(join(root, 'git'), 'shop.git');
  const s3 = await startS3Server(s3Program);
  const bin = join(root, 'bin');
  await mkdir(bin);
  await symlink(PROMPTOS, join(bin, 'promptos'));
  await writeFile(join(bin, 'my-agent'), `#!/bin/sh\nexec '${process.execPath}' '${AGENT}' "$@"\n`, { mode: 0o755 });
  await pushProject(join(root, 'seed'), git.url);
  const path = [bin, dirname(process.execPath), process.env.PATH].join(delimiter);
  const running: Running[] = [];
  let parties = 0;
  return {
    repositoryUrl: git.url,
    s3Endpoint: s3.endpoint,
    party: async (name, profile) => {
      const uid = FIRST_UID + parties++;
      const home = await makeHome(join(root, name), name, uid);
      const become = canBecome({ uid }) ? becoming({ uid }) : [];
      const shell = (script: string): [string, ...string[]] => {
        const [program, ...args] = [...become, 'bash', '-eo', 'pipefail', '-c', `${profile}\n${script}`];
        return [program ?? 'bash', ...args];
      };
      const env = { PATH: path, HOME: home, PROMPTOS_PASSPHRASE_FILE: join(home, 'passphrase') };
      return {
        home,
        run: (script, cwd = '.', more = {}) => {
          const [program, ...args] = shell(script);
          const options = { cwd: join(home, cwd), env: { ...env, ...more }, timeout: 120_000 } as const;
          const { status, stdout, stderr } = spawnSync(program, args, { ...options, encoding: 'utf8' });
          return { status, stdout, stderr };
        },
        start: (script, cwd = '.') => {
          const one = startRunning(shell(script), join(home, cwd), env);
          running.push(one);
          return one;
        },
      };
    },
    close: async () => {
      await Promise.all(running.map((one) => one.stop()));
      await s3.stop();
      await git.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function makeHome(home: string, name: string, uid: number): Promise<string> {
  await mkdir(home, { mode: 0o700 });
  const identity = `[user]\n\tname = ${name}\n\temail = ${name}@example.org\n`;
  await writeFile(join(home, '.gitconfig'), identity);
  await writeFile(join(home, 'passphrase'), `the six words of ${name}\n`, { mode: 0o600 });
  if (canBecome({ uid })) {
    for (const path of [home, join(home, '.gitconfig'), join(home, 'passphrase')]) await chown(path, uid, uid);
  }
  return home;
}

async function pushProject(folder: string, url: string): Promise<void> {
  const { '.promptos/.gitignore': _, ...files } = PROJECT_FILES;
  const own = { ...files, 'package.json': '{ "name": "shop", "scripts": { "test": "node test.js" } }\n' };
  for (const [path, text] of Object.entries(own)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args]);
  git('init', '--quiet', '--initial-branch=main');
  git('add', '.');
  git('commit', '--quiet', '--message=A shop');
  git('push', '--quiet', url, 'main');
}

function startRunning(
  [program, ...args]: readonly [string, ...string[]],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Running {
  // A process group of its own: the shell does not pass signals on.
  const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close') as Promise<[number | null]>;
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  return {
    stdout: () => stdout,
    shown: async (pattern) => {
      const look = async () => {
        const found = pattern.exec(stdout);
        if (found === null && child.exitCode !== null) throw new Error(`it ended: ${stdout}\n${stderr}`);
        return found;
      };
      return eventually(look, `${pattern} in ${stdout}\n${stderr}`);
    },
    ended: async () => (await closed)[0],
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
        process.kill(-child.pid, 'SIGTERM');
      }
      await closed;
    },
  };
}
