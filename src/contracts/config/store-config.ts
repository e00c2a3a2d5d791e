import { z } from 'zod';

export const fsStoreSchema = z.strictObject({
  kind: z.literal('fs').describe('a folder'),
  path: z.string().min(1).describe('the folder of the store; every worker and person of a run must reach the same one'),
});

export const s3StoreSchema = z.strictObject({
  kind: z.literal('s3').describe('a bucket of S3 or of a compatible server'),
  bucket: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
      'expected the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens',
    )
    .describe('the bucket; create it before the first run'),
  prefix: z
    .string()
    .max(200)
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/,
      'expected what the keys in the bucket begin with, such as "promptos" or "team/promptos", without a slash at its ends',
    )
    .describe('the prefix of every key in the bucket'),
  endpoint: z
    .string()
    .regex(
      /^https?:\/\/[^\s/?#@]+\/?$/,
      'expected a URL of scheme, host and port, such as "https://s3.example.org:9000", without credentials and path',
    )
    .optional()
    .describe('the server, for a store that is not AWS; without it the AWS endpoint of the region'),
  region: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'expected a region such as "eu-central-1"')
    .optional()
    .describe("the bucket's region; without it that of the AWS configuration, and us-east-1 with an endpoint"),
});
export type S3StoreConfig = z.infer<typeof s3StoreSchema>;
