import { Writable } from 'node:stream';
import type { Command } from 'commander';
import type { CommandContext } from '../../src/cli/app/context.js';
import { createOutput } from '../../src/cli/app/output.js';
import type { ExitCode } from '../../src/contracts/errors.js';

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

export interface Invocation {
  readonly stdout: string;
  readonly stderr: string;
  /** What was emitted for programs. */
  readonly objects: readonly Record<string, unknown>[];
  readonly exitCode: ExitCode;
}

export interface InvocationOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly json?: boolean;
  /** Whether a person sits at both ends. */
  readonly terminal?: boolean;
}

/** Runs one command in this process and records everything that it wrote. */
export async function invoke(
  make: (context: CommandContext) => Command,
  args: readonly string[],
  { cwd, env = process.env, json = false, terminal = false }: InvocationOptions,
): Promise<Invocation> {
  const [stdout, stderr] = [new Sink(terminal), new Sink(terminal)];
  const output = createOutput({ json, stdout, stderr, stdinIsTerminal: terminal, noColor: true });
  let exitCode: ExitCode = 0;
  const command = make({ output: () => output, cwd, env, exit: (code) => (exitCode = code) });
  command
    .exitOverride()
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) });
  await command.parseAsync(args, { from: 'user' });
  const objects = json
    ? stdout.text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    : [];
  return { stdout: stdout.text, stderr: stderr.text, objects, exitCode };
}
