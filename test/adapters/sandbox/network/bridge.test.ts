import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { OpenedNetwork } from '../../../../src/adapters/platform/program-starter.js';
import { createBridge, createNetworkOpener } from '../../../../src/adapters/sandbox/network/open-network.js';
import { type SmallInternet, startSmallInternet } from '../../../support/small-internet.js';
import { resolvesTo } from './proxy-site.js';

const API = 'api.example.com';
/** A network of its own, processes of its own; the files are not what these tests are about. */
const BOX = ['--unshare-all', '--die-with-parent', '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--'];
let internet: SmallInternet;

beforeAll(async () => {
  internet = await startSmallInternet();
});
afterAll(() => internet.close());

async function openNetwork(): Promise<OpenedNetwork> {
  const open = createNetworkOpener({ proxyFor: () => null, resolve: resolvesTo() });
  const hosts = [API, '127.0.0.1'].flatMap((host) => [`${host}:${internet.tlsPort}`, `${host}:${internet.httpPort}`]);
  const network = await open(hosts, { argv: [], env: {}, cwd: '/' });
  onTestFinished(async () => {
    await network.close().catch(() => undefined);
  });
  return network;
}

/** The ways into a box: with Perl, which listens first, and on a machine without it. */
const WAYS = [
  ['with perl', (network: OpenedNetwork) => network.relay],
  ['without perl', (network: OpenedNetwork) => createBridge(network.socket, [], { port: 3128, perl: null }).relay],
] as const;

