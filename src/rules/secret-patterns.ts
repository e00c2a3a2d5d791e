/** A likely credential, without the credential itself. */
export interface SecretPatternHit {
  readonly rule: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

interface SecretPattern {
  readonly rule: string;
  readonly message: string;
  /** Matches within one line; every quantifier is bounded or single, so that long lines stay cheap. */
  readonly pattern: RegExp;
  /** Looks at the first group, or at the whole match, and may take the hit back. */
  readonly isReal?: (value: string) => boolean;
}

const PLACEHOLDER =
  /example|change-?me|placeholder|redacted|dummy|your[-_]|xxxx|\*\*\*|\$\{|\$\(|\{\{|<[a-z_ -]+>|^\$[A-Z_]+$/i;
/** Random base-62 text of 16 characters has some 3.6 bits a character; words and repetition stay below 3.2. */
const HIGH_ENTROPY_BITS = 3.3;

function entropyBitsPerCharacter(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** Mixed alphabets tell a generated value from a word, an identifier or a sentence. */
function looksGenerated(value: string): boolean {
  if (PLACEHOLDER.test(value)) return false;
  const alphabets = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter((alphabet) => alphabet.test(value)).length;
  return alphabets >= 2 && /[\dA-Z]/.test(value) && entropyBitsPerCharacter(value) >= HIGH_ENTROPY_BITS;
}

const isNoExample = (value: string): boolean => !value.endsWith('EXAMPLE');

const SECRET_PATTERNS: readonly SecretPattern[] = [
  {
    rule: 'private-key',
    message: 'a PEM private key',
    pattern: /-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g,
  },
  {
    rule: 'aws-access-key',
    message: 'an AWS access key id',
    pattern: /(?<![A-Za-z0-9])((?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16})(?![A-Za-z0-9])/g,
    isReal: isNoExample,
  },
  {
    rule: 'aws-secret-key',
    message: 'an AWS secret access key',
    pattern: /aws_?secret_?(?:access_?)?key["']?\s{0,8}[:=]\s{0,8}["']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/gi,
    isReal: (value) => !/EXAMPLE/.test(value),
  },
  {
    rule: 'github-token',
    message: 'a GitHub token',
    pattern: /(?<![A-Za-z0-9_])(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22})/g,
  },
  {
    rule: 'slack-token',
    message: 'a Slack token or webhook',
    pattern:
      /(?<![A-Za-z0-9])(?:xox[abeoprs]-[A-Za-z0-9-]{10}|xapp-\d-[A-Za-z0-9-]{10}|hooks\.slack\.com\/services\/T[A-Z0-9]{6,14}\/B[A-Z0-9]{6,14}\/[A-Za-z0-9]{20})/g,
  },
  {
    rule: 'model-provider-key',
    message: 'an API key of a model provider',
    pattern: /(?<![A-Za-z0-9_-])(sk-(?:ant-|proj-|svcacct-|or-v1-)?[A-Za-z0-9_-]{20,200})/g,
    isReal: looksGenerated,
  },
  {
    rule: 'assigned-secret',
    message: 'a password or token that is written out',
    pattern:
      /(?:passw(?:or)?d|passphrase|secret|token|api_?key|access_?key|auth_?key|credentials?)[A-Za-z0-9_]{0,30}["'`]?\s{0,8}(?::|=>|:?=)\s{0,8}["'`]([^\s"'`]{12,400})["'`]/gi,
    isReal: looksGenerated,
  },
];

/** Longer lines are cut: a minified bundle is not worth minutes of searching. */
const LINE_LIMIT = 200_000;

/**
 * Likely credentials in a text, one hit a rule and line, in the order of the lines. A short list of our own beside the
 * secret scanner: it needs no I/O, so the linter and the rules on patches share it. The hits never hold the secret.
 */
export function findSecretPatterns(text: string): SecretPatternHit[] {
  return text.split(/\r\n|[\n\r]/).flatMap((content, index) =>
    SECRET_PATTERNS.filter(({ pattern, isReal }) => {
      for (const match of content.slice(0, LINE_LIMIT).matchAll(pattern)) {
        if (isReal === undefined || isReal(match[1] ?? match[0])) return true;
      }
      return false;
    }).map(({ rule, message }) => ({ rule, line: index + 1, message })),
  );
}
