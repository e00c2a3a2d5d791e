import { randomInt } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { NetworkLog, NetworkRefusal } from '../../../contracts/record/network-log.js';
import { makePassingFolder, removeFolder } from '../../platform/leftovers.js';
import type { OpenedNetwork, OpenNetwork } from '../../platform/program-starter.js';
import { createAllowList, type Destination, readEntry } from './allow-list.js';
import { type Outside, resolveBySystem } from './dial.js';
import { type ProxyRules, passPlainRequest } from './plain-http.js';
import { createRequestLog } from './request-log.js';
import { openTunnel } from './tunnel.js';

const FOLDER_PREFIX = 'promptos-net';
/** The kernel's limit for the path of a Unix socket is 108 bytes, 104 on macOS. */
const MAX_SOCKET_PATH = 103;

const socketIn = (folder: string): string => join(folder, 'proxy.sock');

/** A folder for the socket of one proxy, which no other user can enter. */
async function makeSocketFolder(): Promise<string> {
  const folder = await makePassingFolder(tmpdir(), FOLDER_PREFIX);
  if (Buffer.byteLength(socketIn(folder)) <= MAX_SOCKET_PATH) return folder;
  await removeFolder(folder);
  return makePassingFolder('/tmp', FOLDER_PREFIX);
}

/**
 * How a sandbox lets one program reach named hosts: a proxy of the program's own in this process, and the way to it.
 * @param outside without `resolve`, names are resolved by the system; without `proxyFor`, hosts are reached directly
 * @throws PromptOsError ENVIRONMENT_INVALID from the function that is returned, for a proxy that cannot be used
 */
export function createNetworkOpener(outside: Partial<Outside> = {}): OpenNetwork {
  const { resolve = resolveBySystem, proxyFor = () => null } = outside;
  return async (hosts) => {
    // A proxy that cannot be used is an error of the worker's environment: the program is not started.
    for (const { host, port } of hosts.map(readEntry)) proxyFor('https', host, port);
    const folder = await makeSocketFolder();
    const socket = socketIn(folder);
    try {
      const proxy = await startAllowProxy(socket, hosts, { resolve, proxyFor });
      const close = () => proxy.close().finally(() => removeFolder(folder));
      return { socket, ...createBridge(socket, hosts), close };
    } catch (error) {
      await removeFolder(folder);
      throw error;
    }
  };
}

/** The port on the loopback of every box. */
const PORT = 3128;
const BRIDGE = fileURLToPath(new URL('./bridge-program.js', import.meta.url));
/**
 * A small heap: the process counts towards the limits of the program. Node.js 22 warns of the variable that has it use a proxy,
 * and standard error is the program's.
 */
const NODE_FLAGS = [
  ...['--max-old-space-size=64', '--max-semi-space-size=1', '--disable-warning=UNDICI-EHPA'],
  ...['--input-type=module', '-e'],
];
/** Debian and Ubuntu have it always, other systems with git. */
const PERL = '/usr/bin/perl';

/**
 * Listens, starts the bridge beside the program, and becomes the program. Perl starts in a few milliseconds and node in some
 * forty, during which the program's first connection waits in the socket's queue. The bridge is no child of the program's, which
 * might wait for it. The numbers are those of Linux (AF_INET, SOCK_STREAM, sockaddr_in): Perl's module for sockets takes five
 * milliseconds to load.
 */
const LISTEN_FIRST = `
$^F = 255;
my ($port, $count) = splice @ARGV, 0, 2;
my @bridge = splice @ARGV, 0, $count;
socket(my $listener, 2, 1, 0) or die "socket: $!";
bind($listener, pack "S n C4 x8", 2, $port, 127, 0, 0, 1) or die "bind: $!";
listen($listener, 128) or die "listen: $!";
my $pid = fork // die "fork: $!";
if ($pid == 0) {
  exit 0 if fork // 1;
  open STDIN, "<", "/dev/null";
  open STDOUT, ">", "/dev/null";
  open STDERR, ">", "/dev/null";
  %ENV = ();
  exec { $bridge[0] } @bridge, "fd", fileno $listener;
  exit 1;
}
waitpid $pid, 0;
close $listener;
exec { $ARGV[0] } @ARGV;
print STDERR "$ARGV[0]: $!\\n";
exit 127;
`;

/** What a box needs to reach its proxy. */
type Bridge = Pick<OpenedNetwork, 'relay' | 'readable' | 'env'>;

/** Where a bridge listens, and whether Perl starts it. */
interface BridgePlace {
  readonly port: number;
  /** The path of Perl, or null where node starts it. */
  readonly perl: string | null;
}

/**
 * On Linux each box has a loopback of its own. Elsewhere all share that of the machine, and any program that connects to the port has
 * the hosts of that one.
 */
