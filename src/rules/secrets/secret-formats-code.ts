import {
  ambiguous,
  byStrength,
  decodeBase64,
  formats,
  isPlaceholder,
  looksGenerated,
  whole,
  word,
} from './secret-format.js';

/** `"auth": "…"` of a Docker configuration is base64 of `user:password`. */
const dockerAuth = (value: string) => {
  const [, password] = /^[^:]{1,200}:(.{3,2000})$/s.exec(decodeBase64(value) ?? '') ?? [];
  return password === undefined ? null : byStrength(password);
};

/** Credentials of hosts of code, registries of packages, builds, and the tools of developers. */
export const CODE_FORMATS = formats([
  ['github-token', 'a GitHub token', 'ghp_ gho_ ghu_ ghs_ ghr_', word(/gh[pousr]_[A-Za-z0-9]{36,255}/)],
  ['github-fine-grained', 'a fine-grained GitHub token', 'github_pat_', /github_pat_[A-Za-z0-9_]{22,255}/g],
  ['gitlab-token', 'a GitLab access token', 'glpat-', word(/glpat-[A-Za-z0-9_.-]{20,300}/)],
  ['gitlab-deploy-token', 'a GitLab deploy token', 'gldt-', word(/gldt-[A-Za-z0-9_-]{20,100}/)],
  [
    'gitlab-runner-token',
    'a GitLab runner token',
    'glrt- gr1348941',
    word(/(?:glrt-|GR1348941)[A-Za-z0-9_.-]{20,100}/),
  ],
  ['gitlab-trigger-token', 'a GitLab trigger token', 'glptt-', word(/glptt-[0-9a-f]{40}/)],
  [
    'gitlab-service-token',
    'a GitLab token of a service',
    'glcbt- gloas- glsoat- glft- glimt- glagent- glffct-',
    word(/gl(?:cbt|oas|soat|ft|imt|agent|ffct)-[A-Za-z0-9_-]{20,100}/),
  ],
  ['bitbucket-token', 'a Bitbucket app password', 'atbb', whole(/ATBB[A-Za-z0-9]{28,32}/)],
  ['atlassian-token', 'an Atlassian API token', 'atatt3 atctt3 atstt3', word(/AT[ACS]TT3[A-Za-z0-9_=-]{60,300}/)],
  ['npm-token', 'an npm token', 'npm_', word(/npm_[A-Za-z0-9]{36}/)],
  [
    'npmrc-auth',
    'a registry token of .npmrc',
    '_authtoken _auth _password',
    /:_(?:authToken|auth|password)\s{0,4}=\s{0,4}["']?([A-Za-z0-9+/=_-]{8,400})/g,
    byStrength,
  ],
  ['pypi-token', 'a PyPI token', 'pypi-age', /pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,1000}/g],
  ['rubygems-key', 'a RubyGems key', 'rubygems_', /rubygems_[0-9a-f]{48}/g],
  ['crates-io-token', 'a crates.io token', 'cio', whole(/cio[A-Za-z0-9]{32}/)],
  ['nuget-key', 'a NuGet key', 'oy2', whole(/oy2[a-z0-9]{43}/)],
  ['clojars-token', 'a Clojars token', 'clojars_', /CLOJARS_[a-z0-9]{60}/gi],
  ['docker-hub-token', 'a Docker Hub token', 'dckr_pat_ dckr_oat_', /dckr_[po]at_[A-Za-z0-9_-]{27,40}/g],
  [
    'docker-auth',
    'a registry login of Docker',
    '"auth"',
    /"auth"\s{0,8}:\s{0,8}"([A-Za-z0-9+/]{8,2000}={0,2})"/g,
    dockerAuth,
  ],
  ['jfrog-key', 'a JFrog key', 'akcp cmvmdgtu', whole(/AKCp[A-Za-z0-9]{69,73}|cmVmdGtu[A-Za-z0-9]{56}/)],
  ['postman-key', 'a Postman key', 'pmak-', /PMAK-[0-9a-f]{24}-[0-9a-f]{34}/g],
  ['sonarqube-token', 'a SonarQube token', 'sqp_ sqa_ squ_', word(/sq[pau]_[0-9a-f]{40}/)],
  ['circleci-token', 'a CircleCI token', 'ccipat_ ccipra_', /CCIP(?:AT|RA)_[A-Za-z0-9]{22}_[0-9a-f]{40}/g],
  ['buildkite-token', 'a Buildkite token', 'bkua_', word(/bkua_[0-9a-f]{40}/)],
  ['netlify-token', 'a Netlify token', 'nfp_', word(/nfp_[A-Za-z0-9]{36}/)],
  ['linear-key', 'a Linear key', 'lin_api_ lin_oauth_', /lin_(?:api|oauth)_[A-Za-z0-9]{40,64}/g],
  [
    'notion-token',
    'a Notion token',
    'secret_ ntn_',
    /(?<![A-Za-z0-9_])(?:secret_(?=[A-Za-z]{0,42}\d)[A-Za-z0-9]{43}(?![A-Za-z0-9_])|ntn_\d{11}[A-Za-z0-9]{35})/g,
  ],
  ['figma-token', 'a Figma token', 'figd_', /figd_[A-Za-z0-9_-]{40,60}/g],
  ['airtable-token', 'an Airtable token', 'pat', word(/pat[A-Za-z0-9]{14}\.[0-9a-f]{64}/)],
  ['prefect-key', 'a Prefect key', 'pnu_', word(/pnu_[a-z0-9]{36}/)],
  ['readme-key', 'a ReadMe key', 'rdme_', word(/rdme_[a-z0-9]{70}/)],
  ['contentful-token', 'a Contentful token', 'cfpat-', /CFPAT-[A-Za-z0-9_-]{43}/g],
  ['typeform-token', 'a Typeform token', 'tfp_', word(/tfp_[A-Za-z0-9_.-]{40,80}/)],
  [
    'openai-key',
    'an OpenAI key',
    'sk-proj- sk-svcacct- sk-admin- t3blbkfj',
    word(/sk-(?:(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,250}|[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})/),
  ],
  [
    'openai-legacy-key',
    'a key of a model provider',
    'sk-',
    /(?<![A-Za-z0-9_-])sk-(?=[A-Za-z]{0,47}\d)[A-Za-z0-9]{32,64}(?![A-Za-z0-9_-])/g,
  ],
  ['anthropic-key', 'an Anthropic key', 'sk-ant-', word(/sk-ant-[A-Za-z0-9_-]{24,200}/)],
  ['openrouter-key', 'an OpenRouter key', 'sk-or-', word(/sk-or-v1-[0-9a-f]{64}/)],
  [
    'huggingface-token',
    'a Hugging Face token',
    'hf_ api_org_',
    whole(/(?:hf_|api_org_)(?:(?=[a-z]{0,33}[A-Z])[A-Za-z]{34}|(?=[A-Za-z]{0,33}\d)[A-Za-z0-9]{34})/),
  ],
  ['groq-key', 'a Groq key', 'gsk_', word(/gsk_[A-Za-z0-9]{52}/)],
  ['replicate-token', 'a Replicate token', 'r8_', word(/r8_[A-Za-z0-9]{37}/)],
  ['perplexity-key', 'a Perplexity key', 'pplx-', word(/pplx-[A-Za-z0-9]{48}/)],
  ['xai-key', 'an xAI key', 'xai-', word(/xai-[A-Za-z0-9]{70,90}/)],
  ['langsmith-key', 'a LangSmith key', 'lsv2_', /lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}/g],
  ['pinecone-key', 'a Pinecone key', 'pcsk_', /pcsk_[A-Za-z0-9_]{50,90}/g],
]);

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
