import { ambiguous, byStrength, decodeBase64, distinct, formats } from './secret-format.js';

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
  [
    'aws-access-key',
    'an AWS access key id',
    'akia asia abia acca',
    /(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])/g,
  ],
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
  ['aws-bedrock-key', 'an AWS Bedrock API key', 'absk', /(?<![A-Za-z0-9])ABSK[A-Za-z0-9+/]{109,269}/g],
  [
    'aws-mws-token',
    'an Amazon MWS token',
    'amzn.mws',
    /amzn\.mws\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi,
  ],
  ['gcp-api-key', 'a Google API key', 'aiza', /(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/g],
  [
    'gcp-service-account',
    'the key of a Google service account',
    'private_key_id',
    /["']private_key_id["']\s{0,8}:\s{0,8}["']([0-9a-f]{40})["']/g,
  ],
  ['gcp-oauth-secret', 'a Google OAuth client secret', 'gocspx-', /GOCSPX-[A-Za-z0-9_-]{28}/g],
  ['gcp-access-token', 'a Google access token', 'ya29.', /(?<![A-Za-z0-9])ya29\.[A-Za-z0-9_-]{30,500}/g],
  ['gcp-refresh-token', 'a Google refresh token', '1//0', /(?<![A-Za-z0-9/])1\/\/0[A-Za-z0-9_-]{40,120}/g],
  ['firebase-server-key', 'a Firebase server key', 'aaaa', /(?<![A-Za-z0-9])AAAA[A-Za-z0-9_-]{7}:[A-Za-z0-9_-]{140}/g],
  ['azure-storage-key', 'an Azure storage account key', 'accountkey=', /AccountKey=([A-Za-z0-9+/]{86}==)/gi],
  ['azure-sas', 'an Azure shared access signature', 'sig=', /[?&;]sig=([A-Za-z0-9%+/]{43,120}(?:%3D|=))/gi],
  ['azure-service-bus', 'an Azure shared access key', 'sharedaccesskey=', /SharedAccessKey=([A-Za-z0-9+/]{43}=)/gi],
  [
    'azure-client-secret',
    'an Azure client secret',
    'q~',
    /(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}/g,
  ],
  ['azure-devops-token', 'an Azure DevOps token', 'azdo', /(?<![A-Za-z0-9])[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}/g],
  ['azure-openai-key', 'an Azure AI key', 'jqqj99', /(?<![A-Za-z0-9])[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{20,40}/g],
  ['digitalocean-token', 'a DigitalOcean token', 'dop_v1_ doo_v1_ dor_v1_', /do[opr]_v1_[0-9a-f]{64}/g],
  ['alibaba-access-key', 'an Alibaba Cloud access key', 'ltai', /(?<![A-Za-z0-9])LTAI[A-Za-z0-9]{20}(?![A-Za-z0-9])/g],
  ['tencent-secret-id', 'a Tencent Cloud secret id', 'akid', /(?<![A-Za-z0-9])AKID[A-Za-z0-9]{32}(?![A-Za-z0-9])/g],
  [
    'scaleway-access-key',
    'a Scaleway access key',
    'scw',
    /(?<![A-Za-z0-9])SCW(?=[A-Z]{0,17}\d)[A-Z0-9]{17}(?![A-Za-z0-9])/g,
  ],
  ['yandex-api-key', 'a Yandex Cloud API key', 'aqvn', /(?<![A-Za-z0-9])AQVN[A-Za-z0-9_-]{35,38}/g],
  ['cloudflare-origin-key', 'a Cloudflare origin key', 'v1.0-', /v1\.0-[0-9a-f]{24}-[0-9a-f]{146}/g],
  ['heroku-token', 'a Heroku token', 'hrku-', /HRKU-[A-Za-z0-9_-]{36,70}/g],
  [
    'heroku-api-key',
    'a Heroku API key',
    'heroku',
    /heroku[\w .-]{0,30}["']?\s{0,4}[:=]\s{0,4}["']?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/gi,
    byStrength,
  ],
  [
    'fly-token',
    'a Fly.io token',
    'fm1_ fm2_ fo1_',
    /(?<![A-Za-z0-9])(?:fo1_[A-Za-z0-9_-]{43}|fm[12]a?r?_[A-Za-z0-9+/]{100,2000})/g,
  ],
  ['vault-token', 'a HashiCorp Vault token', 'hvs. hvb. hvr.', /(?<![A-Za-z0-9])hv[sbr]\.[A-Za-z0-9_-]{24,300}/g],
  [
    'terraform-cloud-token',
    'a Terraform Cloud token',
    '.atlasv1.',
    /(?<![A-Za-z0-9])[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}/g,
  ],
  ['pulumi-token', 'a Pulumi token', 'pul-', /(?<![A-Za-z0-9])pul-[0-9a-f]{40}/g],
  [
    'doppler-token',
    'a Doppler token',
    'dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.',
    /(?<![A-Za-z0-9])dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}/g,
  ],
  ['databricks-token', 'a Databricks token', 'dapi', /(?<![A-Za-z0-9])dapi[0-9a-f]{32}/g],
  ['planetscale-token', 'a PlanetScale token', 'pscale_', /pscale_(?:tkn|pw|oauth)_[A-Za-z0-9=._-]{32,64}/g],
  [
    'supabase-token',
    'a Supabase key',
    'sbp_ sb_secret_',
    /(?<![A-Za-z0-9])(?:sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{31})/g,
  ],
  ['onepassword-token', 'a 1Password service account token', 'ops_eyj', /ops_eyJ[A-Za-z0-9+/]{250,4000}/g],
  [
    'datadog-key',
    'a Datadog key',
    'datadog dd_ ddog',
    /(?:datadog|dd|ddog)[\w .-]{0,30}["']?\s{0,4}[:=]\s{0,4}["']?([0-9a-f]{40}|[0-9a-f]{32})(?![0-9a-f])/gi,
  ],
  [
    'new-relic-key',
    'a New Relic key',
    'nrak- nrii- nraa- nrra-',
    /(?<![A-Za-z0-9])(?:NRAK-[A-Z0-9]{27}|NRII-[A-Za-z0-9_-]{32}|NR[AR]A-[0-9a-f]{42})/g,
  ],
  ['dynatrace-token', 'a Dynatrace token', 'dt0', /dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}/g],
  [
    'grafana-token',
    'a Grafana token',
    'glsa_ glc_ eyjrijoi',
    /(?<![A-Za-z0-9])(?:glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|glc_[A-Za-z0-9+/]{32,400}|eyJrIjoi[A-Za-z0-9+/]{60,400})/g,
  ],
  ['sentry-token', 'a Sentry token', 'sntrys_ sntryu_', /sntry(?:u_[0-9a-f]{64}|s_eyJ[A-Za-z0-9+/=_]{60,500})/g],
  ['honeycomb-key', 'a Honeycomb key', 'hcaik_ hcbik_ hcalk_', /(?<![A-Za-z0-9])hc[abx][il]k_[a-z0-9]{58}/g],
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

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

/** The first part of a Discord bot token is base64 of the bot's number. */
const discordBot = (value: string) =>
  /^\d{17,20}$/.test(decodeBase64(value.split('.')[0] ?? '') ?? '') ? distinct(value) : null;

/** Credentials of payment, mail, chat, shop and other services. */
export const SERVICE_FORMATS = formats([
  ['stripe-live-key', 'a live Stripe secret key', 'sk_live_', /(?<![A-Za-z0-9])sk_live_[A-Za-z0-9]{16,250}/g],
  ['stripe-restricted-key', 'a live restricted Stripe key', 'rk_live_', /(?<![A-Za-z0-9])rk_live_[A-Za-z0-9]{16,250}/g],
  [
    'stripe-test-key',
    'a Stripe test key',
    'sk_test_ rk_test_',
    /(?<![A-Za-z0-9])[sr]k_test_[A-Za-z0-9]{20,250}/g,
    ambiguous,
  ],
  ['webhook-secret', 'a webhook signing secret', 'whsec_', /(?<![A-Za-z0-9])whsec_[A-Za-z0-9+/]{32,64}/g],
  [
    'square-token',
    'a Square token',
    'eaaa sq0csp- sq0atp-',
    /(?<![A-Za-z0-9])(?:EAAA[A-Za-z0-9_-]{60}(?![A-Za-z0-9_-])|sq0csp-[A-Za-z0-9_-]{43}|sq0atp-[A-Za-z0-9_-]{22})/g,
  ],
  [
    'paypal-braintree-token',
    'a Braintree token',
    'access_token$production',
    /access_token\$production\$[0-9a-z]{16}\$[0-9a-f]{32}/g,
  ],
  [
    'shopify-token',
    'a Shopify token',
    'shpat_ shpca_ shppa_ shpss_',
    /(?<![A-Za-z0-9])shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}/g,
  ],
  ['razorpay-key', 'a live Razorpay key', 'rzp_live_', /rzp_live_[A-Za-z0-9]{14}/g],
  [
    'plaid-token',
    'a Plaid access token',
    'access-production- access-development-',
    new RegExp(`access-(?:production|development)-${UUID}`, 'g'),
  ],
  ['easypost-key', 'an EasyPost key', 'ezak ezap', /(?<![A-Za-z0-9])EZA[KP][A-Za-z0-9]{54}/g],
  ['shippo-token', 'a live Shippo token', 'shippo_live_', /shippo_live_[0-9a-f]{40}/g],
  ['duffel-token', 'a live Duffel token', 'duffel_live_', /duffel_live_[A-Za-z0-9_=-]{43}/g],
  ['flutterwave-key', 'a Flutterwave secret key', 'flwseck', /FLWSECK(?:_LIVE)?-[0-9a-z]{32}-X/g],
  ['sendgrid-key', 'a SendGrid key', 'sg.', /(?<![A-Za-z0-9])SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}/g],
  ['mailgun-key', 'a Mailgun key', 'key-', /(?<![A-Za-z0-9])key-[0-9a-f]{32}(?![0-9a-f])/g],
  ['mailchimp-key', 'a Mailchimp key', '-us', /(?<![A-Za-z0-9])[0-9a-f]{32}-us\d{1,2}(?![A-Za-z0-9])/g],
  ['brevo-key', 'a Brevo key', 'xkeysib- xsmtpsib-', /x(?:key|smtp)sib-[0-9a-f]{64}-[A-Za-z0-9]{16}/g],
  [
    'resend-key',
    'a Resend key',
    're_',
    /(?<![A-Za-z0-9])re_[A-Za-z0-9]{8}_(?=[A-Za-z]{0,23}\d)[A-Za-z0-9]{24}(?![A-Za-z0-9])/g,
  ],
  ['twilio-key', 'a Twilio API key', 'sk', /(?<![A-Za-z0-9])SK[0-9a-f]{32}(?![A-Za-z0-9])/g],
  [
    'twilio-auth-token',
    'a Twilio auth token',
    'twilio',
    /twilio[\w .-]{0,30}["']?\s{0,4}[:=]\s{0,4}["']?([0-9a-f]{32})(?![0-9a-f])/gi,
  ],
  [
    'slack-token',
    'a Slack token',
    'xox xapp-',
    /(?<![A-Za-z0-9])(?:xox[abeoprs]-(?=[A-Za-z-]{0,80}\d)[A-Za-z0-9-]{10,250}|xapp-\d-[A-Za-z0-9-]{10,250})/g,
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
  [
    'telegram-bot-token',
    'a Telegram bot token',
    ':aa',
    /(?<![A-Za-z0-9])\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])/g,
  ],
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
  ['dropbox-token', 'a Dropbox token', 'sl.', /(?<![A-Za-z0-9])sl\.(?:u\.)?[A-Za-z0-9_-]{130,1500}/g],
  [
    'okta-token',
    'an Okta token',
    'okta ssws',
    /(?:okta[\w .-]{0,30}["']?\s{0,4}[:=]\s{0,4}["']?|SSWS\s{1,4})(00[A-Za-z0-9_-]{40})(?![A-Za-z0-9_-])/gi,
  ],
  [
    'launchdarkly-key',
    'a LaunchDarkly SDK key',
    'sdk- api-',
    new RegExp(`(?<![A-Za-z0-9])(?:sdk|api)-${UUID}`, 'g'),
    ambiguous,
  ],
]);
