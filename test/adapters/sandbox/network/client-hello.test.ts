import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { readFirstBytes } from '../../../../src/adapters/sandbox/network/client-hello.js';

/** The first bytes that node's own client sends. */
async function helloFor(servername: string): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({ port: (server.address() as AddressInfo).port, servername, rejectUnauthorized: false });
  client.on('error', () => undefined);
  onTestFinished(() => void server.close());
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  return bytes;
}

/** The same message in records of one size. */
function inRecordsOf(size: number, hello: Buffer): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

/** Adds an extension at the end. */
function withExtension(hello: Buffer, type: number, content: Buffer): Buffer {
  const message = Buffer.from(hello.subarray(5));
  const sessionEnd = 4 + 34 + 1 + (message[38] ?? 0);
  const suitesEnd = sessionEnd + 2 + message.readUInt16BE(sessionEnd);
  const extensions = suitesEnd + 1 + (message[suitesEnd] ?? 0);
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(content.length, 2);
  const more = 4 + content.length;
  message.writeUInt16BE(message.readUInt16BE(extensions) + more, extensions);
  message.writeUIntBE(message.readUIntBE(1, 3) + more, 1, 3);
  return inRecordsOf(16_000, Buffer.concat([Buffer.alloc(5), message, head, content]));
}

const serverName = (name: string): Buffer => {
  const bytes = Buffer.from(name);
  return Buffer.concat([Buffer.from([0, bytes.length + 3, 0, 0, bytes.length]), bytes]);
};

test('readFirstBytes: reads the server name, in lower case, or that there is none', async () => {
  expect(readFirstBytes(await helloFor('API.example.com'))).toEqual({
    kind: 'client_hello',
    server_name: 'api.example.com',
    encrypted: false,
  });
  expect(readFirstBytes(await helloFor(''))).toMatchObject({ kind: 'client_hello', server_name: null });
});

test('readFirstBytes: a message in several records, and one that is not all there', async () => {
  const hello = await helloFor('api.example.com');
  for (const size of [1, 3, 100]) {
    expect(readFirstBytes(inRecordsOf(size, hello))).toMatchObject({ server_name: 'api.example.com' });
  }
  for (let length = 0; length < hello.length; length += 1) {
    expect(readFirstBytes(hello.subarray(0, length))).toEqual({ kind: 'incomplete' });
  }
});

test('readFirstBytes: refuses two server names, and notices an encrypted one', async () => {
  const hello = await helloFor('api.example.com');
  expect(readFirstBytes(withExtension(hello, 0, serverName('other.example.com')))).toEqual({ kind: 'not_tls' });
  expect(readFirstBytes(withExtension(hello, 0xfe0d, Buffer.from([0])))).toMatchObject({ encrypted: true });
});

test.each([
  ['a request in the clear', Buffer.from('GET / HTTP/1.1\r\n')],
  ['an alert', Buffer.from([21, 3, 1, 0, 2, 2, 112])],
  ['another message than a ClientHello', Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])],
  ['an empty record', Buffer.from([22, 3, 1, 0, 0])],
  ['a message of 16 MB', Buffer.from([22, 3, 1, 0, 4, 1, 255, 255, 255])],
  ['an empty ClientHello', Buffer.from([22, 3, 1, 0, 4, 1, 0, 0, 0])],
])('readFirstBytes: %s is no TLS', (_, bytes) => {
  expect(readFirstBytes(bytes)).toEqual({ kind: 'not_tls' });
});

test('readFirstBytes: judges any bytes without an error', async () => {
  const hello = await helloFor('api.example.com');
  fc.assert(
    fc.property(fc.nat(hello.length - 1), fc.nat(255), (at, value) => {
      const changed = Buffer.from(hello);
      changed[at] = value;
      expect(['incomplete', 'not_tls', 'client_hello']).toContain(readFirstBytes(changed).kind);
    }),
  );
});
