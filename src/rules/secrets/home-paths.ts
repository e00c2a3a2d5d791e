/** Accounts of containers, CI runners and virtual machines: their homes are the same on everybody's machine. */
const SERVICE_ACCOUNTS = new Set(
  `admin airflow ansible app apps appuser appveyor azureuser buildkite-agent builder build centos circleci ci
  cloudsdk coder codespace container core debian deploy deployer devcontainer dev django docker ec2-user
  elasticsearch fedora frappe git gitea github gitlab gitlab-runner gitpod go gradle hadoop jboss jenkins jovyan
  kubernetes linuxbrew mambauser maven minecraft mongodb mysql nginx nobody node nonroot odoo opc oracle php
  pi postgres puppeteer pptruser python rails redis root ruby runner rust seluser server service sonar spark steam
  streamlit superset svc tomcat travis ubuntu vagrant vcap vscode vsts webapp worker www www-data`.split(/\s+/),
);

/** Names that documentation uses for its reader. */
const PLACEHOLDER =
  /^(?:_|x{3,}|me|you|your[-_.]?(?:user[-_.]?)?name|your[-_.]?user|your[-_.]?account|user[-_.]?(?:name|id)?\d?|test[-_.]?user|some[-_.]?(?:one|body|user)|name|example|foo|bar|baz|johndoe|john\.doe)$/i;

/** Folders of macOS and Windows beside those of people, and the accounts of their CI images. */
const SHARED_ACCOUNTS =
  /^(?:runner|runneradmin|shared|guest|public|default|all users|vagrant|administrator|containeradministrator|containeruser|vssadministrator|anka|ec2-user|%username%)$/i;

/** Numbers, UUIDs and hexadecimal ids: of a record in an interface, not of a person's account. */
const RECORD_ID = /^(?:\d+|[0-9a-f]{8}-[0-9a-f-]{27}|(?=.*\d)[0-9a-f]{12,})$/i;

/** Whether `/home/NAME`, `/Users/NAME` or `C:\Users\NAME` is the home of no person. */
function isNoPerson(folder: 'home' | 'Users', name: string): boolean {
  if (PLACEHOLDER.test(name) || RECORD_ID.test(name)) return true;
  return folder === 'home' ? SERVICE_ACCOUNTS.has(name) : SHARED_ACCOUNTS.test(name);
}

/** First parts of the paths of pages and interfaces, such as `/home/dashboard`. */
const PAGE =
  /^(?:about|account|activity|all|analytics|api|articles?|banners?|blog|cards?|components?|contact|content|create|current|dashboard|detail|details|edit|faq|favorites|featured|feed|groups?|help|hero|history|images|inbox|index(?:\.\w+)?|info|list|login|logout|main|messages|new|news|notifications|orders|overview|pages?|popular|posts?|preferences|products?|profile|recent|recommended|reports?|roles?|search|sections?|self|settings|signin|signup|start|stats|summary|tab\d?|tabs|today|trending|welcome|widgets)$/i;

const isPage = (name: string): boolean => PAGE.test(name);

interface LineContext {
  readonly before: string;
  readonly after: string;
}

const CONTAINER_FILE = /(?:^|\/)(?:[^/]*[.-])?(?:dockerfile|containerfile|earthfile)(?:[.-][^/]*)?$/i;
const MACHINE_FILE =
  /(?:^|\/)(?:\.github|\.gitlab|\.circleci|\.buildkite|\.woodpecker|\.devcontainer|\.ci|ci|docker|containers?|k8s|kubernetes|helm|charts|ansible|packer|terraform)\/|(?:^|\/)(?:jenkinsfile|vagrantfile|user-data|cloud-init)[^/]*$|\.(?:ya?ml|tf|def|pkr\.hcl|service)$/i;
const IGNORE_FILE = /(?:^|\/)(?:\.[\w.-]*ignore|\.gitattributes|codeowners)$/i;
const MARKUP_FILE = /\.(?:xml|xsl|xslt|xsd|svg|xpath|wsdl)$/i;

