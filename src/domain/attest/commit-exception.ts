import type { Envelope } from '../../contracts/keys.js';
import { openEnvelope } from './envelope.js';
import type { PublicKey } from './public-keys.js';
import { readStatement, type Statement, statement } from './statement.js';

export const COMMIT_EXCEPTION = 'https://promptos.dev/predicates/commit-exception/v0.1';

/** An integrator's word that a commit may be in a branch although no run made it. */
export interface CommitException {
  /** A full id. */
  readonly commit: string;
  /** SHA-256 of the commit object, so that the word does not rest on SHA-1. */
  readonly commit_sha256: string;
  readonly integrator: string;
  readonly reason: string;
  readonly signed_at: string;
  readonly expires_at: string;
}

/** `commit-exception/v0.1`, about the bytes of a commit object. */
export const commitExceptionStatement = (exception: CommitException): Statement =>
  statement(COMMIT_EXCEPTION, [{ name: exception.commit, digest: { sha256: exception.commit_sha256 } }], {
    integrator: exception.integrator,
    reason: exception.reason,
    signedAt: exception.signed_at,
    expiresAt: exception.expires_at,
  });

const isInstant = (text: string): boolean => /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text));

/** What an envelope excepts and which of the keys signed it, or why it is no exception. */
export function openCommitException(
  envelope: Envelope,
  keys: readonly PublicKey[],
): { readonly exception: CommitException; readonly keyid: string } | string {
  const opened = openEnvelope(envelope, keys);
  if (!opened.ok) {
    if (opened.problem === 'unknown_key') return `signed by ${opened.detail}, which is no key of an integrator`;
    return opened.problem === 'signature' ? 'its signature does not hold' : opened.detail;
  }
  const read = readStatement(opened.payload, COMMIT_EXCEPTION);
  const [subject, ...more] = read?.subject ?? [];
  if (read === null || subject === undefined || more.length > 0) return `expected a statement ${COMMIT_EXCEPTION}`;
  const { integrator, reason, signedAt, expiresAt, ...others } = read.predicate;
  const texts = [integrator, reason, signedAt, expiresAt];
  if (Object.keys(others).length > 0 || !texts.every((text) => typeof text === 'string' && text.trim() !== '')) {
    return 'expected integrator, reason, signedAt and expiresAt';
  }
  const [name, why, signed_at, expires_at] = texts as [string, string, string, string];
  if (!isInstant(signed_at) || !isInstant(expires_at)) return 'expected signedAt and expiresAt as instants';
  const { name: commit, digest } = subject;
  return {
    exception: { commit, commit_sha256: digest.sha256, integrator: name, reason: why, signed_at, expires_at },
    keyid: opened.keyid,
  };
}
