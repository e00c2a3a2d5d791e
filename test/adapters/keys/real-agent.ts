import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';

/** A running ssh-agent. */
export interface RealAgent {
  readonly socket: string;
  /** `ssh-add` with these arguments. */
  add(...args: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/** Whether the agent listens: its socket exists some time before. */
const answers = async (socket: string): Promise<boolean> => {
  const connection = createConnection(socket);
  try {
    await once(connection, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    connection.destroy();
  }
};

/** Starts an ssh-agent that ends with the test. */
export async function startAgent(): Promise<RealAgent> {
  // The path of a socket has some hundred characters at most.
  const folder = await mkdtemp(join(tmpdir(), 'pa-'));
  const socket = join(folder, 's');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  let ended = false;
  for (const event of ['error', 'exit']) agent.on(event, () => (ended = true));
  const stop = async (): Promise<void> => {
    if (!ended) {
      agent.kill();
      await once(agent, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  };
  onTestFinished(stop);
  while (!(await answers(socket))) {
    if (ended) throw new Error('ssh-agent did not start: this test needs OpenSSH');
    await sleep(10);
  }
  return {
    socket,
    stop,
    add: async (...args) => {
      await execa('ssh-add', ['-q', ...args], { env: { SSH_AUTH_SOCK: socket } });
    },
  };
}