describe.skipIf(!existsSync('/usr/bin/bwrap'))('bridge', () => {
  describe.each(WAYS)('%s', (_, relayOf) => {
    const run = (network: OpenedNetwork, argv: readonly string[], input = '') =>
      execa('bwrap', [...BOX, ...relayOf(network), ...argv], {
        env: { ...network.env, PATH: process.env.PATH, CURL_CA_BUNDLE: internet.certificateFile },
        extendEnv: false,
        input,
        reject: false,
      });

    test('bridge: a program reaches a listed host at once, and no other', async () => {
      const network = await openNetwork();
      const listed = await run(network, ['curl', '-sS', `https://${API}:${internet.tlsPort}/v1`]);
      const plain = await run(network, ['curl', '-sS', `http://${API}:${internet.httpPort}/v2`]);
      const other = await run(network, ['curl', '-sS', 'https://other.example.com/']);
      expect(listed).toMatchObject({ stdout: 'hello from /v1', exitCode: 0 });
      expect(plain).toMatchObject({ stdout: 'hello from /v2', exitCode: 0 });
      expect(other.exitCode).toBe(56);
      expect(other.stderr).toContain('403');
      expect((await network.close()).requests).toMatchObject([
        { method: 'connect', host: API, port: internet.tlsPort, allowed: true },
        { method: 'http', host: API, port: internet.httpPort, allowed: true },
        { method: 'connect', host: 'other.example.com', port: 443, allowed: false, reason: 'host_not_listed' },
      ]);
    });

    test('bridge: passes input, output, arguments and the end of the program', async () => {
      const network = await openNetwork();
      const script = 'cat; echo "$1" >&2; exit 7';
      expect(await run(network, ['sh', '-c', script, 'sh', 'two words'], 'from stdin')).toMatchObject({
        stdout: 'from stdin',
        stderr: 'two words',
        exitCode: 7,
      });
      expect((await run(network, ['sh', '-c', 'kill -9 $$'])).exitCode).toBe(137);
      expect((await run(network, ['no-such-program'])).exitCode).toBe(127);
    });

    test('bridge: there is no way around the proxy', async () => {
      const network = await openNetwork();
      const [onPort, onName] = [createServer(), createServer()];
      await once(onPort.listen(0, '127.0.0.1'), 'listening');
      const { port } = onPort.address() as AddressInfo;
      await once(onName.listen(`\0promptos-test-${port}`), 'listening');
      onTestFinished(() => void [onPort, onName].map((server) => server.close()));
      const program = `
        const { connect } = require('node:net');
        const { createSocket } = require('node:dgram');
        const dns = require('node:dns');
        const outcome = (start) => new Promise((resolve) => start((error) => resolve(error ? error.code : 'reached')));
        const tcp = (options) => outcome((done) => connect(options, () => done()).once('error', done));
        const udp = outcome((done) => createSocket('udp4').send('x', 53, '8.8.8.8', done));
        const query = outcome((done) => new dns.Resolver({ timeout: 300, tries: 1 }).resolve4('${API}', done));
        const name = outcome((done) => dns.lookup('${API}', done));
        Promise.all([tcp({ host: '1.1.1.1', port: 443 }), tcp({ host: '169.254.169.254', port: 80 }),
          tcp({ host: '127.0.0.1', port: ${port} }), tcp({ host: '::1', port: ${port} }),
          tcp({ path: '\\0promptos-test-${port}' }), udp, query, name]).then((all) => { console.log(all.join(' ')); process.exit(); });
      `;
      const { stdout, stderr } = await run(network, ['node', '--disable-warning=UNDICI-EHPA', '-e', program]);
      expect(stderr).toBe('');
      const [outside, metadata, ownPort, ownPort6, abstract, datagram, query, name] = stdout.split(' ');
      expect([outside, metadata, datagram]).toEqual(['ENETUNREACH', 'ENETUNREACH', 'ENETUNREACH']);
      expect([ownPort, abstract]).toEqual(['ECONNREFUSED', 'ECONNREFUSED']);
      for (const code of [ownPort6, query, name]) expect(code).toMatch(/^E/);
    });

    test('bridge: a program that kills it harms itself alone', async () => {
      const network = await openNetwork();
      const kill = `for p in /proc/[0-9]*; do grep -qs proxy.sock "$p/cmdline" && [ "$p" != "/proc/$$" ] && kill -9 "\${p#/proc/}"; done`;
      const script = `${kill}; curl -s http://${API}:${internet.httpPort}/ || echo "curl $?"`;
      const killed = await run(network, ['sh', '-c', script]);
      // Refused, or cut off when the connection was waiting in the queue; without Perl the program ends too.
      expect(`${killed.stdout} exit ${killed.exitCode}`).toMatch(/^curl (?:7|52|56) exit 0$| exit (?!0)\d+$/);
      const next = await run(network, ['curl', '-sS', `https://${API}:${internet.tlsPort}/next`]);
      expect(next.stdout).toBe('hello from /next');
    });

    test('bridge: ends with the program, and a program that waits for its children does not wait for it', async () => {
      const network = await openNetwork();
      const { exitCode } = await run(network, ['sh', '-c', 'sleep 0 & wait']);
      const { stdout } = await execa('ps', ['-eo', 'args']);
      expect(exitCode).toBe(0);
      expect(stdout).not.toContain(network.socket);
    });
  });

  test('bridge: many connections at a time pass, large bodies too', async () => {
    const network = await openNetwork();
    const script = `head -c 3000000 /dev/zero > "$TMPDIR/body"; for i in 1 2 3 4 5 6 7 8 9 10; do
      curl -sS -X POST --data-binary @"$TMPDIR/body" http://${API}:${internet.httpPort}/ & done; wait`;
    const { stdout } = await execa(
      'bwrap',
      [
        ...BOX.slice(0, -1),
        '--tmpfs',
        '/tmp',
        '--ro-bind',
        network.socket,
        network.socket,
        '--',
        ...network.relay,
        'sh',
        '-c',
        script,
      ],
      {
        env: { ...network.env, PATH: process.env.PATH, TMPDIR: '/tmp' },
        extendEnv: false,
      },
    );
    expect(stdout.match(/hello from \//g)).toHaveLength(10);
    expect(internet.received.filter(({ body }) => body.length === 3_000_000)).toHaveLength(10);
  });
});

test('bridge: a server in the box is reached directly, unless the list names that of the worker', () => {
  const variables = (...hosts: string[]) => createBridge('/proxy.sock', hosts, { port: 4000, perl: null }).env;
  expect(variables(API)).toMatchObject({
    HTTPS_PROXY: 'http://127.0.0.1:4000',
    https_proxy: 'http://127.0.0.1:4000',
    NO_PROXY: 'localhost,127.0.0.1,::1',
  });
  expect(variables(API, 'localhost:8080')).toMatchObject({ no_proxy: '127.0.0.1,::1' });
});
