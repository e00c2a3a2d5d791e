import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { userGitEnv, type Variables } from '../../adapters/git/environments.js';
import { gitIn } from '../../adapters/git/run-git.js';
import { builtInPackDir, readPromptPack } from '../../config/prompt-pack.js';
import { PromptOsError } from '../../contracts/errors.js';
import { writeThrowawayKeys } from '../start/first-keys.js';

const EXAMPLE = fileURLToPath(new URL('../../../examples/first-governed-run', import.meta.url));
const PACK_PLACEHOLDER = '0'.repeat(64);
/** Where the example's policy wants a person's public key. */
const KEY_PLACEHOLDER = /ssh-ed25519 placeholder\/(\w+)/g;
/** The name and the signing settings of a person must not get into the demonstration's first commit. */
const COMMITTER = ['user.name=Ada', 'user.email=ada@example.org', 'commit.gpgSign=false'];

/** The demonstration's repository. */
export interface DemoProject {
  readonly repository: string;
  readonly request: string;
  /** Holds the id of the run that was started last. */
  readonly currentRun: string;
  /** The throwaway keys of all persons in the demonstration; never in the user's own folder. */
  readonly keys: string;
  /** Whether this call made it. */
  readonly made: boolean;
}

/**
 * Makes a small git repository out of the example, with a policy, a worker config and three agents in `.promptos/`; or
 * finds the one that an earlier call made.
 * @throws PromptOsError FILE_EXISTS when something else is there
 */
export async function ensureDemoProject(directory: string, env: Variables): Promise<DemoProject> {
  const promptos = join(directory, '.promptos');
  const project = {
    repository: directory,
    request: join(promptos, 'request.yaml'),
    currentRun: join(promptos, 'state', 'demo-run'),
    keys: join(promptos, 'keys'),
  };
  if (existsSync(project.request)) return { ...project, made: false };
  if (existsSync(directory)) {
    throw new PromptOsError('FILE_EXISTS', `${directory} is there already and is no demonstration of ours.`, {
      hint: 'Give another folder with --directory.',
    });
  }
  // Built aside and renamed, so that a demonstration that was interrupted is not taken for a whole one.
  const building = `${directory}.${process.pid}.tmp`;
  try {
    await build(building, env);
    await rename(building, directory);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return { ...project, made: true };
}

async function build(directory: string, env: Variables): Promise<void> {
  const promptos = join(directory, '.promptos');
  await mkdir(dirname(directory), { recursive: true });
  await cp(join(EXAMPLE, 'project'), directory, { recursive: true });
  await mkdir(promptos, { recursive: true });
  await cp(join(EXAMPLE, 'agents'), join(promptos, 'agents'), { recursive: true });
  await cp(join(EXAMPLE, 'request.yaml'), join(promptos, 'request.yaml'));
  await writeFile(join(promptos, '.gitignore'), 'state/\nkeys/\n');
  const policy = await readFile(join(EXAMPLE, 'policy.yaml'), 'utf8');
  const names = [...policy.matchAll(KEY_PLACEHOLDER)].map(([, name = '']) => name);
  const keys = await writeThrowawayKeys(join(promptos, 'keys'), names);
  const { digest } = await readPromptPack(builtInPackDir());
  const keyed = policy.replaceAll(KEY_PLACEHOLDER, (_, name: string) => keys[name] ?? '');
  await writeFile(join(promptos, 'policy.yaml'), filled(keyed, PACK_PLACEHOLDER, digest));
  const worker = await readFile(join(EXAMPLE, 'worker.yaml'), 'utf8');
  await writeFile(join(promptos, 'worker.yaml'), filled(worker, './project', '..'));
  const git = gitIn({ cwd: directory, env: userGitEnv(env) }, COMMITTER);
  await git.bytes(['init', '--quiet', '--initial-branch=main', '--template=']);
  await git.bytes(['add', '--all']);
  const message = `The ${basename(EXAMPLE)} example, with a failing test`;
  await git.bytes(['commit', '--quiet', '--no-verify', '--message', message]);
}

function filled(text: string, placeholder: string, value: string): string {
  if (!text.includes(placeholder)) throw new Error(`the example lacks ${placeholder}`);
  return text.replaceAll(placeholder, value);
}
