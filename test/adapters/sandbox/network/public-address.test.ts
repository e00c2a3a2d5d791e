import { expect, test } from 'vitest';
import { isPublicAddress } from '../../../../src/adapters/sandbox/network/dial.js';

test.each(['1.1.1.1', '8.8.8.8', '172.15.255.255', '172.32.0.1', '223.255.255.255', '2606:4700::1111', '2a00:1450::1'])(
  'isPublicAddress: %s is',
  (address) => {
    expect(isPublicAddress(address)).toBe(true);
  },
);

test.each([
  ...['127.0.0.1', '127.255.255.254', '0.0.0.0', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1'],
  ...['169.254.169.254', '100.64.0.1', '192.0.0.8', '198.18.0.1', '224.0.0.1', '239.1.1.1', '240.0.0.1'],
  ...['255.255.255.255', '::', '::1', 'fe80::1', 'fe80::1%eth0', 'fec0::1', 'fc00::1', 'fd00:ec2::254', 'ff02::1'],
  // Mapped, compatible, translated, 6to4, Teredo, documentation.
  ...['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:169.254.169.254', '::127.0.0.1', '64:ff9b::a9fe:a9fe'],
  ...['2002:7f00:1::', '2002:a00:1::', '2001:0:1::1', '2001:db8::1', 'no address', '127.1', ''],
])('isPublicAddress: %s is not', (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test.each(['::ffff:1.1.1.1', '64:ff9b::101:101', '2002:101:101::'])(
  'isPublicAddress: %s leads to a public address of IPv4',
  (address) => {
    expect(isPublicAddress(address)).toBe(true);
  },
);
