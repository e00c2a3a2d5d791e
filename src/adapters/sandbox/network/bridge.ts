import { randomInt } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { OpenedNetwork } from '../../platform/program-starter.js';

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
export type Bridge = Pick<OpenedNetwork, 'relay' | 'readable' | 'env'>;

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
