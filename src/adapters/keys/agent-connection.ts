import { Buffer } from 'node:buffer';
import { createConnection } from 'node:net';
import { PromptOsError } from '../../contracts/errors.js';
import { counted } from '../../contracts/sentences.js';
import { wireUint32 } from './ssh-wire.js';

/** OpenSSH's own agent takes and gives no longer message. */
const MAX_MESSAGE_BYTES = 256 * 1_024;

export const agentFailed = (socket: string, what: string, cause?: unknown): PromptOsError =>
  new PromptOsError('AGENT_FAILED', `The SSH agent at ${socket} ${what}.`, { cause });

/**
 * Sends one message to an agent and gives its answer, without the length (draft-miller-ssh-agent, section 3).
 * A connection for each message: an agent that is restarted between two is no trouble.
 * @param timeoutMs how long the agent may take; a person may have to confirm
 * @throws PromptOsError AGENT_FAILED
 */
export function askAgent(socket: string, message: Uint8Array, timeoutMs: number): Promise<Buffer> {
  if (message.length > MAX_MESSAGE_BYTES) {
    return Promise.reject(
      agentFailed(socket, `takes ${MAX_MESSAGE_BYTES} bytes at most, and was to get ${message.length}`),
    );
  }
  return new Promise((resolve, reject) => {
    const connection = createConnection(socket);
    let received = Buffer.alloc(0);
    const timer = setTimeout(() => fail(`gave no answer within ${timeoutMs / 1_000} s`), timeoutMs);
    const finish = () => {
      clearTimeout(timer);
      connection.destroy();
    };
    const fail = (what: string, cause?: unknown) => {
      finish();
      reject(agentFailed(socket, what, cause));
    };
    connection.on('error', (error: NodeJS.ErrnoException) => fail(`cannot be reached (${error.code})`, error));
    connection.on('close', () => fail('closed the connection without an answer'));
    connection.on('connect', () => connection.write(Buffer.concat([wireUint32(message.length), message])));
    connection.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4) return;
      const length = received.readUInt32BE();
      if (length > MAX_MESSAGE_BYTES) return fail(`announced an answer of ${counted(length, 'byte')}`);
      if (received.length < 4 + length) return;
      finish();
      resolve(received.subarray(4, 4 + length));
    });
  });
}
