import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startConnectProxy } from '../../../support/connect-proxy.js';
import { type SmallInternet, startSmallInternet } from '../../../support/small-internet.js';
import { helloFor, withExtension } from './made-hello.js';
import { openProxySite, resolvesTo } from './proxy-site.js';

const API = 'api.example.com';
let internet: SmallInternet;

beforeAll(async () => {
  internet = await startSmallInternet();
});
beforeEach(() => internet.received.splice(0));
afterAll(() => internet.close());

/** A site whose list has the two servers, by name and by the address that the name has in these tests. */
const openSite = (...more: Parameters<typeof openProxySite>[1][]) =>
  openProxySite(
    [`${API}:${internet.tlsPort}`, `${API}:${internet.httpPort}`].concat([
      `127.0.0.1:${internet.tlsPort}`,
      `127.0.0.1:${internet.httpPort}`,
    ]),
    more[0],
  );

describe('TLS by CONNECT', () => {
  test('allow proxy: a listed host is reached, and the request is written down', async () => {
    const site = await openSite();
    const authority = `${API}:${internet.tlsPort}`;
    expect(await site.askByTls(authority, { servername: API, ca: internet.certificate })).toContain(
      'hello from /models',
    );
    expect(await site.askByTls(authority, { servername: API, ca: internet.certificate })).toContain('hello');
    expect((await site.proxy.close()).requests).toEqual([
      { method: 'connect', host: API, port: internet.tlsPort, allowed: true, reason: null, count: 2 },
    ]);
  });

  test.each([
    ['a host that is not listed', 'other.example.com', 'tls', 'host_not_listed'],
    ['another port of a listed host', API, 22, 'port_not_listed'],
    ['an address that is not listed', '127.0.0.2', 'tls', 'host_not_listed'],
    ['a name below a listed one', `evil.${API}`, 'tls', 'host_not_listed'],
    ['a name that begins as a listed one', `${API}.evil.test`, 'tls', 'host_not_listed'],
    ['the metadata of a cloud', '169.254.169.254', 80, 'host_not_listed'],
  ])('allow proxy: refuses %s', async (_, host, given, reason) => {
    const site = await openSite();
    const port = given === 'tls' ? internet.tlsPort : Number(given);
    const answer = await site.askByTls(`${host}:${port}`, { servername: API, ca: internet.certificate });
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(answer).toContain(`${host}:${port}: ${reason}`);
    expect((await site.proxy.close()).requests).toEqual([
      { method: 'connect', host, port, allowed: false, reason, count: 1 },
    ]);
    expect(internet.received).toEqual([]);
  });

  test.each([
    ['another server name (domain fronting)', { servername: 'other.example.com' }, 'other_server_name'],
    ['no server name', { servername: '' }, 'other_server_name'],
  ])('allow proxy: refuses a tunnel to a listed host with %s', async (_, options, reason) => {
    const site = await openSite();
    const authority = `${API}:${internet.tlsPort}`;
    const answer = await site.askByTls(authority, { ...options, rejectUnauthorized: false });
    expect(answer).toMatch(/unrecognized name|closed|disconnected/i);
    expect((await site.proxy.close()).requests).toMatchObject([{ host: API, allowed: false, reason }]);
    expect(internet.received).toEqual([]);
  });

  test('allow proxy: refuses a tunnel whose server name has an encrypted one beside it', async () => {
    const site = await openSite();
    const hello = withExtension(await helloFor(API), 0xfe0d, Buffer.from([0]));
    const head = Buffer.from(`CONNECT ${API}:${internet.tlsPort} HTTP/1.1\r\n\r\n`);
    await site.send(Buffer.concat([head, hello]));
    expect((await site.proxy.close()).requests).toMatchObject([{ allowed: false, reason: 'encrypted_server_name' }]);
  });

  test('allow proxy: refuses bytes in a tunnel that are neither TLS nor a request', async () => {
    const site = await openSite();
    const authority = `${API}:${internet.tlsPort}`;
    const answer = await site.send(`CONNECT ${authority} HTTP/1.1\r\n\r\nSSH-2.0-client\r\n`);
    expect(answer).toContain('HTTP/1.1 400 Bad Request');
    expect((await site.proxy.close()).requests).toMatchObject([{ allowed: false, reason: 'malformed' }]);
  });

  test('allow proxy: lets nothing but TLS through on the port of TLS', async () => {
    const site = await openProxySite([API, '127.0.0.1'], { proxyFor: () => new URL(`http://127.0.0.1:${relay}`) });
    const answer = await site.send(`CONNECT ${API}:443 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: ${API}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).not.toContain('hello');
    expect((await site.proxy.close()).requests).toMatchObject([{ host: API, port: 443, reason: 'not_tls' }]);
  });
  let relay = 0;
  beforeAll(async () => {
    const proxy = await startConnectProxy(`127.0.0.1:${internet.httpPort}`);
    relay = Number(new URL(proxy.url).port);
    return () => proxy.close();
  });

  test.each([
    ['loopback', ['127.0.0.1']],
    ['loopback by IPv6', ['::1']],
    ['loopback, mapped', ['::ffff:127.0.0.1']],
    ['the metadata of a cloud', ['169.254.169.254']],
    ['a private network', ['10.1.2.3', '192.168.1.1', '172.20.0.1', 'fd00::1']],
    ['the unspecified address', ['0.0.0.0', '::']],
  ])('allow proxy: refuses a listed host that resolves to %s', async (_, addresses) => {
    const site = await openProxySite([API], { resolve: resolvesTo({ [API]: addresses }) });
    expect(await site.askByTls(`${API}:443`, { servername: API })).toContain(`${API}:443: address_not_public`);
    expect((await site.proxy.close()).requests).toMatchObject([{ allowed: false, reason: 'address_not_public' }]);
  });

  test('allow proxy: connects to the address that was judged, whatever the name resolves to afterwards', async () => {
    let asked = 0;
    const site = await openSite({
      resolve: async () => {
        asked += 1;
        return [{ address: asked === 1 ? '127.0.0.1' : '169.254.169.254', family: 4 }];
      },
    });
    const authority = `${API}:${internet.tlsPort}`;
    expect(await site.askByTls(authority, { servername: API, ca: internet.certificate })).toContain('hello');
    expect(asked).toBe(1);
  });

  test('allow proxy: of several addresses only the public and the listed ones are tried', async () => {
    const site = await openSite({ resolve: resolvesTo({ [API]: ['10.255.255.1', '127.0.0.1'] }) });
    const authority = `${API}:${internet.tlsPort}`;
    expect(await site.askByTls(authority, { servername: API, ca: internet.certificate })).toContain('hello');
  });

  test('allow proxy: a listed host that is not resolved, and one that is not reached, are no refusals', async () => {
    const site = await openProxySite([API, 'localhost:9'], {
      resolve: (host) => (host === API ? Promise.reject(new Error('ENOTFOUND')) : resolvesTo()(host)),
    });
    expect(await site.askByTls(`${API}:443`, {})).toMatch(/^HTTP\/1\.1 502 /);
    expect(await site.askByTls('localhost:9', {})).toMatch(/^HTTP\/1\.1 502 /);
    expect((await site.proxy.close()).requests).toMatchObject([
      { host: API, allowed: true, reason: 'not_resolved' },
      { host: 'localhost', allowed: true, reason: 'not_reached' },
    ]);
  });
});

describe('requests in the clear', () => {
  const get = (target: string, ...headers: string[]) =>
    `GET ${target} HTTP/1.1\r\n${[...headers, 'Connection: close'].join('\r\n')}\r\n\r\n`;

  test('allow proxy: a host that is listed with its port is reached', async () => {
    const site = await openSite();
    const authority = `${API}:${internet.httpPort}`;
    const answer = await site.send(get(`http://${authority}/a?b=c`, `Host: ${authority}`, 'Proxy-Authorization: x'));
    expect(answer).toContain('hello from /a?b=c');
    expect(internet.received).toMatchObject([{ url: '/a?b=c', host: authority }]);
    expect(internet.received[0]?.headers).not.toContain('Proxy-Authorization');
    expect((await site.proxy.close()).requests).toEqual([
      { method: 'http', host: API, port: internet.httpPort, allowed: true, reason: null, count: 1 },
    ]);
  });

  test('allow proxy: bodies pass with a length and in chunks', async () => {
    const site = await openSite();
    const authority = `${API}:${internet.httpPort}`;
    const head = `http://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\nConnection: close\r\n`;
    await site.send(`POST ${head}Content-Length: 5\r\n\r\nfirst`);
    await site.send(`POST ${head}Transfer-Encoding: chunked\r\n\r\n6\r\nsecond\r\n0\r\n\r\n`);
    // A GET with a body that is a request: it stays a body.
    const smuggled = `GET /smuggled HTTP/1.1\r\nHost: other.example.com\r\n\r\n`;
    const chunk = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;
    await site.send(`GET ${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`);
    expect(internet.received.map(({ body }) => body)).toEqual(['first', 'second', smuggled]);
  });

  test('allow proxy: a request in the clear may come through a tunnel, as node sends it', async () => {
    const site = await openSite();
    const authority = `${API}:${internet.httpPort}`;
    const ask = (host: string) =>
      site.send(`CONNECT ${authority} HTTP/1.1\r\n\r\n${get('/in-tunnel', `Host: ${host}`)}`);
    expect(await ask(authority)).toContain('hello from /in-tunnel');
    expect(await ask('other.example.com')).toContain('other_host_header');
    expect(internet.received).toMatchObject([{ url: '/in-tunnel', host: authority }]);
    const nested = await site.send(`CONNECT ${authority} HTTP/1.1\r\n\r\nCONNECT ${authority} HTTP/1.1\r\n\r\n`);
    expect(nested).toBe('HTTP/1.1 200 Connection established\r\n\r\n');
  });

  test.each([
    ['a host that is not listed', 'http://other.example.com/', 'other.example.com', 'host_not_listed'],
    ['a host that is listed for TLS alone', `http://tls.example.com/`, 'tls.example.com', 'port_not_listed'],
    ['the port of TLS', 'http://tls.example.com:443/', 'tls.example.com:443', 'not_tls'],
    ['a URL with credentials', `http://${API}@other.example.com/`, API, 'malformed'],
    ['a URL of another kind', 'https://other.example.com/', API, 'malformed'],
    ['a path without a host', '/', API, 'malformed'],
    ['an address in disguise', 'http://0x7f000001/', '0x7f000001', 'malformed'],
    ['a short address', 'http://127.1/', '127.1', 'malformed'],
    ['an address of IPv6', 'http://[::1]/', '[::1]', 'malformed'],
  ])('allow proxy: refuses %s', async (_, target, host, reason) => {
    const site = await openProxySite(['tls.example.com', `${API}:80`, '127.0.0.1:80']);
    expect(await site.send(get(target, `Host: ${host}`))).toMatch(/^HTTP\/1\.1 40[03] /);
    expect((await site.proxy.close()).requests).toMatchObject([{ method: 'http', allowed: false, reason }]);
  });

  test.each([
    ['another Host header', ['Host: other.example.com'], 'other_host_header'],
    ['two Host headers', [`Host: ${API}`, 'Host: other.example.com'], 'other_host_header'],
    ['two lengths', [`Host: ${API}`, 'Content-Length: 1', 'Content-Length: 2'], 'malformed'],
    ['a length and chunks', [`Host: ${API}`, 'Content-Length: 1', 'Transfer-Encoding: chunked'], 'malformed'],
    ['another coding', [`Host: ${API}`, 'Transfer-Encoding: gzip, chunked'], 'malformed'],
    ['a folded header', [`Host: ${API}`, 'X: a\r\n b'], 'malformed'],
    ['a space before the colon', [`Host : ${API}`], 'malformed'],
    ['a bare line feed', [`Host: ${API}\nX: a`], 'malformed'],
    ['a long head', [`Host: ${API}`, `X: ${'a'.repeat(40_000)}`], 'head_too_long'],
  ])('allow proxy: refuses a request with %s', async (_, headers, reason) => {
    const site = await openProxySite([`${API}:80`]);
    expect(await site.send(get(`http://${API}/`, ...headers))).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect((await site.proxy.close()).requests).toMatchObject([{ allowed: false, reason }]);
  });
});

describe('bytes and connections', () => {
  test.each([
    ['bytes that are no request', Buffer.from([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5])],
    ['a CONNECT without a port', `CONNECT ${API} HTTP/1.1\r\n\r\n`],
    ['a CONNECT to port 0', `CONNECT ${API}:0 HTTP/1.1\r\n\r\n`],
    ['a CONNECT with a path', `CONNECT ${API}:443/x HTTP/1.1\r\n\r\n`],
  ])('allow proxy: refuses %s', async (_, bytes) => {
    const site = await openProxySite([API]);
    expect(await site.send(bytes)).toMatch(/^HTTP\/1\.1 400 /);
    expect((await site.proxy.close()).requests).toMatchObject([{ allowed: false, reason: 'malformed' }]);
  });

  test('allow proxy: refuses a CONNECT whose Host header names another host', async () => {
    const site = await openProxySite([API]);
    expect(await site.send(`CONNECT ${API}:443 HTTP/1.1\r\nHost: other.example.com\r\n\r\n`)).toContain(
      'other_host_header',
    );
  });

  test('allow proxy: a client that goes before its first byte in a tunnel is no refusal, and leaves no connection', async () => {
    const site = await openSite();
    const socket = site.connect();
    socket.write(`CONNECT ${API}:${internet.tlsPort} HTTP/1.1\r\n\r\n`);
    await once(socket, 'data');
    socket.destroy();
    await expect.poll(() => internet.openConnections()).toBe(0);
    expect((await site.proxy.close()).requests).toMatchObject([{ host: API, allowed: true, reason: null }]);
  });

  test('allow proxy: a client that goes while its host is resolved leaves no connection', async () => {
    const waiting: (() => void)[] = [];
    const site = await openSite({
      resolve: async () => {
        await new Promise<void>((resolve) => waiting.push(resolve));
        return [{ address: '127.0.0.1', family: 4 }];
      },
    });
    const plain = `http://${API}:${internet.httpPort}/`;
    for (const head of [
      `CONNECT ${API}:${internet.tlsPort} HTTP/1.1\r\n\r\n`,
      `GET ${plain} HTTP/1.1\r\nHost: ${API}:${internet.httpPort}\r\n\r\n`,
    ]) {
      const socket = site.connect();
      socket.write(head);
      await expect.poll(() => waiting).toHaveLength(1);
      socket.destroy();
      await sleep(50);
      waiting.pop()?.();
      await sleep(50);
      await expect.poll(() => internet.openConnections()).toBe(0);
    }
    expect(internet.received).toEqual([]);
  });

  test('allow proxy: one that is closed while a host is resolved leaves no connection', async () => {
    const waiting: (() => void)[] = [];
    const site = await openSite({
      resolve: async () => {
        await new Promise<void>((resolve) => waiting.push(resolve));
        return [{ address: '127.0.0.1', family: 4 }];
      },
    });
    const answer = site.send(`CONNECT ${API}:${internet.tlsPort} HTTP/1.1\r\n\r\n`);
    await expect.poll(() => waiting).toHaveLength(1);
    await site.proxy.close();
    waiting.pop()?.();
    expect(await answer).toBe('');
    await sleep(100);
    await expect.poll(() => internet.openConnections()).toBe(0);
  });

  test('allow proxy: takes 256 connections at a time', async () => {
    const site = await openSite();
    const open = Array.from({ length: 300 }, () => site.connect());
    for (const socket of open) socket.on('error', () => undefined);
    await sleep(300);
    const { requests } = await site.proxy.close();
    expect(requests).toEqual([
      { method: null, host: null, port: null, allowed: false, reason: 'too_many_connections', count: 44 },
    ]);
  });

  test('allow proxy: different requests beyond the two hundredth are counted', async () => {
    const site = await openProxySite([API]);
    for (let number = 0; number < 203; number += 1) {
      await site.send(`GET http://h${number}.test/ HTTP/1.1\r\nHost: h${number}.test\r\n\r\n`);
    }
    const log = await site.proxy.close();
    expect(log.requests).toHaveLength(200);
    expect(log).toMatchObject({ schema_version: 1, hosts: [API], refused_omitted: 3, allowed_omitted: 0 });
  });
});

describe("the worker's own proxy", () => {
  test('allow proxy: a tunnel goes through the proxy that the worker has to use, with its credentials', async () => {
    const company = await startConnectProxy(`127.0.0.1:${internet.tlsPort}`);
    const proxy = new URL(company.url);
    [proxy.username, proxy.password] = ['worker', 'p%40ss'];
    const site = await openProxySite([API], {
      proxyFor: (protocol) => (protocol === 'https' ? proxy : null),
      resolve: () => Promise.reject(new Error('only the proxy resolves')),
    });
    expect(await site.askByTls(`${API}:443`, { servername: API, ca: internet.certificate })).toContain('hello');
    const refused = await site.askByTls('other.example.com:443', {});
    company.close();
    expect(company.asked).toEqual([
      { target: `${API}:443`, authorization: `Basic ${Buffer.from('worker:p@ss').toString('base64')}` },
    ]);
    expect(refused).toContain('host_not_listed');
  });

  test('allow proxy: a request in the clear names the host to the proxy that the worker has to use', async () => {
    const proxy = new URL(`http://127.0.0.1:${internet.httpPort}`);
    const site = await openProxySite([`${API}:80`], { proxyFor: () => proxy });
    await site.send(`GET http://${API}/x HTTP/1.1\r\nHost: ${API}\r\nConnection: close\r\n\r\n`);
    expect(internet.received).toMatchObject([{ url: `http://${API}/x`, host: API }]);
  });
});
