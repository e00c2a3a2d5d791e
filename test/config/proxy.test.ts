import { describe, expect, test } from 'vitest';
import {
  clientRoute,
  isLoopback,
  type ProxiedProtocol,
  proxyFor,
  temporalProxy,
  withDirectLoopback,
  workerRoute,
} from '../../src/config/proxy.js';

const PROXY = 'http://proxy.example:3128';
const through = (variables: Record<string, string>, host = 'temporal.example', protocol: ProxiedProtocol = 'https') =>
  proxyFor(variables, protocol, host, 443)?.href ?? null;

describe('proxyFor: variables', () => {
  test.each([
    ['https', 'https_proxy'],
    ['https', 'HTTPS_PROXY'],
    ['https', 'all_proxy'],
    ['https', 'ALL_PROXY'],
    ['http', 'http_proxy'],
    ['http', 'HTTP_PROXY'],
    ['grpc', 'grpc_proxy'],
    ['grpc', 'HTTPS_PROXY'],
    ['grpc', 'http_proxy'],
    ['grpc', 'ALL_PROXY'],
  ] as const)('%s goes through %s', (protocol, name) => {
    expect(through({ [name]: PROXY }, undefined, protocol)).toBe(`${PROXY}/`);
  });

  test('the proxy of another protocol is not taken', () => {
    expect(through({ http_proxy: PROXY, grpc_proxy: PROXY })).toBeNull();
  });

  test('the lower case wins, and an empty variable counts as not set', () => {
    expect(through({ https_proxy: PROXY, HTTPS_PROXY: 'http://other.example' })).toBe(`${PROXY}/`);
    expect(through({ https_proxy: '', HTTPS_PROXY: PROXY })).toBe(`${PROXY}/`);
    expect(through({ https_proxy: '', HTTPS_PROXY: '' })).toBeNull();
  });

  test('a host and port without a scheme is an http proxy', () => {
    expect(through({ https_proxy: 'proxy.example:3128' })).toBe(`${PROXY}/`);
  });

  test('a proxy that cannot be used is ENVIRONMENT_INVALID, and its password is not repeated', () => {
    const read = () => through({ https_proxy: 'socks5://me:hidden@proxy.example' }, undefined, 'grpc');
    expect(read).toThrow(expect.objectContaining({ code: 'ENVIRONMENT_INVALID' }));
    expect(read).toThrow(/^https_proxy: expected an http:\/\/ proxy for temporal\.example:443, received .*socks5:/);
    expect(read).not.toThrow(/hidden/);
    expect(() => through({ https_proxy: 'http://[' })).toThrow('no URL');
  });

  test('all_proxy of another kind is for other programs', () => {
    expect(through({ all_proxy: 'socks5://proxy.example' })).toBeNull();
  });
});

describe('proxyFor: direct connections', () => {
  test.each(['localhost', 'LOCALHOST.', 'a.localhost', '127.0.0.1', '127.8.9.10', '::1', '[::1]', '::ffff:127.0.0.1'])(
    'loopback is never proxied: %s',
    (host) => {
      expect(isLoopback(host)).toBe(true);
      expect(through({ https_proxy: PROXY }, host)).toBeNull();
      expect(through({ grpc_proxy: PROXY }, host, 'grpc')).toBeNull();
    },
  );

  test.each(['localhost.example', 'notlocalhost', '128.0.0.1', '::2', '127.0.0.1.example'])(
    '%s is not loopback',
    (host) => {
      expect(through({ https_proxy: PROXY }, host)).toBe(`${PROXY}/`);
    },
  );

  test.each([
    ['*', 'temporal.example'],
    ['example', 'temporal.example'],
    ['.example', 'temporal.example'],
    ['*.example', 'temporal.example'],
    ['Temporal.Example', 'temporal.example'],
    ['a, temporal.example', 'temporal.example'],
    ['a temporal.example', 'temporal.example'],
    ['temporal.example:443', 'temporal.example'],
    ['10.1.2.3', '10.1.2.3'],
    ['10.0.0.0/8', '10.1.2.3'],
    ['fd00::/8', '[fd00::1]'],
    ['[fd00::1]:443', 'fd00::1'],
  ])('no_proxy "%s" excepts %s, in either case of the variable', (list, host) => {
    expect(through({ https_proxy: PROXY, no_proxy: list }, host)).toBeNull();
    expect(through({ https_proxy: PROXY, NO_PROXY: list }, host)).toBeNull();
  });

  test.each([
    ['ample', 'temporal.example'],
    ['temporal.example:80', 'temporal.example'],
    ['10.0.0.0/16', '10.1.2.3'],
    ['10.0.0.0/99', '10.1.2.3'],
    ['0.3', '10.1.0.3'],
    ['', 'temporal.example'],
  ])('no_proxy "%s" does not except %s', (list, host) => {
    expect(through({ https_proxy: PROXY, no_proxy: list }, host)).toBe(`${PROXY}/`);
  });

  test('no_grpc_proxy goes before no_proxy, for Temporal alone', () => {
    const variables = { https_proxy: PROXY, no_proxy: 'temporal.example', no_grpc_proxy: 'other.example' };
    expect(through(variables, undefined, 'grpc')).toBe(`${PROXY}/`);
    expect(through(variables)).toBeNull();
  });
});

test('withDirectLoopback: adds loopback to what is listed, under both names', () => {
  expect(withDirectLoopback({ NO_PROXY: 'a.example', PATH: '/bin' })).toEqual({
    PATH: '/bin',
    no_proxy: 'a.example,localhost,127.0.0.1,::1',
    NO_PROXY: 'a.example,localhost,127.0.0.1,::1',
  });
  expect(withDirectLoopback({}).no_proxy).toBe('localhost,127.0.0.1,::1');
  expect(withDirectLoopback({ no_proxy: '*' })).toEqual({ no_proxy: '*', NO_PROXY: '*' });
});

describe('temporalProxy', () => {
  test.each([
    ['temporal.example', 'temporal.example:7233'],
    ['temporal.example:80', 'temporal.example:80'],
    ['[fd00::1]:7233', '[fd00::1]:7233'],
  ])('the route to %s', (address, target) => {
    const proxy = temporalProxy({ https_proxy: 'http://me:pass%40word@proxy.example' }, address);
    expect(clientRoute(address, proxy)).toEqual({
      address: 'proxy.example:80',
      channelArgs: {
        'grpc.enable_http_proxy': 0,
        'grpc.http_connect_target': `dns:${target}`,
        'grpc.default_authority': target,
        'grpc.http_connect_creds': 'me:pass@word',
      },
    });
    expect(workerRoute(proxy)).toEqual({
      proxy: {
        type: 'http-connect',
        targetHost: 'proxy.example:80',
        basicAuth: { username: 'me', password: 'pass@word' },
      },
    });
  });

  test.each(['127.0.0.1:7233', 'localhost', '[::1]:7233'])('%s is reached directly', (address) => {
    expect(temporalProxy({ https_proxy: PROXY }, address)).toBeNull();
  });
});
