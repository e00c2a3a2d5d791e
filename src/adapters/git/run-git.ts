import { existsSync } from 'node:fs';
import { PromptOsError } from '../../contracts/errors.js';
import type { Content } from '../../contracts/long-bytes.js';
import { counted, withoutUserInfo } from '../../contracts/sentences.js';
import { type ContentCollector, collectContent } from '../platform/collect-bytes.js';
import { createDirectStarter } from '../platform/direct-starter.js';
import { ProgramNotStarted, type ProgramStarter } from '../platform/program-starter.js';

export interface GitCall {
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment of git; nothing else is inherited. `environments.ts` makes it. */
  readonly env: Readonly<Record<string, string>>;
  readonly input?: Content | string;
  readonly signal?: AbortSignal | undefined;
  /** Git may ask for a passphrase on the terminal of this process; by default it has none. */
  readonly terminal?: boolean;
  /** What starts git: a worker's launcher; this process itself when absent. */
  readonly programs?: ProgramStarter | undefined;
  /** Git is stopped when it prints more, */
  readonly maxBytes?: number;
  /** and this is thrown. */
  readonly tooMuch?: (maxBytes: number) => PromptOsError;
  /** Gets standard output, of which the result has nothing then. */
  readonly collector?: ContentCollector;
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
const DEFAULT_MAX_BYTES = 512 * 1_024 * 1_024;

const IN_SESSION = createDirectStarter('session');
const ON_TERMINAL = createDirectStarter('terminal');

/**
 * Runs git and waits for its end.
 * @throws PromptOsError GIT_NOT_FOUND, GIT_FAILED when it cannot be run or prints more than `maxBytes`, EXECUTOR_LOST when
 * its launcher has died; the signal's reason when it is aborted. An exit code other than 0 is a result.
 */
export async function runGit(call: GitCall): Promise<GitOutput> {
  const { args, cwd, env, input, signal, maxBytes = DEFAULT_MAX_BYTES } = call;
  signal?.throwIfAborted();
  const { programs = call.terminal === true ? ON_TERMINAL : IN_SESSION } = call;
  const running = await programs.start({ argv: ['git', ...args], cwd, env, input }).catch((error: unknown) => {
    throw error instanceof ProgramNotStarted ? notStarted(call, error) : error;
  });
  call.onStart?.(running.pid);
  const stdout: Buffer[] = [];
  let bytes = 0;
  let unkept: unknown;
  let stderr = '';
  running.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes || unkept !== undefined) return running.stop();
    if (call.collector === undefined) return void stdout.push(chunk);
    try {
      call.collector.add(chunk);
    } catch (error) {
      unkept = error;
      running.stop();
    }
  });
  running.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    if (stderr.length < STDERR_LIMIT) stderr += chunk.slice(0, STDERR_LIMIT - stderr.length);
  });
  signal?.addEventListener('abort', running.stop, { once: true });
  if (signal?.aborted) running.stop();
  try {
    const { code } = await running.untilEnded();
    signal?.throwIfAborted();
    if (unkept !== undefined) {
      const message = `What git ${args[0]} printed could not be written to a file.`;
      throw new PromptOsError('GIT_FAILED', message, { cause: unkept });
    }
    if (bytes > maxBytes) {
      throw (
        call.tooMuch?.(maxBytes) ??
        new PromptOsError('GIT_FAILED', `git ${args[0]} printed more than ${counted(maxBytes, 'byte')}.`)
      );
    }
    return { exitCode: code ?? 128, stdout: Buffer.concat(stdout), stderr: stderr.trimEnd() };
  } finally {
    signal?.removeEventListener('abort', running.stop);
  }
}

function notStarted({ args, cwd }: GitCall, cause: ProgramNotStarted): PromptOsError {
  if (cause.code === 'ENOENT' && existsSync(cwd)) {
    return new PromptOsError('GIT_NOT_FOUND', 'There is no git on PATH.', { cause });
  }
  return new PromptOsError('GIT_FAILED', `git ${args[0]} could not be started (${cause.code}).`, {
    cause,
    hint: 'Check that git may be run, the limits of this process (`ulimit -a`), and the memory of the machine.',
  });
}

/** What git printed, on one line and bounded, without the credentials that a URL may hold. */
export const gitWords = (text: string, limit = 1_000): string =>
  withoutUserInfo(text)
    .replace(/\s*\n\s*/g, '; ')
    .slice(0, limit);

/** Git in one folder with one environment. Each method throws what {@link runGit} throws. */
export interface Git {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Whatever the exit code. */
  ask(args: readonly string[], more?: GitOptions): Promise<GitOutput>;
  /** Standard output, byte for byte. @throws PromptOsError GIT_FAILED, DISK_FULL for any exit code but 0 */
  bytes(args: readonly string[], more?: GitOptions): Promise<Buffer>;
  /**
   * Standard output, in a file where it is long. The caller releases it.
   * @param folder absolute, of the file
   * @throws PromptOsError as `bytes`
   */
  content(args: readonly string[], folder: string, more?: GitOptions): Promise<Content>;
  /** Standard output as text without its last newline. @throws PromptOsError as `bytes` */
  text(args: readonly string[], more?: GitOptions): Promise<string>;
  /** Git with other options, added to these. */
  with(more: GitOptions): Git;
  /** Git in another folder with another environment, started in the same way. */
  at(place: Pick<GitCall, 'cwd' | 'env' | 'signal'>): Git;
}

/** As git and the C library say it without a translation. */
const NO_SPACE = /No space left on device|Out of diskspace|Disk quota exceeded/i;

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
    const code = NO_SPACE.test(stderr) ? 'DISK_FULL' : 'GIT_FAILED';
    throw new PromptOsError(code, `git ${args[0]} ended with exit code ${exitCode}: ${gitWords(stderr)}.`);
  };
  return {
    cwd: place.cwd,
    env: place.env,
    ask,
    bytes,
    content: async (args, folder, more) => {
      const collector = collectContent(more?.maxBytes ?? DEFAULT_MAX_BYTES, folder);
      try {
        await bytes(args, { ...more, collector });
        return collector.bytes();
      } catch (error) {
        collector.drop();
        throw error;
      }
    },
    text: async (args, more) => (await bytes(args, more)).toString('utf8').replace(/\n$/, ''),
    with: (more) => gitIn(merged(more), settings),
    at: (other) => gitIn({ ...other, programs: place.programs }, settings),
  };
}
