import { ambiguous, byStrength, formats } from './secret-format.js';
import { decodeBase64, isPlaceholder, looksGenerated } from './secret-values.js';

/** Hosts without a real server: a password for them opens nothing. */
const LOCAL_HOST =
  /@(?:localhost|127\.\d|0\.0\.0\.0|\[?::1|host\.docker\.internal|[\w-]{1,60}(?:[:/"'`)?\s]|$)|[\w.-]{0,200}\b(?:example|test|invalid|local|localhost)\b)/i;

const inUrl = (value: string, match: string) => (LOCAL_HOST.test(match) ? null : byStrength(value));
const urlOf = (schemes: string): RegExp =>
  new RegExp(
    `(?<![A-Za-z0-9])(?:${schemes})://[^\\s:@/"'<>]{0,120}:([^\\s@/"'<>]{3,200})@[^\\s/"'<>]{1,200}(?:[/"'?\\s]|$)`,
    'gim',
  );

/** A JSON web token whose issuer is unknown; the well-known sample of documents is none. */
const jsonWebToken = (value: string) => (/eyJzdWIiOiIxMjM0NTY3ODkwI/.test(value) ? null : ambiguous(value));
/** A login is base64 of `user:password`; one such as `user:pass` opens nothing, nor does the client of the OAuth RFCs. */
const basicLogin = (value: string) => {
  if (value.startsWith('czZCaGRSa3F0')) return null;
  const [, password] = /^[^:]{0,200}:(.{1,2000})$/s.exec(decodeBase64(value) ?? '') ?? [];
  return password === undefined || byStrength(password) === null ? null : ambiguous(value);
};
const generated = (value: string) => (looksGenerated(value) ? 'candidate' : null);

/** Credentials that are known by where they are: in a URL, a header, a file of logins. */
export const CONTEXT_FORMATS = formats([
  ['postgres-url', 'a password in a PostgreSQL URL', 'postgres', urlOf('postgres(?:ql)?(?:\\+[a-z0-9]{1,20})?'), inUrl],
  ['mysql-url', 'a password in a MySQL URL', 'mysql mariadb', urlOf('(?:mysql|mariadb)(?:\\+[a-z0-9]{1,20})?'), inUrl],
  ['mongodb-url', 'a password in a MongoDB URL', 'mongodb', urlOf('mongodb(?:\\+srv)?'), inUrl],
  ['redis-url', 'a password in a Redis URL', 'redis', urlOf('rediss?'), inUrl],
  ['amqp-url', 'a password in an AMQP URL', 'amqp', urlOf('amqps?'), inUrl],
  [
    'service-url',
    'a password in a URL',
    '://',
    urlOf('https?|ftps?|sftp|ssh|smtps?|ldaps?|nats|mqtts?|mssql|sqlserver|clickhouse|kafka|git'),
    (value, match) => (inUrl(value, match) === null ? null : 'candidate'),
  ],
  ['bearer-header', 'a token in a Bearer header', 'bearer', /\bbearer\s{1,4}([A-Za-z0-9_.~+/-]{20,2000})/gi, generated],
  [
    'basic-header',
    'a login in a Basic header',
    'basic',
    /\bauthorization["']?\s{0,4}[:=]\s{0,4}["']?basic\s{1,4}([A-Za-z0-9+/]{12,2000})/gi,
    basicLogin,
  ],
  [
    'json-web-token',
    'a JSON web token',
    'eyj',
    /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{16,1000}/g,
    jsonWebToken,
  ],
  [
    'netrc',
    'a password of .netrc',
    'machine',
    /\bmachine\s{1,8}\S{1,200}\s{1,8}login\s{1,8}\S{1,200}\s{1,8}password\s{1,8}([^\s\\"']{4,200})/g,
    (value, match) => (/^machine\s{1,8}\S{0,200}(?:example|localhost)/.test(match) ? null : byStrength(value)),
  ],
  [
    'pgpass',
    'a password of .pgpass',
    ':5432:',
    /^[^\s:#]{1,200}:5432:[^\s:]{1,100}:[^\s:]{1,100}:(\S{6,200})[ \t]{0,8}$/gm,
    byStrength,
  ],
  [
    'curl-login',
    'a login of curl',
    'curl',
    /\bcurl\b[^\n]{0,200}?\s-(?:u|-user)[ =]["']?[^\s:"']{1,100}:([^\s"']{6,200})/g,
    byStrength,
  ],
]);

const WORDS =
  'passw(?:or)?d|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|private[_-]?key|credentials?';
/** Words before `token` that name a place in a list or one request: nothing that opens anything. */
const NO_CREDENTIAL =
  '(?<!(?:next|prev(?:ious)?|page|pagination|continuation|change|client_?request|lifecycle_?action|idempotency|cancel(?:lation)?|sync|input|output)[_-]?)';
const QUOTED = new RegExp(
  `${NO_CREDENTIAL}((?:${WORDS})[A-Za-z0-9_]{0,30})["'\`\\]]{0,2}(?:\\s{0,4}:\\s{0,4}(?:string|str))?\\s{0,8}(?::|=>|:?=)\\s{0,8}["'\`]([^\\s"'\`]{12,400})["'\`]`,
  'gi',
);
/** A whole line of a configuration: `KEY=value` or `key: value`, with no quotes and nothing that a program would have. */
const UNQUOTED = new RegExp(
  `^[ \\t]{0,80}(?:export +|- +)?[A-Za-z0-9_.-]{0,60}?((?:${WORDS})[A-Za-z0-9_]{0,30})[ \\t]{0,8}[:=][ \\t]{0,8}([^\\s"'\`,;(){}\\[\\]<>]{8,400})[ \\t]{0,8}(?:#[^\\n]{0,400})?\\r?$`,
  'gim',
);
const KUBERNETES =
  /^[ \t]{1,40}["']?[A-Za-z0-9_.-]{1,100}["']?:[ \t]{1,8}["']?([A-Za-z0-9+/]{12,4000}={0,2})["']?\r?$/gm;

/** What a key names when it does not name the secret itself: `token_endpoint`, `secretName`. */
const NAMES_SOMETHING_ELSE =
  /(?:ur[li]|endpoint|type|name|label|header|field|path|file|prefix|suffix|len(?:gth)?|ttl|expir\w{0,8}|alg\w{0,8}|enc|format|pattern|regex|schema|selector|template|error|message|hint|arn|ref|param\w{0,8}|class|kind|limit|count|size|policy|provider|store|service|var|version|title|text|description|scope|audience|issuer)s?$/i;
/** A value that names a place where the secret is, or a type: `https://…`, `./file`, `process.env.X`, `config.token`. */
const REFERENCE =
  /^(?:[a-z][a-z0-9+.-]{1,20}:\/\/|\.{0,2}\/|~\/|[$%@#&*]|(?:process\.env|os\.environ|import\.meta|env|secrets|vault|ref|arn|urn|file|op|data)[.:[/]|(?:string|number|boolean|any|unknown|str|int|bytes|true|false|null|none|undefined)\b|[A-Za-z_]\w{0,60}(?:\.[A-Za-z_]\w{0,60}){1,8}$)/i;

/** A time, a version, or code between two quotes of a line that has several: `)){a=1;b="`. */
const NO_VALUE = /^\d{4}-\d\d-\d\d(?:[T ]|$)|^\d{1,4}\.\d{1,4}\.\d{1,4}|\)[{;.]|&&|\|\||=>|\bfunction\b/;

const beside = (key: string, value: string): boolean =>
  !isPlaceholder(value) &&
  !REFERENCE.test(value) &&
  !NO_VALUE.test(value) &&
  looksGenerated(value, NAMES_SOMETHING_ELSE.test(key) ? 4.2 : 3.1);

/** A generated value beside a word such as `token`: the first group is the key, the second the value. */
export const WORD_CONTEXTS: readonly {
  readonly id: string;
  readonly title: string;
  readonly pattern: RegExp;
  isLikely(key: string, value: string): boolean;
}[] = [
  {
    id: 'assigned-secret',
    title: 'a value beside a word such as `token` or `password`',
    pattern: QUOTED,
    isLikely: beside,
  },
  {
    id: 'configured-secret',
    title: 'an unquoted value of a configuration',
    pattern: UNQUOTED,
    isLikely: (key, value) => beside(key, value) && /\d/.test(value),
  },
];

/** The values of `kind: Secret` manifests are base64, which hides them from every other pattern. */
export const KUBERNETES_SECRET = {
  id: 'kubernetes-secret',
  title: 'a value of a Kubernetes Secret',
  pattern: KUBERNETES,
};
