import type { CommandUnknownOpts as Command } from '@commander-js/extra-typings';
import type { StoreCommandContext } from '../../src/cli/app/published-run.js';
import type { ArtifactStore } from '../../src/ports/artifact-store.js';
import { recordOutput } from './recorded-output.js';

/** What a command wrote. */
export interface CommandRun {
  readonly stdout: string;
  readonly stderr: string;
  /** The objects of `--json`. */
  readonly emitted: readonly Record<string, unknown>[];
}

export interface CommandRunOptions {
  readonly store: ArtifactStore;
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly json?: boolean;
}

/** Runs one command in this process, as main does; its errors are thrown. */
export async function runCommand(
  make: (context: StoreCommandContext) => Command,
  args: readonly string[],
  { store, cwd, env = process.env, json = false }: CommandRunOptions,
): Promise<CommandRun> {
  const { output, stdout, stderr } = recordOutput({ json });
  const context: StoreCommandContext = {
    output: () => output,
    openStore: async () => store,
    cwd,
    env,
    exit: () => {
      throw new Error('no command here says no by exit code');
    },
  };
  await make(context)
    .exitOverride()
    .parseAsync([...args], { from: 'user' });
  return { stdout: stdout.text, stderr: stderr.text, emitted: json ? stdout.objects() : [] };
}
