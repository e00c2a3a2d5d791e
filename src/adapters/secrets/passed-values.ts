import type { SecretHit, SecretScanner } from '../../ports/secret-scanner.js';
import { looksGenerated } from '../../rules/secrets/secret-format.js';
import type { Environment } from '../platform/pass-variables.js';
import { passedSecrets } from '../platform/passed-secrets.js';

/**
 * Finds the values of the credentials that a worker gives to its programs. No pattern need know them: a program that writes its
 * own key into the change is found by the key. Every line of a value of several lines is a hit, so that each is masked. A value
 * that looks like a word is a candidate: a setting such as `UV_KEYRING_PROVIDER=subprocess` is called like a secret too.
 * @param passed the environments that programs are given
 */
export function createPassedValueScanner(passed: readonly Environment[]): SecretScanner {
  const secrets = new Map(passed.flatMap(passedSecrets).map(({ name, value }) => [value, name]));
  return {
    scan: async (files) =>
      files.flatMap(({ path, text }) =>
        [...secrets].flatMap(([value, name]) =>
          linesOf(value, text).map(
            (line): SecretHit => ({
              rule: 'passed-value',
              path,
              line,
              message: `the value of ${name}, which this worker gives to its programs`,
              confidence: looksGenerated(value) ? 'known' : 'candidate',
            }),
          ),
        ),
      ),
  };
}

/** The lines of a text, from 1, in which a value is, or a part of one that has several lines. */
function linesOf(value: string, text: string): readonly number[] {
  const lines = new Set<number>();
  const height = value.split('\n').length;
  let line = 1;
  let from = 0;
  for (let at = text.indexOf(value); at !== -1; at = text.indexOf(value, at + 1)) {
    for (let index = text.indexOf('\n', from); index !== -1 && index < at; index = text.indexOf('\n', from)) {
      line += 1;
      from = index + 1;
    }
    for (let more = 0; more < height; more += 1) lines.add(line + more);
  }
  return [...lines];
}
