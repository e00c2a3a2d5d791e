import { runCommandLine } from '../../src/cli/main.js';
import type { ExitCode } from '../../src/contracts/errors.js';
import { RecordedStream } from './recorded-output.js';

/** What one command line wrote and ended with. */
export interface CommandLineRun {
  readonly exitCode: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
  /** The lines of standard output as objects; for `--json` only. */
  objects(): readonly Record<string, unknown>[];
}

export interface CommandLineOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Whether a person sits at both ends. */
  readonly terminal?: boolean;
}

/** Runs a whole command line in this process, from parsing to the reported error. */
export async function promptos(args: readonly string[], options: CommandLineOptions = {}): Promise<CommandLineRun> {
  const { cwd = '/', env = {}, terminal = false } = options;
  const [stdout, stderr] = [new RecordedStream(terminal), new RecordedStream(terminal)];
  const exitCode = await runCommandLine({ args, cwd, env, stdout, stderr, stdinIsTerminal: terminal });
  return {
    exitCode,
    stdout: stdout.text,
    stderr: stderr.text,
    objects: () => stdout.objects(),
  };
}
