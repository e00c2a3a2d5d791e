import { expect, test } from 'vitest';
import { createAllowList } from '../../../../src/adapters/sandbox/network/allow-list.js';

const list = createAllowList(['api.example.com', '*.example.org', 'local.test:8080', '*.a.b:80', '10.0.0.1:3000']);

test.each([
  ['api.example.com', 443, null],
  ['api.example.com', 80, 'port_not_listed'],
  ['x.api.example.com', 443, 'host_not_listed'],
  ['example.com', 443, 'host_not_listed'],
  ['api.example.com.evil.test', 443, 'host_not_listed'],
  ['one.example.org', 443, null],
  ['one.two.example.org', 443, null],
  ['example.org', 443, 'host_not_listed'],
  ['badexample.org', 443, 'host_not_listed'],
  ['local.test', 8080, null],
  ['local.test', 443, 'port_not_listed'],
  ['x.a.b', 80, null],
  ['10.0.0.1', 3000, null],
  ['10.0.0.1', 443, 'port_not_listed'],
  ['127.0.0.1', 443, 'host_not_listed'],
] as const)('allow-list: %s:%d gives %s', (host, port, refusal) => {
  expect(list.refusal({ host, port })).toBe(refusal);
});

test('allow-list: a private address is reached only where the list names it with this port, or localhost by that name', () => {
  const named = createAllowList(['localhost:8080', '10.0.0.1:3000', 'api.example.com:3000', '*.localhost:8080']);
  const reaches = (address: string, host: string, port: number) => named.namesAddress(address, { host, port });
  expect(reaches('127.0.0.1', 'localhost', 8080)).toBe(true);
  expect(reaches('::1', 'localhost', 8080)).toBe(true);
  expect(reaches('10.0.0.1', '10.0.0.1', 3000)).toBe(true);
  expect(reaches('10.0.0.1', 'api.example.com', 3000)).toBe(true);
  expect(reaches('10.0.0.1', 'api.example.com', 443)).toBe(false);
  expect(reaches('127.0.0.1', 'localhost', 443)).toBe(false);
  expect(reaches('10.0.0.2', 'localhost', 8080)).toBe(false);
  expect(reaches('127.0.0.1', 'x.localhost', 8080)).toBe(false);
  expect(reaches('169.254.169.254', 'api.example.com', 3000)).toBe(false);
});
