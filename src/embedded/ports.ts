import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { PromptOsError } from '../contracts/errors.js';

async function listen(ip: string, port: number): Promise<Server | null> {
  const server = createServer();
  try {
    server.listen({ host: ip, port, exclusive: true });
    await once(server, 'listening');
    return server;
  } catch {
    return null;
  }
}

/**
 * Ports that systems do not give to outgoing connections by themselves (Linux: from 32768, macOS: from 49152), so that
 * one stays free for the server while it is stopped and its addresses stay the same.
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;
const ATTEMPTS = 20;

async function listenAnywhere(ip: string): Promise<Server | null> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const server = await listen(ip, randomInt(FIRST_PORT, LAST_PORT));
    if (server !== null) return server;
  }
  return listen(ip, 0);
}

/**
 * One free port for each wish: the wished one when it is free, else any. All are held together before they are given
 * back, so they differ. Nothing keeps another program from taking one before the caller does.
 * @throws PromptOsError SERVER_NOT_STARTED
 */
export async function choosePorts(ip: string, wishes: readonly (number | undefined)[]): Promise<number[]> {
  const listeners: Server[] = [];
  for (const wish of wishes) {
    const listener = (wish === undefined ? null : await listen(ip, wish)) ?? (await listenAnywhere(ip));
    if (listener === null) throw new PromptOsError('SERVER_NOT_STARTED', `No port on ${ip} could be listened on.`);
    listeners.push(listener);
  }
  const ports = listeners.map((listener) => (listener.address() as AddressInfo).port);
  await Promise.all(listeners.map((listener) => new Promise((resolve) => listener.close(resolve))));
  return ports;
}

/** Whether somebody accepts connections at `host:port`. */
export function answers(address: string, timeoutMs = 1_000): Promise<boolean> {
  const separator = address.lastIndexOf(':');
  const socket = connect({ host: address.slice(0, separator), port: Number(address.slice(separator + 1)) });
  socket.setTimeout(timeoutMs);
  return new Promise((resolve) => {
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
    socket.once('timeout', () => settle(false));
  });
}