const placeHere = (): BridgePlace =>
  process.platform === 'linux'
    ? { port: PORT, perl: existsSync(PERL) ? PERL : null }
    : { port: randomInt(20_000, 60_000), perl: null };

/** @param socketPath the proxy's socket as it is seen in the box */
export function createBridge(socketPath: string, hosts: readonly string[], place = placeHere()): Bridge {
  const { port, perl } = place;
  const node = process.execPath;
  const bridge = [node, ...NODE_FLAGS, readFileSync(BRIDGE, 'utf8'), socketPath];
  const relay =
    perl === null
      ? [...bridge, 'port', String(port)]
      : [perl, '-e', LISTEN_FIRST, String(port), String(bridge.length), ...bridge];
  return { relay, readable: [node], env: proxyVariables(`http://127.0.0.1:${port}`, hosts) };
}

/** Names of this machine, which programs in a box use for servers of their own. */
const OWN_NAMES = ['localhost', '127.0.0.1', '::1'];

/**
 * The variables by which programs find the proxy. A server that a program starts in its own box is reached directly, unless
 * the list names the worker's `localhost`.
 */
function proxyVariables(url: string, hosts: readonly string[]): Readonly<Record<string, string>> {
  const listed = hosts.map((entry) => entry.replace(/:\d+$/, ''));
  const direct = OWN_NAMES.filter((name) => !listed.includes(name)).join(',');
  return {
    HTTP_PROXY: url,
    HTTPS_PROXY: url,
    http_proxy: url,
    https_proxy: url,
    NO_PROXY: direct,
    no_proxy: direct,
    // Node's own fetch, from version 22.21 and 24.
    NODE_USE_ENV_PROXY: '1',
  };
}

const MAX_CONNECTIONS = 256;
const MAX_HEAD_BYTES = 32 * 1_024;
const HEAD_TIMEOUT_MS = 10_000;

/** The allow-listing proxy of one program. */
export interface AllowProxy {
  /** Ends every connection. @returns what was asked for */
  close(): Promise<NetworkLog>;
}

/** What node's parser says of a head that it does not accept. */
const HEAD_PROBLEMS: Readonly<Record<string, { readonly why: NetworkRefusal; readonly status: string }>> = {
  HPE_HEADER_OVERFLOW: { why: 'head_too_long', status: '431 Request Header Fields Too Large' },
  ERR_HTTP_REQUEST_TIMEOUT: { why: 'too_slow', status: '408 Request Timeout' },
};
const MALFORMED = { why: 'malformed', status: '400 Bad Request' } as const;
/** The client went away, which is no request. */
const GONE = ['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE'];

/**
 * Listens on a Unix socket for one program, and lets through what the list allows. Node's own strict parser reads the requests:
 * it refuses two lengths, folded headers and bare line feeds.
 * @param socketPath where the socket is made
 */
export async function startAllowProxy(
  socketPath: string,
  hosts: readonly string[],
  outside: Outside,
): Promise<AllowProxy> {
  const log = createRequestLog(hosts);
  const rules: ProxyRules = { list: createAllowList(hosts), outside, log };
  const sockets = new Set<Duplex>();
  const tunnelled = new WeakMap<Duplex, Destination>();
  const server = createServer({
    maxHeaderSize: MAX_HEAD_BYTES,
    headersTimeout: HEAD_TIMEOUT_MS,
    // An upload may take as long as the program has.
    requestTimeout: 0,
    keepAliveTimeout: 5_000,
    connectionsCheckingInterval: 1_000,
    insecureHTTPParser: false,
    // HTTP/1.0 has none; one that is there is judged.
    requireHostHeader: false,
  });
  server.maxConnections = MAX_CONNECTIONS;
  const drop = (client: Duplex) => () => client.destroy();
  const acceptPlain = (client: Duplex, destination: Destination): void => {
    tunnelled.set(client, destination);
    server.emit('connection', client);
  };
  server.on('connection', (socket: Socket) => {
    if (sockets.has(socket)) return;
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('drop', () => log.refused({ method: null, destination: null }, 'too_many_connections'));
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    // A tunnel inside a tunnel would be one to a place that is not looked at.
    if (tunnelled.has(client)) return drop(client)();
    openTunnel(rules, acceptPlain, request, client, head).catch(drop(client));
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const destination = tunnelled.get(request.socket) ?? null;
    passPlainRequest(rules, destination, request, response).catch(drop(request.socket));
  });
  server.on('clientError', (error: Error, client: Duplex) => {
    const code = 'code' in error ? String(error.code) : '';
    const silent = 'bytesRead' in client && client.bytesRead === 0;
    if (!GONE.includes(code) && !silent) {
      const { why, status } = HEAD_PROBLEMS[code] ?? MALFORMED;
      log.refused({ method: null, destination: null }, why);
      if (client.writable) client.write(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    }
    client.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  return {
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
      return log.read();
    },
  };
}
