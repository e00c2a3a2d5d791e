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
