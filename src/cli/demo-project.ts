import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { builtInPackDir, readPromptPack } from '../config/prompt-pack.js';
import { PromptOsError } from '../contracts/errors.js';

const EXAMPLE = fileURLToPath(new URL('../../examples/first-governed-run', import.meta.url));
const PACK_PLACEHOLDER = '0'.repeat(64);
/** Nobody's name and signing settings of this machine may get into the demonstration's first commit. */
const COMMITTER = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'commit.gpgsign=false'];

/** The demonstration's repository. */
export interface DemoProject {
  readonly repository: string;
  readonly request: string;
  /** Holds the id of the run that was started last. */
  readonly currentRun: string;
  /** Whether this call made it. */
  readonly made: boolean;
}

/**
 * Makes a small git repository out of the example, with a policy, a worker config and three agents in `.promptos/`; or
 * finds the one that an earlier call made.
 * @throws PromptOsError FILE_EXISTS when something else lies there
 */
export async function ensureDemoProject(directory: string): Promise<DemoProject> {
  const promptos = join(directory, '.promptos');
  const project = {
    repository: directory,
    request: join(promptos, 'request.yaml'),
    currentRun: join(promptos, 'state', 'demo-run'),
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
    await build(building);
    await rename(building, directory);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return { ...project, made: true };
}

async function build(directory: string): Promise<void> {
  const promptos = join(directory, '.promptos');
  await mkdir(dirname(directory), { recursive: true });
  await cp(join(EXAMPLE, 'project'), directory, { recursive: true });
  await mkdir(promptos, { recursive: true });
  await cp(join(EXAMPLE, 'agents'), join(promptos, 'agents'), { recursive: true });
  await cp(join(EXAMPLE, 'request.yaml'), join(promptos, 'request.yaml'));
  const { digest } = await readPromptPack(builtInPackDir());
  await fill('policy.yaml', PACK_PLACEHOLDER, digest);
  await fill('worker.yaml', './project', '..');
  await writeFile(join(promptos, '.gitignore'), 'state/\n');
  const git = (...args: string[]) => execa('git', [...COMMITTER, ...args], { cwd: directory, stdin: 'ignore' });
  await git('init', '--quiet', '--initial-branch=main', '--template=');
  await git('add', '--all');
  await git('commit', '--quiet', '--no-verify', '--message', `The ${basename(EXAMPLE)} example, with a failing test`);

  async function fill(name: string, placeholder: string, value: string): Promise<void> {
    const text = await readFile(join(EXAMPLE, name), 'utf8');
    if (!text.includes(placeholder)) throw new Error(`${name} of the example lacks ${placeholder}`);
    await writeFile(join(promptos, name), text.replaceAll(placeholder, value));
  }
}
