import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { openProxySite } from './proxy-site.js';

const HEADS = {
  'resets at once': '',
  'answers early and resets': 'HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno',
  'answers nonsense': 'nonsense\r\n\r\nmore',
  'switches protocols': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw',
  'has two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\nno',
  'breaks off a body': 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nno',
  'breaks off a chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nno',
  'has odd headers': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Odd: \x01\xff\r\n\r\nno',
  'answers twice': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno',
  'has a low status': 'HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n',
};

test.for(Object.entries(HEADS))('allow proxy: a server that %s ends one request only', async ([, head]) => {
  const server = createServer((socket: Socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(head, 'latin1', () => setTimeout(() => socket.resetAndDestroy(), 10));
    });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const site = await openProxySite([`127.0.0.1:${port}`]);
  const client = site.connect();
  client.on('error', () => undefined);
  client.resume();
  client.write(
    `POST http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 100000000\r\n\r\n`,
  );
  for (let sent = 0; sent < 40 && !client.destroyed; sent++) {
    client.write(Buffer.alloc(64 * 1_024));
    await sleep(2);
  }
  client.destroy();
  const { requests } = await site.proxy.close();
  expect(requests).toMatchObject([{ method: 'http', allowed: true }]);
});

test('allow proxy: a server that switches to another protocol is one that is not reached', async () => {
  const server = createServer((socket: Socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write(HEADS['switches protocols']));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const site = await openProxySite([`127.0.0.1:${port}`]);
  const asked = `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`;
  expect(await site.send(asked)).toMatch(/^HTTP\/1\.1 502 /);
});
