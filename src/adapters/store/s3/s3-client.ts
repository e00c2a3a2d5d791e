import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import type { S3StoreConfig } from '../../../contracts/worker-config.js';

/** The SDK, as it is loaded. */
export type Sdk = typeof import('@aws-sdk/client-s3');

export interface S3Session {
  readonly sdk: Sdk;
  readonly client: S3Client;
}

/** Milliseconds until a connection must be there. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Milliseconds that a connection may be silent. */
const IDLE_TIMEOUT_MS = 30_000;
/** How often one request is sent at the most; the SDK knows which failures pass. */
const ATTEMPTS = 4;

/** What servers that know no regions take. */
const REGION_OF_OTHERS = 'us-east-1';

/**
 * Loads the SDK, which takes a while and is of no use to most commands, and makes a client. Credentials come from where
 * the SDK looks for them. The SDK connects directly: variables such as HTTPS_PROXY do not apply.
 */
export async function openSession({ endpoint, region }: S3StoreConfig): Promise<S3Session> {
  const sdk = await import('@aws-sdk/client-s3');
  const common: S3ClientConfig = {
    maxAttempts: ATTEMPTS,
    // Every write carries a SHA-256 and every read is checked against one: no other sums are needed.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: IDLE_TIMEOUT_MS },
    customUserAgent: 'promptos-temporal',
    ...(region === undefined ? {} : { region }),
    // Servers that are not AWS are seldom reached by a host name for each bucket.
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
  };
  const client = new sdk.S3Client(common);
  if (endpoint === undefined || region !== undefined) return { sdk, client };
  const configured = await client.config.region().catch(() => REGION_OF_OTHERS);
  return { sdk, client: new sdk.S3Client({ ...common, region: configured }) };
}
