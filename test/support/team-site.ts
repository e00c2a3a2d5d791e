import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROMPTOS } from './built-package.js';
import { startGitServer } from './git-daemon.js';
import { PROJECT_FILES } from './hostile-site.js';
import { installAgent } from './installed-agent.js';
import { createParties, type Party } from './parties.js';
import { startS3Server } from './s3-server.js';

const AGENT = fileURLToPath(new URL('../fixtures/executors/hostile-agent.mjs', import.meta.url));

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
  const bin = await installAgent(root, AGENT);
  await symlink(PROMPTOS, join(bin, 'promptos'));
  await pushProject(join(root, 'seed'), git.url);
  const path = [bin, dirname(process.execPath), process.env.PATH].join(delimiter);
  const parties = createParties({ root, env: { PATH: path } });
  return {
    repositoryUrl: git.url,
    s3Endpoint: s3.endpoint,
    party: async (name, profile) => {
      const words = join(root, `${name}.passphrase`);
      const one = await parties.party(name, `export PROMPTOS_PASSPHRASE_FILE='${words}'\n${profile}`);
      await writeFile(words, `the six words of ${name}\n`, { mode: 0o600 });
      if (one.uid !== null) await chown(words, one.uid, one.uid);
      return one;
    },
    close: async () => {
      await parties.stop();
      await s3.stop();
      await git.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
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
