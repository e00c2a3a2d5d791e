import { z } from 'zod';

/** What a sandboxed program may reach of the network. */
export const networkAccessSchema = z
  .union([
    z.enum(['none', 'full']),
    z.strictObject({
      hosts: z
        .array(
          z
            .string()
            .regex(
              /^(?:\*\.)?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?$/,
              'expected a host such as "api.example.com", "*.example.com" or "api.example.com:8443"',
            ),
        )
        .min(1)
        .describe(
          'the hosts that may be reached: by TLS on port 443, or on the port that is named, where TLS is not required',
        ),
    }),
  ])
  .describe('what the program may reach of the network: "none", "full", or named hosts');
export type NetworkAccess = z.infer<typeof networkAccessSchema>;

/** The host of an address of HTTP as a list of hosts has it, with the port where it is not that of TLS. */
export function hostOfUrl({ hostname, port, protocol }: URL): string {
  if (port !== '') return `${hostname}:${port}`;
  return protocol === 'https:' ? hostname : `${hostname}:80`;
}

/** One host of a list, as `sandbox/network` reads it: without a port it is the port of TLS. */
function covers(granted: string, asked: string): boolean {
  const [host, port] = partsOf(granted);
  const [wanted, wantedPort] = partsOf(asked);
  if (port !== wantedPort) return false;
  return host === wanted || (host.startsWith('*.') && wanted.endsWith(host.slice(1)));
}

const partsOf = (entry: string): readonly [host: string, port: string] => {
  const [host = '', port = '443'] = entry.split(':');
  return [host, port];
};

/** What a program asks of the network and is not granted: hosts, or `full`. */
export function networkBeyond(asked: NetworkAccess, granted: NetworkAccess): readonly string[] {
  if (asked === 'none' || granted === 'full') return [];
  if (asked === 'full') return ['full'];
  const hosts = granted === 'none' ? [] : granted.hosts;
  return asked.hosts.filter((host) => !hosts.some((one) => covers(one, host)));
}
