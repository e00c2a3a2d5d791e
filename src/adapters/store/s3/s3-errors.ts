import { type ErrorCode, PromptOsError } from '../../../contracts/errors.js';

/** Where a store is, for messages. */
export interface S3Place {
  /** Such as `s3://bucket/prefix`. */
  readonly url: string;
  readonly bucket: string;
  /** The server, or null for AWS itself. */
  readonly endpoint: string | null;
}

/** What an error of the SDK says, whatever its class. */
interface Facts {
  /** S3's error code, such as `NoSuchBucket`, or the name of the SDK's error. */
  readonly name: string;
  readonly status: number | null;
  /** The system's code, such as `ECONNREFUSED`. */
  readonly system: string | null;
}

/** The facts of an error that a call of the SDK threw. */
export function errorFacts(error: unknown): Facts {
  const { name, $metadata, code, cause } = (error ?? {}) as {
    readonly name?: unknown;
    readonly $metadata?: { readonly httpStatusCode?: number };
    readonly code?: unknown;
    readonly cause?: { readonly code?: unknown };
  };
  const system = [code, cause?.code].find((one) => typeof one === 'string');
  return {
    name: typeof name === 'string' ? name : 'Error',
    status: $metadata?.httpStatusCode ?? null,
    system: typeof system === 'string' ? system : null,
  };
}

/** Whether a read found no object. By its name: a server that is not S3 answers with status 404 too. */
export const isMissing = (error: unknown): boolean => errorFacts(error).name === 'NoSuchKey';

/** The same for an answer without a body, which has no name for what is missing. */
export const isMissingHead = (error: unknown): boolean => ['NotFound', 'NoSuchKey'].includes(errorFacts(error).name);

/** Whether a conditional write found something in its place. */
export const isRefusedCondition = (error: unknown): boolean => errorFacts(error).status === 412;

/** Whether a conditional write met another write of the same key: neither has to have won. */
export const isConflict = (error: unknown): boolean => errorFacts(error).status === 409;

interface Meaning {
  /** What is wrong, as the end of a sentence; the server's own words when absent. */
  readonly reason?: string;
  readonly hint?: string;
  readonly code?: ErrorCode;
}

const CREDENTIALS =
  'Give this process credentials as the AWS CLI takes them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role.';
const ENDPOINT = 'Check `store.endpoint` in the worker config, and that the server can be reached from this machine.';
const REGION = 'Set `store.region` in the worker config to the region of the bucket.';
const PERMISSIONS = 'docs/stores.md lists the permissions that a worker and a person need.';
const LATER = 'It is tried again; if it lasts, look at the state of the server.';

const BY_SYSTEM_CODE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing answers at the endpoint',
  ENOTFOUND: 'the name of the endpoint is unknown',
  EAI_AGAIN: 'the name of the endpoint cannot be looked up',
  EHOSTUNREACH: 'the endpoint cannot be reached',
  ENETUNREACH: 'the endpoint cannot be reached',
  ETIMEDOUT: 'the endpoint does not answer',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  EPROTO: 'the endpoint does not speak TLS as expected',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the endpoint does not speak TLS: an http:// address may be meant',
  DEPTH_ZERO_SELF_SIGNED_CERT: "the endpoint's certificate is not trusted; NODE_EXTRA_CA_CERTS names a file of others",
  SELF_SIGNED_CERT_IN_CHAIN: "the endpoint's certificate is not trusted; NODE_EXTRA_CA_CERTS names a file of others",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "the endpoint's certificate is not trusted; NODE_EXTRA_CA_CERTS names a file of others",
};

const wrongKeys = (reason: string): Meaning => ({ reason, hint: CREDENTIALS });
const later = (reason: string): Meaning => ({ reason, hint: LATER });

