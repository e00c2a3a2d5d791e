import { expect, test } from 'vitest';
import { type NetworkAccess, networkBeyond } from '../../../src/contracts/network-access.js';
import { setupSchema, setupVariables } from '../../../src/contracts/policy/policy-setup.js';

const hosts = (...names: string[]): NetworkAccess => ({ hosts: names });

test.each<[NetworkAccess, NetworkAccess, readonly string[]]>([
  ['none', 'none', []],
  ['full', 'full', []],
  [hosts('a.example'), 'full', []],
  [hosts('a.example', 'b.example'), hosts('a.example'), ['b.example']],
  [hosts('a.example'), 'none', ['a.example']],
  ['full', hosts('a.example'), ['full']],
  [hosts('x.a.example'), hosts('*.a.example'), []],
  [hosts('*.x.a.example'), hosts('*.a.example'), []],
  [hosts('a.example'), hosts('*.a.example'), ['a.example']],
  [hosts('xa.example'), hosts('*.a.example'), ['xa.example']],
  [hosts('*.a.example'), hosts('a.example'), ['*.a.example']],
  [hosts('a.example:443'), hosts('a.example'), []],
  [hosts('a.example:8443'), hosts('a.example'), ['a.example:8443']],
])('networkBeyond: of %j under %j, %j is not granted', (asked, granted, beyond) => {
  expect(networkBeyond(asked, granted)).toEqual(beyond);
});

const command = (more: object = {}) => ({ argv: ['npm', 'ci'], key_files: ['package.json'], ...more });

test.each([
  ['a name that is a number', { 1: command() }],
  ['no key file', { npm: command({ key_files: [] }) }],
  ['the variable PATH', { npm: command({ env: { PATH: '/x' } }) }],
  ["a variable of the engine's", { npm: command({ env: { promptos_gate: 'P00' } }) }],
])('setup: refuses %s', (_, setup) => {
  expect(setupSchema.safeParse(setup).success).toBe(false);
});

test('setupVariables: a cache may be named, {checkout} is filled in, and a later command wins', () => {
  const setup = setupSchema.parse({
    go: command({ env: { GOMODCACHE: '{checkout}/.setup/go', A: 'first' } }),
    npm: command({ env: { A: 'second {checkout} {checkout}' } }),
  });
  expect(setupVariables(setup, '/tmp/shop')).toEqual({
    GOMODCACHE: '/tmp/shop/.setup/go',
    A: 'second /tmp/shop /tmp/shop',
  });
});
