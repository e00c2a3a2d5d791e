import { type ErrorCode, PromptOsError } from '../../contracts/errors.js';
import { findSecretPatterns } from '../../rules/secrets/find-secrets.js';

/** What a request or a message says is published, and shown to executors. A credential of a known format is refused. */
export function requireNoSecret(
  said: object,
  code: Extract<ErrorCode, 'REQUEST_HOLDS_SECRET' | 'MESSAGE_HOLDS_SECRET'>,
): void {
  const hit = textsOf(said)
    .flatMap((text) => findSecretPatterns(text))
    .find(({ confidence }) => confidence === 'known');
  if (hit === undefined) return;
  const what = code === 'REQUEST_HOLDS_SECRET' ? 'request' : 'message';
  throw new PromptOsError(code, `The ${what} has ${hit.message} in it (${hit.rule}).`);
}

function textsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}
