import { execa } from 'execa';
import { PromptOsError } from '../../contracts/errors.js';

/** What tells git of a repository other than the one it is called in (`git rev-parse --local-env-vars`). */
const LOCAL_VARIABLES = [
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_CONFIG',
  'GIT_CONFIG_PARAMETERS',
  'GIT_CONFIG_COUNT',
  'GIT_OBJECT_DIRECTORY',
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_GRAFT_FILE',
  'GIT_INDEX_FILE',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_REPLACE_REF_BASE',
  'GIT_PREFIX',
  'GIT_SHALLOW_FILE',
  'GIT_COMMON_DIR',
] as const;

export interface GitCall {
  readonly input?: Uint8Array | string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface GitAnswer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Calls git in one repository, with the user's own identity and configuration. */
export interface LocalGit {
  /** Whatever the exit code. @throws PromptOsError GIT_NOT_FOUND */
  ask(args: readonly string[], call?: GitCall): Promise<GitAnswer>;
  /** Standard output, its last newline taken off. @throws PromptOsError GIT_FAILED, GIT_NOT_FOUND */
  run(args: readonly string[], call?: GitCall): Promise<string>;
}

/** @param environment the user's; what it says of another repository is left out. */
export function localGit(directory: string, environment: Readonly<Record<string, string | undefined>>): LocalGit {
  const own = Object.fromEntries(
    Object.entries(environment).filter(([name]) => !(LOCAL_VARIABLES as readonly string[]).includes(name)),
  );
  const ask: LocalGit['ask'] = async (args, { input, env } = {}) => {
    const done = await execa('git', ['-c', 'core.hooksPath=/dev/null', '-c', 'core.quotePath=false', ...args], {
      cwd: directory,
      env: { ...own, LC_ALL: 'C', ...env },
      extendEnv: false,
      reject: false,
      stripFinalNewline: false,
      ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
    });
    if (done.code === 'ENOENT') throw new PromptOsError('GIT_NOT_FOUND', 'git could not be started.', { cause: done });
    return { exitCode: done.exitCode ?? 128, stdout: done.stdout ?? '', stderr: done.stderr ?? '' };
  };
  return {
    ask,
    run: async (args, call) => {
      const { exitCode, stdout, stderr } = await ask(args, call);
      if (exitCode === 0) return stdout.replace(/\n$/, '');
      throw new PromptOsError('GIT_FAILED', `git ${args[0]} ended with ${exitCode}: ${stderr.trim()}.`);
    },
  };
}
