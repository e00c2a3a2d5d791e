import { z } from 'zod';

/** Why a request of a sandboxed program was refused. */
export const NETWORK_REFUSALS = [
  'host_not_listed',
  'port_not_listed',
  'address_not_public',
  'other_host_header',
  'other_server_name',
  'encrypted_server_name',
  'not_tls',
  'malformed',
  'head_too_long',
  'too_slow',
  'too_many_connections',
] as const;
export type NetworkRefusal = (typeof NETWORK_REFUSALS)[number];

/** Why a request that was allowed came to nothing. */
const NETWORK_FAILURES = ['not_resolved', 'not_reached'] as const;
export type NetworkFailure = (typeof NETWORK_FAILURES)[number];

const networkRequestSchema = z.strictObject({
  method: z.enum(['connect', 'http']).nullable().describe('null for bytes that are no request'),
  host: z.string().nullable(),
  port: z.int().nullable(),
  allowed: z.boolean(),
  reason: z
    .enum([...NETWORK_REFUSALS, ...NETWORK_FAILURES])
    .nullable()
    .describe('why it was refused, or why it failed although it was allowed'),
  count: z.int().positive().describe('how often it was asked for'),
});
export type NetworkRequest = z.infer<typeof networkRequestSchema>;

/** What one program asked of the network where named hosts are allowed. Published as `network.json`. */
export const networkLogSchema = z.strictObject({
  schema_version: z.literal(1),
  hosts: z.array(z.string()).describe('the hosts that the worker config allows'),
  requests: z.array(networkRequestSchema),
  refused_omitted: z.int().nonnegative().describe('refused requests beyond those that are listed'),
  allowed_omitted: z.int().nonnegative().describe('allowed requests beyond those that are listed'),
});
export type NetworkLog = z.infer<typeof networkLogSchema>;
