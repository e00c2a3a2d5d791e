import { Writable } from 'node:stream';
import type { Command } from 'commander';
import { createOutput } from '../../src/cli/app/output.js';
import type { StoreCommandContext } from '../../src/cli/app/published-run.js';
import type { ArtifactStore } from '../../src/ports/artifact-store.js';

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
  const written = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk, _encoding, done) {
        written[name] += chunk;
        done();
      },
    });
  const output = createOutput({
    json,
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    stdinIsTerminal: false,
    noColor: true,
  });
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
  const emitted = json
    ? written.stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : [];
  return { ...written, emitted };
}
