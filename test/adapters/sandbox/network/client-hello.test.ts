import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readFirstBytes } from '../../../../src/adapters/sandbox/network/tunnel.js';
import { helloFor, inRecordsOf, withExtension } from './made-hello.js';

/** The content of the extension that names a server. */
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
  for (const records of [5, 20]) {
    expect(readFirstBytes(inRecordsOf(Math.ceil(hello.length / records), hello))).toMatchObject({
      server_name: 'api.example.com',
    });
  }
  for (let length = 0; length < hello.length; length += 1) {
    expect(readFirstBytes(hello.subarray(0, length))).toEqual({ kind: 'incomplete' });
  }
});

test('readFirstBytes: a message in hundreds of records is no TLS', async () => {
  expect(readFirstBytes(inRecordsOf(1, await helloFor('api.example.com')))).toEqual({ kind: 'not_tls' });
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
