import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a scripted server does with one request: answers it, or cuts the connection. */
export type S3Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface ScriptedS3 {
  readonly endpoint: string;
  /** Method and path of each request, in order. */
  readonly requests: readonly string[];
  /** Answers of the next requests; then `otherwise` is asked. */
  script(...answers: readonly S3Answer[]): void;
  otherwise(answer: S3Answer): void;
  close(): Promise<void>;
}

export const status =
  (code: number, headers: Readonly<Record<string, string>> = {}, body = ''): S3Answer =>
  (_, response) => {
    response.writeHead(code, headers).end(body);
  };

/** An error as S3 sends it. */
export const s3Error = (code: number, name: string): S3Answer =>
  status(
    code,
    { 'content-type': 'application/xml' },
    `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${name}</Code><Message>Said by the server.</Message></Error>`,
  );

/** Cuts the connection without an answer. */
export const cut: S3Answer = (request) => void request.socket.destroy();

/** A server that answers as a test says, for failures that a real one does not give at will. */
export async function startScriptedS3(): Promise<ScriptedS3> {
  const requests: string[] = [];
  const scripted: S3Answer[] = [];
  let usual: S3Answer = status(200);
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${new URL(request.url ?? '/', 'http://x').pathname}`);
    // Its bytes are read first, as a server that stores them does.
    request.resume().on('end', () => (scripted.shift() ?? usual)(request, response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    script: (...answers) => void scripted.push(...answers),
    otherwise: (answer) => {
      usual = answer;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
