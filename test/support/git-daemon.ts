import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { choosePorts } from '../../src/embedded/server.js';
import { SERVER_IP } from '../../src/embedded/temporal-cli.js';

const READY_TIMEOUT_MS = 30_000;

export interface GitServer {
  /** Of the one repository; anybody may push. */
  readonly url: string;
  stop(): Promise<void>;
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, SERVER_IP);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.end());
  });

/** Serves a new bare repository on loopback. @param folder an empty place that is removed by the caller */
export async function startGitServer(folder: string, name: string): Promise<GitServer> {
  await mkdir(folder, { recursive: true });
  execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', join(folder, name)]);
  const [port = 0] = await choosePorts(SERVER_IP, [undefined]);
  const listen = [`--listen=${SERVER_IP}`, `--port=${port}`, '--reuseaddr'];
  const serve = ['--export-all', '--enable=receive-pack', `--base-path=${folder}`, folder];
  // Not by way of `git daemon`, which would leave the daemon when it is ended itself.
  const execPath = execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim();
  const daemon = spawn(join(execPath, 'git-daemon'), [...listen, ...serve], { stdio: 'ignore' });
  const ended = once(daemon, 'close');
  const stop = async () => {
    daemon.kill('SIGTERM');
    await ended;
  };
  for (const end = Date.now() + READY_TIMEOUT_MS; !(await accepts(port)); ) {
    if (daemon.exitCode !== null || Date.now() > end) {
      await stop();
      throw new Error('no git daemon came up');
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { url: `git://${SERVER_IP}:${port}/${name}`, stop };
}
