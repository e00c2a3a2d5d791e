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
              /^(?:\*\.)?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[1-9][0-9]{0,4})?$/,
              'expected a host such as "api.example.com", "*.example.com" or "api.example.com:8443"',
            ),
        )
        .min(1)
        .describe('the hosts that may be reached, on port 443 unless another is named'),
    }),
  ])
  .describe('what the program may reach of the network: "none", "full", or named hosts');
export type NetworkAccess = z.infer<typeof networkAccessSchema>;
