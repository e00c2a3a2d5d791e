// @ts-check
/**
 * The bridge: a process in the box of one program, which this file is all of; it is never imported. The box has a loopback
 * interface and no other, so what connects to the proxy's port there is joined to the proxy's Unix socket.
 *
 * Its arguments are `SOCKET fd NUMBER`, to take over a socket that listens already, or `SOCKET port NUMBER PROGRAM ARGUMENT…`,
 * to listen and then start the program: node cannot become another program.
 *
 * Plain JavaScript, since node is given its text (`node -e`): so no file of this package has to be shown in the box.
 */
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { constants } from 'node:os';

const [socketPath = '', kind = '', number = '', program, ...rest] = process.argv.slice(1);

const server = createServer({ allowHalfOpen: true }, (client) => {
  const proxy = connect({ path: socketPath, allowHalfOpen: true });
  client.pipe(proxy);
  proxy.pipe(client);
  for (const socket of [client, proxy]) socket.on('error', () => undefined);
  client.once('close', () => proxy.destroy());
  proxy.once('close', () => client.destroy());
});

/** @type {import('node:child_process').ChildProcess | null} */
let child = null;
// A program that is asked to end may use the network until it does; what kills the program kills the bridge.
/** @type {NodeJS.Signals[]} */
const passed = ['SIGTERM', 'SIGINT', 'SIGHUP'];
for (const signal of passed) process.on(signal, () => child?.kill(signal));

/** @param {string} argv0 */
const start = (argv0) => {
  child = spawn(argv0, rest, { stdio: 'inherit' });
  child.once('error', ({ message }) => {
    process.stderr.write(`${message}\n`);
    process.exit(127);
  });
  // As a shell says it.
  child.once('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]));
};

if (kind === 'fd') server.listen({ fd: Number(number) });
else server.listen(Number(number), '127.0.0.1', () => start(program ?? ''));
