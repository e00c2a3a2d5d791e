import { findSecrets, secretFingerprint } from './find-secrets.js';
import type { SecretConfidence } from './secret-values.js';

/** A likely credential, without the credential itself. */
export interface SecretPatternHit {
  readonly rule: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
  readonly confidence: SecretConfidence;
  readonly fingerprint: string;
}

/** Likely credentials in a text, one hit a rule and line, in the order of the lines. */
export function findSecretPatterns(text: string, path = ''): SecretPatternHit[] {
  const hits = new Map<string, SecretPatternHit>();
  let line = 1;
  let counted = 0;
  for (const { id, title, confidence, start, end } of findSecrets(text)) {
    for (const _ of text.slice(counted, start).matchAll(/\r\n|[\n\r]/g)) line += 1;
    counted = start;
    const fingerprint = secretFingerprint(id, path, text.slice(start, end));
    const key = `${line} ${id}`;
    if (!hits.has(key)) hits.set(key, { rule: id, line, message: title, confidence, fingerprint });
  }
  return [...hits.values()];
}
