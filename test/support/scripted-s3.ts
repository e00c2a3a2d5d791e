import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a scripted server does with one request: answers it, or cuts the connection. */
export type S3Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface ScriptedS3 {
  readonly endpoint: string;
  /** Method and path of each request, in order. */
  readonly requests: readonly string[];
  /**
   * Answers of the next requests; then `otherwise` is asked. What a store asks before its first write is answered as a
   * server with conditional writes does, unless `ignoreConditions` was called.
   */
  script(...answers: readonly S3Answer[]): void;
  otherwise(answer: S3Answer): void;
  ignoreConditions(): void;
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

/** The answer to what a store asks before its first write, or null for any other request. */
function beforeFirstWrite({ method, url = '' }: IncomingMessage): S3Answer | null {
  if (/[?&]uploads/.test(url)) return status(200, {}, '<ListMultipartUploadsResult></ListMultipartUploadsResult>');
  if (!url.includes('/conditional-writes')) return null;
  return method === 'PUT' ? s3Error(412, 'PreconditionFailed') : status(200);
}

/** A server that answers as a test says, for failures that a real one does not give at will. */
export async function startScriptedS3(): Promise<ScriptedS3> {
  const requests: string[] = [];
  const scripted: S3Answer[] = [];
  let usual: S3Answer = status(200);
  let keepsConditions = true;
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${new URL(request.url ?? '/', 'http://x').pathname}`);
    // Its bytes are read first, as a server that stores them does.
    const answer = keepsConditions ? beforeFirstWrite(request) : null;
    request.resume().on('end', () => (answer ?? scripted.shift() ?? usual)(request, response));
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
    ignoreConditions: () => {
      keepsConditions = false;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
