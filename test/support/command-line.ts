import { Writable } from 'node:stream';
import { runCommandLine } from '../../src/cli/command-line.js';
import type { ExitCode } from '../../src/contracts/errors.js';

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

class Sink extends Writable {
  text = '';
  constructor(readonly isTTY: boolean) {
    super();
  }
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}

/** Runs a whole command line in this process, from parsing to the reported error. */
export async function promptos(args: readonly string[], options: CommandLineOptions = {}): Promise<CommandLineRun> {
  const { cwd = '/', env = {}, terminal = false } = options;
  const [stdout, stderr] = [new Sink(terminal), new Sink(terminal)];
  const exitCode = await runCommandLine({ args, cwd, env, stdout, stderr, stdinIsTerminal: terminal });
  return {
    exitCode,
    stdout: stdout.text,
    stderr: stderr.text,
    objects: () =>
      stdout.text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}
