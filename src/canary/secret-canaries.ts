import type { Canary } from './canary.js';

/*
 * Credentials as templates. They are filled with generated characters at run time, so that no scanner takes the source for a
 * leak.
 */

const ALPHABETS: Readonly<Record<string, string>> = {
  w: 'q7Rk2VxT9mZp4LwB8nHs3JdF6cGy1aUe0oKiXr5EtYbSvQgNhMjPuWzDfClAOI',
  h: '7c2e9b41f08d6a53',
  U: 'Q7RK2VXT9MZP4LWB8NHS3JDF6CGY1AUE0OKI5',
  l: 'q7rk2vxt9mzp4lwb8nhs3jdf6cgy1aue0oki5',
  d: '7294018365',
  b: 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L',
};

/**
 * `{w20}`: 20 generated characters; w letters and digits, h hexadecimal, U upper case, l lower case, d digits, b bech32.
 * `^` is removed: it keeps prefixes apart in the source.
 */
export function fillTemplate(template: string): string {
  let seed = 7;
  const filled = template.replace(/\{([whUldb])(\d+)\}/g, (_, kind: string, length: string) => {
    const alphabet = ALPHABETS[kind] ?? '';
    return Array.from({ length: Number(length) }, () => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return alphabet[(seed >>> 16) % alphabet.length];
    }).join('');
  });
  return filled
    .replace(/\{base64:([^}]*)\}/g, (_, text: string) => Buffer.from(text).toString('base64'))
    .replaceAll('^', '');
}

const uuid = '{h8}-{h4}-{h4}-{h4}-{h12}';

/** Kinds of credentials: a name, and a line that holds one, as a template. */
const SECRETS: readonly (readonly [kind: string, line: string])[] = [
  ['aws-access-key', 'id = "AK^IA{U16}"'],
  ['aws-secret-key', 'aws_secret_access_key = {w40}'],
  ['google-api-key', 'AI^za{w35}'],
  ['google-oauth-secret', 'GOCS^PX-{w28}'],
  ['azure-storage-key', 'AccountName=a;Account^Key={w86}=='],
  ['azure-client-secret', 'id = "{w3}8Q^~{w34}"'],
  ['digitalocean-token', 'dop^_v1_{h64}'],
  ['heroku-api-key', `HEROKU_API_KEY=${uuid}`],
  ['vault-token', 'hv^s.{w90}'],
  ['databricks-token', 'da^pi{h32}'],
  ['private-key', '-----BEGIN RSA PRIV^ATE KEY-----\nMII^{w61}\n{w64}\n'],
  ['age-key', 'AGE-SECRET^-KEY-1{b58}'],
  ['github-token', 'gh^p_{w36}'],
  ['github-fine-grained-token', 'github^_pat_{w82}'],
  ['gitlab-token', 'gl^pat-{w20}'],
  ['npm-token', 'np^m_{w36}'],
  ['pypi-token', 'pypi-Ag^EIcHlwaS5vcmc{w90}'],
  ['docker-hub-token', 'dckr^_pat_{w27}'],
  ['openai-key', 's^k-proj-{w60}'],
  ['anthropic-key', 's^k-ant-api03-{w95}'],
  ['huggingface-token', 'h^f_{w34}'],
  ['stripe-live-key', 's^k_live_{w24}'],
  ['shopify-token', 'shp^at_{h32}'],
  ['sendgrid-key', 'S^G.{w22}.{w43}'],
  ['slack-token', 'xo^xb-{d12}-{d12}-{w24}'],
  ['slack-webhook', 'https://hooks.sl^ack.com/services/T{U9}/B{U9}/{w24}'],
  ['telegram-bot-token', '{d10}:A^A{w33}'],
  ['database-password', 'postgres://app:{w24}@db.internal:5432/app'],
  ['netrc-password', 'machine api.acme.io login robot password {w20}'],
];

export const SECRET_CANARIES: readonly Canary[] = SECRETS.map(([kind, line]) => ({
  name: `secret-${kind}`,
  class: 'secret',
  violation: `a credential in a planned file: ${kind}`,
  edits: { 'README.md': `# Split\n\n${fillTemplate(line)}\n` },
  gate: 'P05',
  rule: 'secrets',
  effect: 'blocks',
  escalates: true,
}));
