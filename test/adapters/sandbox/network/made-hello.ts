import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { onTestFinished } from 'vitest';

/** The first bytes that node's own client sends. */
export async function helloFor(servername: string): Promise<Buffer> {
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
export function inRecordsOf(size: number, hello: Buffer): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

/** Adds an extension at the end. */
export function withExtension(hello: Buffer, type: number, content: Buffer): Buffer {
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
