import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { onTestFinished } from 'vitest';
import type { Outside } from '../../../../src/adapters/sandbox/network/dial.js';
import { type AllowProxy, startAllowProxy } from '../../../../src/adapters/sandbox/network/open-network.js';

/** A proxy for a list of hosts, and what a program may send to it. */
export interface ProxySite {
  readonly proxy: AllowProxy;
  connect(): Socket;
  /** Sends bytes, and gives everything that came back until the connection was closed. */
  send(bytes: string | Buffer): Promise<string>;
  /** CONNECT, TLS, and a request in it. @returns what came back, or the error */
  askByTls(authority: string, options: ConnectionOptions): Promise<string>;
}

/** Every name is a name of this machine, but for those that are said. */
export const resolvesTo =
  (addresses: Readonly<Record<string, readonly string[]>> = {}): Outside['resolve'] =>
  async (host) =>
    (addresses[host] ?? ['127.0.0.1']).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

export async function openProxySite(hosts: readonly string[], outside: Partial<Outside> = {}): Promise<ProxySite> {
  const folder = mkdtempSync(join(tmpdir(), 'allow-proxy-'));
  const path = join(folder, 'proxy.sock');
  const proxy = await startAllowProxy(path, hosts, { resolve: resolvesTo(), proxyFor: () => null, ...outside });
  onTestFinished(async () => {
    await proxy.close().catch(() => undefined);
    rmSync(folder, { recursive: true });
  });
  const open = () => connect(path);
  return {
    proxy,
    connect: open,
    send: (bytes) =>
      new Promise((resolve) => {
        const socket = open();
        let answer = '';
        socket.on('error', () => undefined);
        socket.on('data', (chunk) => {
          answer += chunk.toString('latin1');
        });
        socket.once('close', () => resolve(answer));
        socket.write(bytes);
      }),
    askByTls: (authority, options) =>
      new Promise((resolve) => {
        const socket = open();
        socket.on('error', () => undefined);
        socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
        socket.once('data', (chunk) => {
          const head = chunk.toString('latin1');
          if (!head.startsWith('HTTP/1.1 200')) return resolve(head);
          const secure = connectTls({ socket, ...options });
          let answer = '';
          secure.once('error', (error) => resolve(String(error)));
          secure.on('data', (bytes) => {
            answer += bytes.toString();
          });
          secure.once('close', () => resolve(answer));
          secure.write('GET /models HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n');
        });
      }),
  };
}
