import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A request as a server of the internet received it. */
interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly host: string | undefined;
  readonly headers: readonly string[];
  readonly body: string;
}

/** Two servers on loopback, one with TLS for `api.example.com` and one without. */
export interface SmallInternet {
  readonly tlsPort: number;
  readonly httpPort: number;
  /** The certificate that a client of `api.example.com` has to trust. */
  readonly certificate: string;
  readonly certificateFile: string;
  /** What both servers received. */
  readonly received: ReceivedRequest[];
  /** To both servers. */
  openConnections(): number;
  close(): void;
}

function makeCertificate(folder: string): { key: string; certificate: string; file: string } {
  const [key, file] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const names = 'subjectAltName=DNS:api.example.com,DNS:other.example.com';
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'].concat([
      '-keyout',
      key,
      '-out',
      file,
      '-subj',
      '/CN=api.example.com',
      '-addext',
      names,
    ]),
    { stdio: 'ignore' },
  );
  return { key: readFileSync(key, 'utf8'), certificate: readFileSync(file, 'utf8'), file };
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

export async function startSmallInternet(): Promise<SmallInternet> {
  const folder = mkdtempSync(join(tmpdir(), 'small-internet-'));
  const { key, certificate, file } = makeCertificate(folder);
  const received: ReceivedRequest[] = [];
  const answer: Parameters<typeof createServer>[1] = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers, rawHeaders } = request;
      received.push({ method, url, host: headers.host, headers: rawHeaders, body: Buffer.concat(chunks).toString() });
      response.writeHead(200, { 'X-Server': 'small-internet' }).end(`hello from ${url}`);
    });
  };
  const tls = createTlsServer({ key, cert: certificate }, answer);
  const http = createServer(answer);
  let open = 0;
  for (const server of [tls, http]) {
    server.on('connection', (socket: Socket) => {
      open += 1;
      socket.once('close', () => {
        open -= 1;
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  return {
    tlsPort: portOf(tls),
    httpPort: portOf(http),
    certificate,
    certificateFile: file,
    received,
    openConnections: () => open,
    close: () => {
      for (const server of [tls, http]) {
        server.close();
        server.closeAllConnections();
      }
      rmSync(folder, { recursive: true });
    },
  };
}
