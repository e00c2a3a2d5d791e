import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { PromptOsError } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';

export interface GitCall {
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment of git; nothing else is inherited. `environments.ts` makes it. */
  readonly env: Readonly<Record<string, string>>;
  readonly input?: Uint8Array | string;
  readonly signal?: AbortSignal | undefined;
  /** Git may ask for a passphrase on the terminal of this process; by default it has none. */
  readonly terminal?: boolean;
  /** Git is stopped when it prints more, */
  readonly maxBytes?: number;
  /** and this is thrown. */
  readonly tooMuch?: (maxBytes: number) => PromptOsError;
  /** Called with the process id as soon as git runs. */
  readonly onStart?: (pid: number) => void;
}

export interface GitOutput {
  readonly exitCode: number;
  readonly stdout: Buffer;
  /** Without the trailing newline; cut after 64 KiB. */
  readonly stderr: string;
}

const STDERR_LIMIT = 64 * 1_024;
/** Time that git has to remove its lock files before it is killed. */
const GRACE_MS = 2_000;
const DEFAULT_MAX_BYTES = 512 * 1_024 * 1_024;

/** The one place where git is started. Without a terminal, it leads a session and a process group of its own. */
function startGit({ args, cwd, env, terminal = false }: GitCall): ChildProcessWithoutNullStreams {
  return spawn('git', args, { cwd, env, detached: !terminal, stdio: ['pipe', 'pipe', 'pipe'] });
}

/**
 * Runs git and waits for its end.
 * @throws PromptOsError GIT_NOT_FOUND, GIT_FAILED when it cannot be run or prints more than `maxBytes`; the signal's
 * reason when it is aborted. An exit code other than 0 is a result.
 */
export async function runGit(call: GitCall): Promise<GitOutput> {
  const { args, cwd, input, signal, maxBytes = DEFAULT_MAX_BYTES } = call;
  signal?.throwIfAborted();
  const child = startGit(call);
  const kill = (how: NodeJS.Signals): void => killGit(child.pid, call.terminal === true, how);
  if (child.pid !== undefined) call.onStart?.(child.pid);
  const stdout: Buffer[] = [];
  let bytes = 0;
  let stderr = '';
  let tooMuch = false;
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBytes) stdout.push(chunk);
    else if (!tooMuch) {
      tooMuch = true;
      kill('SIGKILL');
    }
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    if (stderr.length < STDERR_LIMIT) stderr += chunk.slice(0, STDERR_LIMIT - stderr.length);
  });
  // Git may end before it has read everything; its exit code says why.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  let hardKill: NodeJS.Timeout | undefined;
  const abort = () => {
    kill('SIGTERM');
    hardKill = setTimeout(() => kill('SIGKILL'), GRACE_MS);
  };
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    signal?.throwIfAborted();
    if (tooMuch) {
      throw (
        call.tooMuch?.(maxBytes) ??
        new PromptOsError('GIT_FAILED', `git ${args[0]} printed more than ${counted(maxBytes, 'byte')}.`)
      );
    }
    return { exitCode: exitCode ?? 128, stdout: Buffer.concat(stdout), stderr: stderr.trimEnd() };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT' && existsSync(cwd)) {
      throw new PromptOsError('GIT_NOT_FOUND', 'There is no git on PATH.', { cause: error });
    }
    if (error instanceof Error && 'syscall' in error) {
      throw new PromptOsError('GIT_FAILED', `git ${args[0]} could not be started: ${error.message}.`, { cause: error });
    }
    throw error;
  } finally {
    clearTimeout(hardKill);
    signal?.removeEventListener('abort', abort);
  }
}

function killGit(pid: number | undefined, alone: boolean, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(alone ? pid : -pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/** What git printed, on one line and bounded, without the credentials that a URL may hold. */
export const gitWords = (text: string, limit = 1_000): string =>
  text
    .replace(/\/\/[^/\s@]+@/g, '//…@')
    .replace(/\s*\n\s*/g, '; ')
    .slice(0, limit);

/** Git in one folder with one environment. Each method throws what {@link runGit} throws. */
export interface Git {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Whatever the exit code. */
  ask(args: readonly string[], more?: GitOptions): Promise<GitOutput>;
  /** Standard output, byte for byte. @throws PromptOsError GIT_FAILED for any exit code but 0 */
  bytes(args: readonly string[], more?: GitOptions): Promise<Buffer>;
  /** Standard output as text without its last newline. @throws PromptOsError as `bytes` */
  text(args: readonly string[], more?: GitOptions): Promise<string>;
  /** Git with other options, added to these. */
  with(more: GitOptions): Git;
}

/** Options of calls. Variables of `env` are added to those of the environment. */
type GitOptions = Partial<Omit<GitCall, 'args'>>;

/** @param settings configuration that every call is given, such as `core.quotePath=true` */
export function gitIn(place: Omit<GitCall, 'args'>, settings: readonly string[] = []): Git {
  const configured = settings.flatMap((setting) => ['-c', setting]);
  const merged = (more: GitOptions = {}) => ({ ...place, ...more, env: { ...place.env, ...more.env } });
  const ask: Git['ask'] = (args, more) => runGit({ ...merged(more), args: [...configured, ...args] });
  const bytes: Git['bytes'] = async (args, more) => {
    const { exitCode, stdout, stderr } = await ask(args, more);
    if (exitCode === 0) return stdout;
    throw new PromptOsError('GIT_FAILED', `git ${args[0]} ended with exit code ${exitCode}: ${gitWords(stderr)}.`);
  };
  return {
    cwd: place.cwd,
    env: place.env,
    ask,
    bytes,
    text: async (args, more) => (await bytes(args, more)).toString('utf8').replace(/\n$/, ''),
    with: (more) => gitIn(merged(more), settings),
  };
}
