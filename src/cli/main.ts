import process from 'node:process';
import { runCommandLine } from './command-line.js';
import { createOutput } from './output.js';
import { reportError } from './report-error.js';

/** Whoever reads our output may stop reading, as `head` does; there is nothing more to say then. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit();
  throw error;
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
    env,
    stdout,
    stderr,
    stdinIsTerminal: stdin.isTTY === true,
  });
}
