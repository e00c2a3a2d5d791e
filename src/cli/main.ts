import { isAbsolute, relative } from 'node:path';
import process from 'node:process';
import { PromptOsError, systemCode } from '../contracts/errors.js';
import { createOutput } from './app/output.js';
import { shellWord } from './app/printable.js';
import { reportError } from './app/report-error.js';
import { runCommandLine } from './command-line.js';

/** What a shell shows of a program that SIGPIPE ended. Without it a verdict that was cut off would count as a yes. */
const READER_GONE = 141;

/** The reader of our output may stop reading, as `head` does: nothing is said of it. */
function endQuietly(error: Error): void {
  const code = systemCode(error);
  if (code === 'EPIPE') process.exit(process.exitCode ?? READER_GONE);
  throw new PromptOsError('FILE_NOT_READABLE', `The output cannot be written: ${code ?? String(error)}.`, {
    cause: error,
    hint: 'Free some space, or send the output to another place.',
  });
}

/** `./bin/promptos` for a copy below the current folder; from anywhere else it is reckoned to be on PATH. */
function programName(cwd: string, script: string): string {
  const below = relative(cwd, script);
  return below === '' || below.startsWith('..') || isAbsolute(below) || below.includes('node_modules')
    ? 'promptos'
    : shellWord(`./${below}`);
}

/** Runs the command line of this process and sets its exit code. */
export async function runProcess(): Promise<void> {
  const { stdout, stderr, stdin, env } = process;
  stdout.on('error', endQuietly);
  stderr.on('error', endQuietly);
  process.on('uncaughtException', (error) => {
    const json = process.argv.includes('--json');
    const output = createOutput({ json, stdout, stderr, stdinIsTerminal: false, noColor: true });
    process.exit(reportError(error, output, env.PROMPTOS_LOG_LEVEL === 'debug'));
  });
  process.exitCode = await runCommandLine({
    args: process.argv.slice(2),
    cwd: process.cwd(),
    program: programName(process.cwd(), process.argv[1] ?? ''),
    env,
    stdout,
    stderr,
    stdinIsTerminal: stdin.isTTY === true,
  });
}
