/** Accounts of containers, CI runners and virtual machines: their homes are the same on everybody's machine. */
const SERVICE_ACCOUNTS = new Set(
  `admin airflow ansible app apps appuser appveyor azureuser buildkite-agent builder build centos circleci ci
  cloudsdk coder codespace container core debian deploy deployer devcontainer dev django docker ec2-user
  elasticsearch fedora frappe git gitea github gitlab gitlab-runner gitpod go gradle hadoop jboss jenkins jovyan
  kubernetes linuxbrew mambauser maven minecraft mongodb mysql nginx nobody node nonroot odoo opc oracle php
  pi postgres puppeteer pptruser python rails redis root ruby runner rust seluser server service sonar spark steam
  streamlit superset svc tomcat travis ubuntu vagrant vcap vscode vsts webapp worker www www-data`.split(/\s+/),
);

/** Names that documentation uses for whoever reads it. */
const PLACEHOLDER =
  /^(?:_|x{3,}|me|you|your[-_.]?(?:user[-_.]?)?name|your[-_.]?user|your[-_.]?account|user[-_.]?(?:name|id)?\d?|test[-_.]?user|some[-_.]?(?:one|body|user)|name|example|foo|bar|baz|johndoe|john\.doe)$/i;

/** Folders of macOS and Windows beside those of people, and the accounts of their CI images. */
const SHARED_ACCOUNTS =
  /^(?:runner|runneradmin|shared|guest|public|default|all users|vagrant|administrator|containeradministrator|containeruser|vssadministrator|anka|ec2-user|%username%)$/i;

/** Numbers, UUIDs and hexadecimal ids: of a record in an interface, not of a person's account. */
const RECORD_ID = /^(?:\d+|[0-9a-f]{8}-[0-9a-f-]{27}|(?=.*\d)[0-9a-f]{12,})$/i;

/** Whether `/home/NAME`, `/Users/NAME` or `C:\Users\NAME` is the home of no person. */
export function isNoPerson(folder: 'home' | 'Users', name: string): boolean {
  if (PLACEHOLDER.test(name) || RECORD_ID.test(name)) return true;
  return folder === 'home' ? SERVICE_ACCOUNTS.has(name) : SHARED_ACCOUNTS.test(name);
}

/** First parts of the paths of pages and interfaces, such as `/home/dashboard`. */
const PAGE =
  /^(?:about|account|activity|all|analytics|api|articles?|banners?|blog|cards?|components?|contact|content|create|current|dashboard|detail|details|edit|faq|favorites|featured|feed|groups?|help|hero|history|images|inbox|index(?:\.\w+)?|info|list|login|logout|main|messages|new|news|notifications|orders|overview|pages?|popular|posts?|preferences|products?|profile|recent|recommended|reports?|roles?|search|sections?|self|settings|signin|signup|start|stats|summary|tab\d?|tabs|today|trending|welcome|widgets)$/i;

export const isPage = (name: string): boolean => PAGE.test(name);
