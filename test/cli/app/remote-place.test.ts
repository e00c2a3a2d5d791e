import { expect, test } from 'vitest';
import { remotePlace } from '../../../src/cli/app/this-repository.js';

test('remotePlace: the addresses of one repository by ssh, https and git give the same', () => {
  const addresses = [
    'git@git.example.org:acme/shop.git',
    'git.example.org:acme/shop',
    'ssh://git@git.example.org:2222/acme/shop.git',
    'https://git.example.org/acme/shop.git/',
    'https://ada:token@GIT.example.org/acme/shop',
    'git://git.example.org/acme/shop.git',
  ];
  expect(new Set(addresses.map(remotePlace))).toEqual(new Set(['git.example.org/acme/shop']));
});

test('remotePlace: another host, another path and a path without a host differ', () => {
  const addresses = ['https://git.example.org/acme/shop', 'https://git.example.com/acme/shop', 'git@x.org:a/shop'];
  const paths = ['/srv/acme/shop.git', 'C:/acme/shop'];
  expect(new Set([...addresses, ...paths].map(remotePlace)).size).toBe(5);
  expect(paths.map(remotePlace)).toEqual(['/srv/acme/shop', 'C:/acme/shop']);
});
