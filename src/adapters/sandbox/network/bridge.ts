import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The port on the loopback of every box: each has a network of its own. */
const PORT = 3128;
const BRIDGE = fileURLToPath(new URL('./bridge-program.js', import.meta.url));
/** A small heap: the process counts towards the limits of the program. */
const NODE_FLAGS = ['--max-old-space-size=64', '--max-semi-space-size=1'];
/** Debian, Ubuntu, Alpine's and Fedora's git, and macOS have it. */
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
export interface Bridge {
  /** What precedes the program's own arguments. */
  readonly relay: readonly string[];
  /** Files of the host that it is made of. */
  readonly readable: readonly string[];
}

/** @param socketPath the proxy's socket as it is seen in the box */
export function createBridge(socketPath: string, perl: string = PERL): Bridge {
  const node = process.execPath;
  const bridge = [node, ...NODE_FLAGS, BRIDGE, socketPath];
  const readable = [node, BRIDGE];
  if (!existsSync(perl)) return { relay: [...bridge, 'port', String(PORT)], readable };
  return { relay: [perl, '-e', LISTEN_FIRST, String(PORT), String(bridge.length), ...bridge], readable };
}

/** Names of this machine, which programs in a box use for servers of their own. */
const OWN_NAMES = ['localhost', '127.0.0.1', '::1'];

/**
 * The variables by which programs find the proxy. A server that a program starts in its own box is reached directly, unless
 * the list names the worker's `localhost`.
 */
export function proxyVariables(hosts: readonly string[]): Readonly<Record<string, string>> {
  const url = `http://127.0.0.1:${PORT}`;
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