/** A file that builds an image: every path in it is one of the image. */
const buildsImage = (file: string): boolean => CONTAINER_FILE.test(file);

/** A file that says what a CI runner, a container or a machine does: it has its own root. */
const describesMachine = (file: string): boolean => buildsImage(file) || MACHINE_FILE.test(file);

/** A file whose patterns begin at the top of the repository. */
const holdsPatterns = (file: string): boolean => IGNORE_FILE.test(file);

const IN_CONTAINER =
  /\b(?:docker|podman|nerdctl|kubectl|buildah|WORKDIR|COPY|ADD|VOLUME|mountPath|--mount|chroot|devcontainer)\b/;
/** The part of a volume behind the colon, such as `./cache:/root/.cache`. */
const MOUNTED = /[\w./~})$-]:$/;

const isInContainer = ({ before }: LineContext): boolean => IN_CONTAINER.test(before) || MOUNTED.test(before);

const XPATH = /xpath|selectNodes?\b|selectSingleNode|evaluate\(|findall\(|\b(?:match|select)=/i;

const isXmlPath = (file: string, { before }: LineContext): boolean => MARKUP_FILE.test(file) || XPATH.test(before);

/** A call, attribute, setting or request line that takes the path of a URL, directly before the candidate. */
const URL_BEFORE = [
  /(?:fetch|axios|ajax|request|route|router|redirect|navigate|visit|goto|href|url|uri|endpoint|mapping|link)(?:To|Path|Url|Json|JSON|_to|_path)?\s*[(:=]+\s*\{?["'`]$/i,
  /\.(?:get|post|put|patch|delete|head|options|all|use|push|replace)(?:JSON|Json)?\(\s*["'`]$/,
  /\b(?:Http)?(?:Get|Post|Put|Patch|Delete|Head)(?:Mapping)?\(\s*(?:value\s*=\s*)?["']$/,
  /\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\s+["'`]?$/,
  /\b(?:href|action|formaction|hx-\w+)\s*=\s*["'`{]*$/,
  /<[A-Za-z][^>]*\b(?:to|src|data-[\w-]+)\s*=\s*["'`{]*$/,
  /\b(?:location|handle|ProxyPass|RewriteRule|Redirect)\s+(?:[=~^*]+\s+)?\^?$/,
  /\bpathname\b.{0,30}["'`]$/,
  /(?:\+|\.)\s?["'`]$/,
];
const URL_AFTER = /^(?:\?|\s+HTTP\/\d)/;

const isUrlPath = ({ before, after }: LineContext): boolean =>
  URL_AFTER.test(after) || URL_BEFORE.some((pattern) => pattern.test(before));

/** A call or setting that takes the path of a file, directly before the candidate. */
const FILE_BEFORE =
  /(?:\b(?:open|chdir|readFile(?:Sync)?|writeFile(?:Sync)?|readdir|mkdir|stat|unlink|exists|require|import|from|spawn|exec|Path|File|include|source|cd)\s*\(?\s*|\b(?:HOME|PWD|CWD|DIR|ROOT|WORKSPACE|cwd|homedir|home_dir|workdir|root_?[dD]ir|base_?[dD]ir|project_?[dD]ir)\b["']?\s*[:=]\s*)["'`]$/;

/** A whole string of one part, such as `'/home/dashboard'`: a page of an application as likely as a folder. */
function isShortString({ before, after }: LineContext): boolean {
  const quote = /["'`]$/.exec(before)?.[0];
  return quote !== undefined && after.startsWith(quote) && !FILE_BEFORE.test(before);
}

/** An absolute path that names, or may name, a person's home folder. */
export interface HomePath {
  readonly text: string;
  /** False where it is as likely a path of a URL, a container or a CI runner. */
  readonly certain: boolean;
}

/** A path starts here: not inside a URL, a longer path, an alias (`@/home`) or a glob; behind `\n` or `-I` it does. */
const START = String.raw`(?:(?<![\p{L}\p{N}_.~/)}@#%*\\-])|(?<=\\[nrt])|(?<=(?:^|[\s"'])-[A-Za-z]))`;
const NAME = String.raw`[\p{L}\p{N}_][\p{L}\p{N}._-]*`;
const REST = String.raw`(?:\/[^\s"'\x60:;,)\]}>|?]*)?`;

const POSIX = new RegExp(
  String.raw`${START}(?:\/mnt\/[a-z]|\/[a-z]|\/var|\/usr|\/export|\/System\/Volumes\/Data)?\/(Users|home)\/(${NAME})(${REST})`,
  'gu',
);
const FILE_URL = new RegExp(String.raw`(?:file:\/{2,3}|vscode:\/\/file)(?:localhost)?\/?(Users|home)\/(${NAME})`, 'gu');
const WINDOWS =
  /(?<![\p{L}\p{N}])[A-Za-z]:[\\/]{1,2}(?:Users|Documents and Settings)[\\/]{1,2}(%?[\p{L}\p{N}_][\p{L}\p{N}._ %-]*)/giu;
const ROOT = new RegExp(String.raw`${START}\/root(?=\/|[\s"'\x60:;,)]|$)|file:\/\/\/root(?![\w-])`, 'gu');

/** Enough to see a call or an attribute; what is further away says nothing of the path. */
const CONTEXT = 120;

const around = (line: string, start: number, end: number): LineContext => ({
  before: line.slice(Math.max(0, start - CONTEXT), start),
  after: line.slice(end, end + CONTEXT),
});

/**
 * The paths of home folders on a line. Homes of service accounts and placeholders (`/home/node`, `/Users/runner`,
 * `/home/user`) belong to no person.
 * @param file the path of the file that holds the line; its name tells an image or a pipeline from a program
 */
export function homePathsIn(line: string, file: string): readonly HomePath[] {
  if (!/home|users|root|settings/i.test(line)) return [];
  return [
    ...Array.from(line.matchAll(POSIX), (match) => posixPath(match, line, file)),
    ...Array.from(line.matchAll(FILE_URL), ([text, folder, name = '']) =>
      isNoPerson(folder as 'home' | 'Users', name) ? null : { text, certain: true },
    ),
    ...Array.from(line.matchAll(WINDOWS), ([text, name = '']) =>
      isNoPerson('Users', name.trim()) ? null : { text, certain: true },
    ),
    ...Array.from(line.matchAll(ROOT), (match) => rootPath(match, line, file)),
  ].filter((path) => path !== null);
}

function posixPath(match: RegExpExecArray, line: string, file: string): HomePath | null {
  const [text, folder, name = '', rest = ''] = match;
  if (isNoPerson(folder as 'home' | 'Users', name.replace(/\.+$/, ''))) return null;
  const context = around(line, match.index, match.index + text.length);
  if (holdsPatterns(file) && /^\s*!?$/.test(line.slice(0, match.index))) return null;
  const inImage = folder === 'home' && buildsImage(file);
  const short = rest.replace(/\/$/, '') === '';
  const isKey = short && /^:(?:\s|$)/.test(context.after) && /^\s*$/.test(context.before);
  const unsure = inImage || isPage(name) || isUrlPath(context) || isKey || (short && isShortString(context));
  return { text, certain: !unsure };
}

/** Root's home names no person; outside of images and pipelines it is still a path of one machine. */
function rootPath(match: RegExpExecArray, line: string, file: string): HomePath | null {
  const [text] = match;
  const context = around(line, match.index, match.index + text.length);
  const closesTag = context.before.endsWith('<') && /^\s*>/.test(context.after);
  if (closesTag || describesMachine(file) || holdsPatterns(file) || isXmlPath(file, context)) return null;
  return { text, certain: !(isInContainer(context) || isUrlPath(context) || isShortString(context)) };
}
