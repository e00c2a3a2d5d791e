import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** Every IPv4 range that is not of the public internet, by the registry of special-purpose addresses (RFC 6890). */
const SPECIAL_IPV4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  // Multicast, reserved, broadcast.
  ['224.0.0.0', 3],
] as const;

/** Of IPv6 only 2000::/3 is public, without what it holds of documentation, benchmarks and Teredo. */
const SPECIAL_IPV6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['3fff::', 20],
] as const;

const special = new BlockList();
for (const [network, bits] of SPECIAL_IPV4) special.addSubnet(network, bits, 'ipv4');
const special6 = new BlockList();
for (const [network, bits] of SPECIAL_IPV6) special6.addSubnet(network, bits, 'ipv6');
const unicast6 = new BlockList();
unicast6.addSubnet('2000::', 3, 'ipv6');

/** The eight groups of an IPv6 address, or null. */
function groupsOf(address: string): readonly number[] | null {
  // A zone, as in "fe80::1%eth0", is of this machine's networks alone.
  if (!isIPv6(address) || address.includes('%')) return null;
  // A URL has it in the shortest form, with an embedded IPv4 address in hexadecimal.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const read = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const before = read(head);
  const after = tail === undefined ? [] : read(tail);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

/** The IPv4 address that an IPv6 address leads to: mapped, compatible, translated (NAT64) or by 6to4. */
function embeddedIpv4(groups: readonly number[]): string | null {
  const dotted = (high = 0, low = 0) => [high >> 8, high & 255, low >> 8, low & 255].join('.');
  const [first, second] = groups;
  if (first === 0x2002) return dotted(second, groups[2]);
  const zeroes = (from: number, to: number) => groups.slice(from, to).every((group) => group === 0);
  const mapped = zeroes(0, 5) && (groups[5] === 0xffff || groups[5] === 0);
  const translated = first === 0x64 && second === 0xff9b && zeroes(2, 6);
  return mapped || translated ? dotted(groups[6], groups[7]) : null;
}

/** Whether an address is one of the public internet: not of this machine, its network, a cloud's metadata or a multicast. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !special.check(address, 'ipv4');
  const groups = groupsOf(address);
  if (groups === null) return false;
  const embedded = embeddedIpv4(groups);
  if (embedded !== null) return isPublicAddress(embedded);
  return unicast6.check(address, 'ipv6') && !special6.check(address, 'ipv6');
}
