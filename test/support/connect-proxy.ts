import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

/** An HTTP proxy that knows the CONNECT method. */
export interface ConnectProxy {
  readonly url: string;
  /** Each `host:port` that it was asked for, and with which credentials. */
  readonly asked: readonly { readonly target: string; readonly authorization: string | undefined }[];
  close(): void;
}

/** @param leadsTo where every connection leads, whatever it was asked for; so names that do not exist can be reached */
export async function startConnectProxy(leadsTo: string): Promise<ConnectProxy> {
  const asked: { target: string; authorization: string | undefined }[] = [];
  const [host = '', port = ''] = leadsTo.split(':');
  const server = createServer((_, response) => response.writeHead(405).end());
  server.on('connect', (request, socket, head) => {
    asked.push({ target: request.url ?? '', authorization: request.headers['proxy-authorization'] });
    const upstream = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (head.length > 0) upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
