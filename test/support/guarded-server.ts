import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs the server and watches the pipe from the test: when that closes, also because the test was killed, the server is
 * killed and its folder removed.
 */
const GUARD = `
folder=$1; shift
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{ cat <&3 >/dev/null; kill -KILL "$server" 2>/dev/null; rm -f "$folder.log"; } &
exec 3<&-
wait "$server" 2>/dev/null
cd / && rm -rf "$folder"
`;

export interface GuardedServer {
  alive(): boolean;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

/**
 * Starts a server that does not outlive the test process, not even when that is killed.
 * @param folder everything that the server writes; the server is started in it
 * @param options.log a file descriptor for what it prints
 */
export function startGuarded(
  folder: string,
  argv: readonly string[],
  { log, env = process.env }: { readonly log: number; readonly env?: NodeJS.ProcessEnv },
): GuardedServer {
  const guard = spawn('/bin/sh', ['-c', GUARD, 'guard', folder, ...argv], {
    cwd: folder,
    env,
    detached: true,
    stdio: ['pipe', log, log],
  });
  const exit = once(guard, 'exit');
  return {
    alive: () => guard.exitCode === null,
    stop: async () => {
      guard.stdin?.end();
      await exit;
    },
  };
}
