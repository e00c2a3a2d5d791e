import { ambiguous, distinct, formats } from './secret-format.js';
import { decodeBase64 } from './secret-values.js';

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