const BY_NAME: Readonly<Record<string, Meaning>> = {
  CredentialsProviderError: wrongKeys('no AWS credentials were found'),
  TokenProviderError: wrongKeys('the AWS credentials cannot be renewed'),
  InvalidAccessKeyId: wrongKeys('the server does not know the access key'),
  // The name that versitygw has for it.
  XAdminUserNotFound: wrongKeys('the server does not know the access key'),
  SignatureDoesNotMatch: wrongKeys('the secret access key does not fit the access key'),
  ExpiredToken: wrongKeys('the AWS credentials have expired'),
  InvalidToken: wrongKeys('the AWS session token is not valid'),
  RequestTimeTooSkewed: { reason: "this machine's clock differs from the server's", hint: "Set this machine's clock." },
  AccessDenied: { reason: 'the credentials do not allow it', hint: PERMISSIONS },
  Forbidden: { reason: 'the credentials do not allow it', hint: PERMISSIONS },
  PermanentRedirect: { reason: 'the bucket is in another region', hint: REGION },
  AuthorizationHeaderMalformed: { reason: 'the bucket is in another region', hint: REGION },
  IllegalLocationConstraintException: { reason: 'the bucket is in another region', hint: REGION },
  SlowDown: later('the server asks for fewer requests'),
  ThrottlingException: later('the server asks for fewer requests'),
  TooManyRequestsException: later('the server asks for fewer requests'),
  ServiceUnavailable: later('the server is not available for now'),
  InternalError: later('the server failed'),
  TimeoutError: later('the server did not answer in time'),
  NotImplemented: {
    reason: 'the server lacks a part of S3 that the store needs',
    hint: 'Use a server with conditional writes (If-None-Match) and SHA-256 checksums.',
  },
  BadDigest: later('the bytes were damaged on their way'),
  XAmzContentSHA256Mismatch: later('the bytes were damaged on their way'),
  QuotaExceeded: { code: 'STORE_FULL', hint: 'Raise the quota of the bucket.' },
  EntityTooLarge: { code: 'STORE_FULL', hint: 'The server takes no object of this size.' },
};

function meaningOf(error: unknown, { bucket, endpoint }: S3Place): Meaning {
  const { name, status, system } = errorFacts(error);
  const at = endpoint === null ? '' : ` at ${endpoint}`;
  if (name === 'NoSuchBucket') {
    return {
      reason: `there is no bucket ${bucket}${at}`,
      hint: 'Make the bucket, or correct `store.bucket` in the worker config.',
    };
  }
  const known = BY_NAME[name];
  if (known !== undefined) return known;
  if (system !== null && BY_SYSTEM_CODE[system] !== undefined) {
    return { reason: `${BY_SYSTEM_CODE[system]}${at} (${system})`, hint: ENDPOINT };
  }
  if (error instanceof Error && /Region is missing/.test(error.message)) {
    return { reason: 'no region is named', hint: REGION };
  }
  if (status === 507) return { code: 'STORE_FULL', hint: 'Free some space on the server.' };
  if (status === 301 || status === 307) return { reason: 'the bucket is in another region', hint: REGION };
  if (status === 401 || status === 403) return { reason: 'the credentials do not allow it', hint: PERMISSIONS };
  if (status === 429 || status === 503) return later('the server asks for fewer requests');
  if (status !== null && status >= 500) return later(`the server failed with status ${status}`);
  if (name === 'NotFound' || /Deserialization error|char .* is not expected|SyntaxError/.test(String(error))) {
    return { reason: `what answers is not S3${at === '' ? '' : `: ${endpoint}`}`, hint: ENDPOINT };
  }
  return {};
}

/**
 * What a failed call of the SDK means for the users of the store. Both codes are retried: networks, quotas and credentials
 * recover without the run.
 */
export function storeError(
  error: unknown,
  code: 'STORE_NOT_READABLE' | 'STORE_NOT_WRITABLE',
  doing: string,
  place: S3Place,
): PromptOsError {
  if (error instanceof PromptOsError) return error;
  const { reason, hint, code: other } = meaningOf(error, place);
  const said = reason ?? plainMessage(error);
  return new PromptOsError(other ?? code, `The store ${place.url} could not ${doing}: ${said}.`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The error's own words in one line, without a full stop. */
const plainMessage = (error: unknown): string =>
  (error instanceof Error ? `${error.name}: ${error.message}` : String(error))
    .split('\n')[0]
    ?.replace(/[.\s]+$/, '')
    .slice(0, 300) ?? '';
