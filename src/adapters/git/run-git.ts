import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { PromptOsError } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';

export interface GitCall {
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment of git; nothing else is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly input?: Uint8Array | string;
  readonly signal?: AbortSignal | undefined;
  /** Git is stopped when it prints more, */
  readonly maxBytes?: number;
  /** and this is thrown. */
  readonly tooMuch?: (maxBytes: number) => PromptOsError;
  /** Told the process id as soon as git runs. */
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

/**
 * Runs git in a process group of its own, without a terminal, and waits for its end.
 * @throws PromptOsError GIT_NOT_FOUND, GIT_FAILED when it cannot be run or prints more than `maxBytes`; the signal's
 * reason when it is aborted. An exit code other than 0 is a result.
 */
export async function runGit(call: GitCall): Promise<GitOutput> {
  const { args, cwd, env, input, signal, maxBytes = DEFAULT_MAX_BYTES } = call;
  signal?.throwIfAborted();
  const child = spawn('git', args, { cwd, env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
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
      killGroup(child, 'SIGKILL');
    }
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    if (stderr.length < STDERR_LIMIT) stderr += chunk.slice(0, STDERR_LIMIT - stderr.length);
  });
  // Git may end before it has read everything; its exit code tells why.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  let hardKill: NodeJS.Timeout | undefined;
  const abort = () => {
    killGroup(child, 'SIGTERM');
    hardKill = setTimeout(() => killGroup(child, 'SIGKILL'), GRACE_MS);
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
      throw new PromptOsError('GIT_NOT_FOUND', 'git is not on PATH.', { cause: error });
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

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
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

/**
 * Runs git and takes nothing but success.
 * @throws PromptOsError as {@link runGit}, and GIT_FAILED for any exit code but 0
 */
export async function requireGit(call: GitCall): Promise<Buffer> {
  const { exitCode, stdout, stderr } = await runGit(call);
  if (exitCode === 0) return stdout;
  throw new PromptOsError('GIT_FAILED', `git ${call.args[0]} ended with exit code ${exitCode}: ${gitWords(stderr)}.`);
}
