import type { CommandUnknownOpts as Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../src/cli/app/context.js';
import type { ExitCode } from '../../src/contracts/errors.js';
import { recordOutput } from '../support/recorded-output.js';

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
  const { output, stdout, stderr } = recordOutput({ json, terminal });
  let exitCode: ExitCode = 0;
  const command = make({ output: () => output, cwd, env, exit: (code) => (exitCode = code) });
  command
    .exitOverride()
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) });
  await command.parseAsync(args, { from: 'user' });
  return { stdout: stdout.text, stderr: stderr.text, objects: json ? stdout.objects() : [], exitCode };
}
