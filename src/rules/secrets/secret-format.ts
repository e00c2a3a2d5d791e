export interface SecretFormat {
  /** Stable: part of fingerprints. */
  readonly id: string;
  /** What a person reads, with its article. */
  readonly title: string;
  /** Lower case. The pattern is tried only on a text that has one of them. */
  readonly keywords: readonly string[];
  /** Every quantifier is bounded or has nothing after it that could fail, so that the scan is linear in the text. */
  readonly pattern: RegExp;
  /** What to make of a match; the value is the first group, or the whole match. Null takes it back. */
  judge(value: string, match: string): SecretConfidence | null;
}

/** A format that nothing else has: known unless it is a placeholder. */
const distinct = (value: string): SecretConfidence | null => (isPlaceholder(value) ? null : 'known');

/** A format that other things have too: only a person can tell. */
export const ambiguous = (value: string): SecretConfidence | null => (isPlaceholder(value) ? null : 'candidate');

/** Free text in the place of a credential, such as the password of a URL: known when it was generated. */
export function byStrength(value: string): SecretConfidence | null {
  if (isPlaceholder(value) || WEAK_WORDS.test(value)) return null;
  return value.length >= 12 && looksGenerated(value) ? 'known' : 'candidate';
}

const WEAK_WORDS =
  /^(?:pass(?:word|wd|wort|e)?|pwd|pw|pass?\d{0,4}|secret|token|test(?:ing|er|pass|password)?\d{0,4}|user(?:name)?|admin|root|guest|postgres|mysql|redis|rabbitmq|mongo|sa|demo|dev|local|qwerty|letmein|hunter2?|foo|bar|baz|abc\d{0,4}|key|string|none|null|undefined|true|false|api_?key|p|x{1,8}|\d{1,4}|[$%{<:@].*|process\.env.*|os\.environ.*|.{0,3})$/i;

/** A credential that no letter or digit comes directly before. */
export const word = ({ source }: RegExp): RegExp => new RegExp(`(?<![A-Za-z0-9])(?:${source})`, 'g');

/** One with neither before nor behind it. */
export const whole = ({ source }: RegExp): RegExp => word(new RegExp(`(?:${source})(?![A-Za-z0-9])`));

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

/** A value of no form of its own, known by the name that it is given to: `HEROKU_API_KEY=…`. */
const assigned = (name: string, value: string): RegExp =>
  new RegExp(`${name}[\\w .-]{0,30}["']?\\s{0,4}[:=]\\s{0,4}["']?${value}`, 'gi');

export const formats = (
  rows: readonly (readonly [
    id: string,
    title: string,
    keywords: string,
    pattern: RegExp,
    judge?: SecretFormat['judge'],
  ])[],
): readonly SecretFormat[] =>
  rows.map(([id, title, keywords, pattern, judge = distinct]) => ({
    id,
    title,
    keywords: keywords.split(' '),
    pattern,
    judge,
  }));

/**
 * How sure a hit is. `known`: a format that only a credential has. `candidate`: a value that may be one, such as a
 * generated text beside the word `token`; a person can tell.
 */
export type SecretConfidence = 'known' | 'candidate';

const PLACEHOLDER =
  /example|sample|change-?_?me|place-?_?holder|redacted|dummy|fixture|fake|not-?_?a-?_?real|your[-_]|my[-_]|xxxx|\*\*\*|\.\.\.|\$\{|\$\(|\{\{|%[A-Za-z_]{1,80}%|<[A-Za-z_ -]{1,80}>|^\$[A-Za-z_]{1,80}$|\[masked:|foobar|123456789_?(?:0?abc|x)|abcdef0123|0123456789abcdef|abcdefgh|insert_|todo/i;

/** Bits of one character: random base-62 text of 16 characters has some 3.6; words and repetition stay below 3.2. */
function entropyBits(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** A placeholder, or a value that a document shows: no credential. Long values are judged by their start. */
export function isPlaceholder(value: string): boolean {
  const start = value.slice(0, 400);
  return PLACEHOLDER.test(start) || /(.)\1{5}/.test(start) || new Set(start).size < Math.min(6, start.length / 2);
}

const HIGH_ENTROPY_BITS = 3.3;

/** Words joined by case, dots, dashes or underscores: an identifier, a file name, an enumeration's value. */
function looksLikeWords(value: string): boolean {
  const parts = value
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .split(/[^A-Za-z0-9]+/)
    .filter((part) => part !== '');
  const words = parts.filter((part) => /^(?:[A-Z]?[a-z]+\d{0,3}|[A-Z]{2,}\d{0,3}|\d{1,4}|[A-Za-z]\d{0,2})$/.test(part));
  const letters = value.replace(/[^A-Za-z]/g, '').length;
  return words.length === parts.length && letters / Math.max(parts.length, 1) >= 3;
}

/** `A128CBC-HS256`, `RSA-OAEP-256`, `AES/GCM/NoPadding`: names of algorithms are dense, and no secret. */
const ALGORITHM =
  /^(?:(?:A|AES|HS|RS|ES|PS|SHA|RSA|EC|ECDH|OAEP|CBC|GCM|KW|DIR|HMAC|PBES2|PKCS1|X|ED|BLAKE|CHACHA|POLY|KDF|MGF1|P|NoPadding|PKCS5Padding|WITH|AND|K|MD5)?[-_/+.]?\d{0,5}){1,10}$/i;

/** Mixed alphabets tell a generated value from a word, an identifier or a sentence. */
export function looksGenerated(value: string, bits = HIGH_ENTROPY_BITS): boolean {
  const start = value.slice(0, 400);
  if (isPlaceholder(start) || looksLikeWords(start) || (start.length <= 40 && ALGORITHM.test(start))) return false;
  const alphabets = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter((alphabet) => alphabet.test(start)).length;
  return alphabets >= 2 && /[\dA-Z]/.test(start) && entropyBits(start) >= bits;
}

/** Base64 as latin-1 text, or null. Pure rooms have no Buffer; alphabets of files and of URLs are both read. */
export function decodeBase64(encoded: string): string | null {
  const whole = encoded.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
  const usable = whole.length % 4 === 1 ? whole.slice(0, -1) : whole;
  return /^[A-Za-z0-9+/]*$/.test(usable) ? atob(usable) : null;
}

/** What may be between the parts of a key: line ends, also as a text writes them, quotes, marks of comments and of patches. */
const BETWEEN = '(?:\\\\[nrt]|[\\s+"\'`,;.()|>#*/\\\\-]){0,120}';
/**
 * The first line of a key that key material follows. Code and documents that name the line alone hold no key, nor do those
 * that show its start and then dots.
 */
const pem = (label: string): RegExp =>
  new RegExp(
    `-----BEGIN ${label}-----(?=${BETWEEN}(?:[A-Za-z-]{4,20}: [^\\r\\n\\\\"'\`]{1,120}${BETWEEN}){0,4}(?=[A-Za-z+/]{0,40}\\d)[A-Za-z0-9+/]{16,20000}={0,2}(?![A-Za-z0-9+/=]|(?:\\\\[nr]|\\s){0,4}\\.))`,
    'g',
  );

/** Credentials of clouds, infrastructure and databases of a vendor, and private keys. */
export const CLOUD_FORMATS = formats([
  ['aws-access-key', 'an AWS access key id', 'akia asia abia acca', whole(/(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}/)],
  [
    'aws-secret-key',
    'an AWS secret access key',
    'secret',
    /aws_?secret_?(?:access_?)?key["']?\s{0,8}[:=]\s{0,8}["']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/gi,
  ],
  [
    'aws-session-token',
    'an AWS session token',
    'fwogzxivyxdz iqojb3jpz2lu',
    /(?:FwoGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9/+=]{80,2000}/g,
  ],
  ['aws-bedrock-key', 'an AWS Bedrock API key', 'absk', word(/ABSK[A-Za-z0-9+/]{109,269}/)],
  ['aws-mws-token', 'an Amazon MWS token', 'amzn.mws', new RegExp(`amzn\\.mws\\.${UUID}`, 'gi')],
  ['gcp-api-key', 'a Google API key', 'aiza', word(/AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/)],
  [
    'gcp-service-account',
    'the key of a Google service account',
    'private_key_id',
    /["']private_key_id["']\s{0,8}:\s{0,8}["']([0-9a-f]{40})["']/g,
  ],
  ['gcp-oauth-secret', 'a Google OAuth client secret', 'gocspx-', /GOCSPX-[A-Za-z0-9_-]{28}/g],
  ['gcp-access-token', 'a Google access token', 'ya29.', word(/ya29\.[A-Za-z0-9_-]{30,500}/)],
  ['gcp-refresh-token', 'a Google refresh token', '1//0', /(?<![A-Za-z0-9/])1\/\/0[A-Za-z0-9_-]{40,120}/g],
  ['firebase-server-key', 'a Firebase server key', 'aaaa', word(/AAAA[A-Za-z0-9_-]{7}:[A-Za-z0-9_-]{140}/)],
  ['azure-storage-key', 'an Azure storage account key', 'accountkey=', /AccountKey=([A-Za-z0-9+/]{86}==)/gi],
  ['azure-sas', 'an Azure shared access signature', 'sig=', /[?&;]sig=([A-Za-z0-9%+/]{43,120}(?:%3D|=))/gi],
  ['azure-service-bus', 'an Azure shared access key', 'sharedaccesskey=', /SharedAccessKey=([A-Za-z0-9+/]{43}=)/gi],
  [
    'azure-client-secret',
    'an Azure client secret',
    'q~',
    /(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}/g,
  ],
  ['azure-devops-token', 'an Azure DevOps token', 'azdo', word(/[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}/)],
  ['azure-openai-key', 'an Azure AI key', 'jqqj99', word(/[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{20,40}/)],
  ['digitalocean-token', 'a DigitalOcean token', 'dop_v1_ doo_v1_ dor_v1_', /do[opr]_v1_[0-9a-f]{64}/g],
  ['alibaba-access-key', 'an Alibaba Cloud access key', 'ltai', whole(/LTAI[A-Za-z0-9]{20}/)],
  ['tencent-secret-id', 'a Tencent Cloud secret id', 'akid', whole(/AKID[A-Za-z0-9]{32}/)],
  ['scaleway-access-key', 'a Scaleway access key', 'scw', whole(/SCW(?=[A-Z]{0,17}\d)[A-Z0-9]{17}/)],
  ['yandex-api-key', 'a Yandex Cloud API key', 'aqvn', word(/AQVN[A-Za-z0-9_-]{35,38}/)],
  ['cloudflare-origin-key', 'a Cloudflare origin key', 'v1.0-', /v1\.0-[0-9a-f]{24}-[0-9a-f]{146}/g],
  ['heroku-token', 'a Heroku token', 'hrku-', /HRKU-[A-Za-z0-9_-]{36,70}/g],
  ['heroku-api-key', 'a Heroku API key', 'heroku', assigned('heroku', `(${UUID})`), byStrength],
  ['fly-token', 'a Fly.io token', 'fm1_ fm2_ fo1_', word(/fo1_[A-Za-z0-9_-]{43}|fm[12]a?r?_[A-Za-z0-9+/]{100,2000}/)],
  ['vault-token', 'a HashiCorp Vault token', 'hvs. hvb. hvr.', word(/hv[sbr]\.[A-Za-z0-9_-]{24,300}/)],
  [
    'terraform-cloud-token',
    'a Terraform Cloud token',
    '.atlasv1.',
    word(/[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}/),
  ],
  ['pulumi-token', 'a Pulumi token', 'pul-', word(/pul-[0-9a-f]{40}/)],
  [
    'doppler-token',
    'a Doppler token',
    'dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.',
    word(/dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}/),
  ],
  ['databricks-token', 'a Databricks token', 'dapi', word(/dapi[0-9a-f]{32}/)],
  ['planetscale-token', 'a PlanetScale token', 'pscale_', /pscale_(?:tkn|pw|oauth)_[A-Za-z0-9=._-]{32,64}/g],
  ['supabase-token', 'a Supabase key', 'sbp_ sb_secret_', word(/sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{31}/)],
  ['onepassword-token', 'a 1Password service account token', 'ops_eyj', /ops_eyJ[A-Za-z0-9+/]{250,4000}/g],
  [
    'datadog-key',
    'a Datadog key',
    'datadog dd_ ddog',
    assigned('(?:datadog|dd|ddog)', '([0-9a-f]{40}|[0-9a-f]{32})(?![0-9a-f])'),
  ],
  [
    'new-relic-key',
    'a New Relic key',
    'nrak- nrii- nraa- nrra-',
    word(/NRAK-[A-Z0-9]{27}|NRII-[A-Za-z0-9_-]{32}|NR[AR]A-[0-9a-f]{42}/),
  ],
  ['dynatrace-token', 'a Dynatrace token', 'dt0', /dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}/g],
  [
    'grafana-token',
    'a Grafana token',
    'glsa_ glc_ eyjrijoi',
    word(/glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|glc_[A-Za-z0-9+/]{32,400}|eyJrIjoi[A-Za-z0-9+/]{60,400}/),
  ],
  ['sentry-token', 'a Sentry token', 'sntrys_ sntryu_', /sntry(?:u_[0-9a-f]{64}|s_eyJ[A-Za-z0-9+/=_]{60,500})/g],
  ['honeycomb-key', 'a Honeycomb key', 'hcaik_ hcbik_ hcalk_', word(/hc[abx][il]k_[a-z0-9]{58}/)],
  ['private-key', 'a private key', 'private', pem('(?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY'), () => 'known'],
  ['pgp-private-key', 'a PGP private key', 'pgp', pem('PGP PRIVATE KEY BLOCK'), () => 'known'],
  [
    'putty-key',
    'a PuTTY private key',
    'putty-user',
    /PuTTY-User-Key-File-[23]: [a-z0-9-]{3,40}(?=(?:(?!PuTTY-User)[\s\S]){0,2000}?Private-Lines: \d{1,3}(?:\\[nr]|[\s+-]){1,9}[A-Za-z0-9+/]{16})/g,
    () => 'known',
  ],
  ['age-key', 'an age secret key', 'age-secret', /AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}/gi],
]);

/** The first part of a Discord bot token is base64 of the bot's number. */
const discordBot = (value: string) =>
  /^\d{17,20}$/.test(decodeBase64(value.split('.')[0] ?? '') ?? '') ? distinct(value) : null;

/** Credentials of payment, mail, chat, shop and other services. */
export const SERVICE_FORMATS = formats([
  ['stripe-live-key', 'a live Stripe secret key', 'sk_live_', word(/sk_live_[A-Za-z0-9]{16,250}/)],
  ['stripe-restricted-key', 'a live restricted Stripe key', 'rk_live_', word(/rk_live_[A-Za-z0-9]{16,250}/)],
  ['stripe-test-key', 'a Stripe test key', 'sk_test_ rk_test_', word(/[sr]k_test_[A-Za-z0-9]{20,250}/), ambiguous],
  ['webhook-secret', 'a webhook signing secret', 'whsec_', word(/whsec_[A-Za-z0-9+/]{32,64}/)],
  [
    'square-token',
    'a Square token',
    'eaaa sq0csp- sq0atp-',
    word(/EAAA[A-Za-z0-9_-]{60}(?![A-Za-z0-9_-])|sq0csp-[A-Za-z0-9_-]{43}|sq0atp-[A-Za-z0-9_-]{22}/),
  ],
  [
    'paypal-braintree-token',
    'a Braintree token',
    'access_token$production',
    /access_token\$production\$[0-9a-z]{16}\$[0-9a-f]{32}/g,
  ],
  ['shopify-token', 'a Shopify token', 'shpat_ shpca_ shppa_ shpss_', word(/shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}/)],
  ['razorpay-key', 'a live Razorpay key', 'rzp_live_', /rzp_live_[A-Za-z0-9]{14}/g],
  [
    'plaid-token',
    'a Plaid access token',
    'access-production- access-development-',
    new RegExp(`access-(?:production|development)-${UUID}`, 'g'),
  ],
  ['easypost-key', 'an EasyPost key', 'ezak ezap', word(/EZA[KP][A-Za-z0-9]{54}/)],
  ['shippo-token', 'a live Shippo token', 'shippo_live_', /shippo_live_[0-9a-f]{40}/g],
  ['duffel-token', 'a live Duffel token', 'duffel_live_', /duffel_live_[A-Za-z0-9_=-]{43}/g],
  ['flutterwave-key', 'a Flutterwave secret key', 'flwseck', /FLWSECK(?:_LIVE)?-[0-9a-z]{32}-X/g],
  ['sendgrid-key', 'a SendGrid key', 'sg.', word(/SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}/)],
  ['mailgun-key', 'a Mailgun key', 'key-', word(/key-[0-9a-f]{32}(?![0-9a-f])/)],
  ['mailchimp-key', 'a Mailchimp key', '-us', whole(/[0-9a-f]{32}-us\d{1,2}/)],
  ['brevo-key', 'a Brevo key', 'xkeysib- xsmtpsib-', /x(?:key|smtp)sib-[0-9a-f]{64}-[A-Za-z0-9]{16}/g],
  ['resend-key', 'a Resend key', 're_', whole(/re_[A-Za-z0-9]{8}_(?=[A-Za-z]{0,23}\d)[A-Za-z0-9]{24}/)],
  ['twilio-key', 'a Twilio API key', 'sk', whole(/SK[0-9a-f]{32}/)],
  ['twilio-auth-token', 'a Twilio auth token', 'twilio', assigned('twilio', '([0-9a-f]{32})(?![0-9a-f])')],
  [
    'slack-token',
    'a Slack token',
    'xox xapp-',
    word(/xox[abeoprs]-(?=[A-Za-z-]{0,80}\d)[A-Za-z0-9-]{10,250}|xapp-\d-[A-Za-z0-9-]{10,250}/),
  ],
  [
    'slack-webhook',
    'a Slack webhook',
    'hooks.slack.com',
    /hooks\.slack\.com\/(?:services\/T[A-Z0-9]{6,14}\/B[A-Z0-9]{6,14}|workflows\/T[A-Z0-9]{6,14}\/A[A-Z0-9]{6,14}\/\d{10,20})\/[A-Za-z0-9]{20,60}/g,
  ],
  [
    'teams-webhook',
    'a Microsoft Teams webhook',
    'webhook.office.com',
    new RegExp(`webhook\\.office\\.com/webhookb2/${UUID}@${UUID}/IncomingWebhook/[0-9a-f]{32}`, 'g'),
  ],
  [
    'discord-bot-token',
    'a Discord bot token',
    '.',
    /(?<![A-Za-z0-9_-])[MNO][A-Za-z0-9]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}/g,
    discordBot,
  ],
  [
    'discord-webhook',
    'a Discord webhook',
    'api/webhooks/',
    /discord(?:app)?\.com\/api\/webhooks\/\d{17,20}\/[A-Za-z0-9_-]{60,72}/g,
  ],
  ['telegram-bot-token', 'a Telegram bot token', ':aa', word(/\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])/)],
  [
    'zapier-webhook',
    'a Zapier webhook',
    'hooks.zapier.com',
    /hooks\.zapier\.com\/hooks\/catch\/\d{5,10}\/[A-Za-z0-9]{5,10}/g,
  ],
  [
    'facebook-token',
    'a Facebook access token',
    'eaa',
    /(?<![A-Za-z0-9+/])EAA(?=[A-Za-z]{0,90}\d)[A-Za-z0-9]{90,300}(?![A-Za-z0-9+/=])/g,
  ],
  ['twitter-bearer', 'a Twitter bearer token', 'aaaaaaaaaaaaaaaaaaaaa', /A{21}[A-Za-z0-9%]{50,150}/g, () => 'known'],
  ['hubspot-token', 'a HubSpot token', 'pat-na pat-eu', new RegExp(`pat-(?:na|eu)\\d-${UUID}`, 'g')],
  ['dropbox-token', 'a Dropbox token', 'sl.', word(/sl\.(?:u\.)?[A-Za-z0-9_-]{130,1500}/)],
  [
    'okta-token',
    'an Okta token',
    'okta ssws',
    /(?:okta[\w .-]{0,30}["']?\s{0,4}[:=]\s{0,4}["']?|SSWS\s{1,4})(00[A-Za-z0-9_-]{40})(?![A-Za-z0-9_-])/gi,
  ],
  ['launchdarkly-key', 'a LaunchDarkly SDK key', 'sdk- api-', word(new RegExp(`(?:sdk|api)-${UUID}`)), ambiguous],
]);
