/** What surrounds a candidate on its line. */
export interface LineContext {
  readonly before: string;
  readonly after: string;
}

const CONTAINER_FILE = /(?:^|\/)(?:[^/]*[.-])?(?:dockerfile|containerfile|earthfile)(?:[.-][^/]*)?$/i;
const MACHINE_FILE =
  /(?:^|\/)(?:\.github|\.gitlab|\.circleci|\.buildkite|\.woodpecker|\.devcontainer|\.ci|ci|docker|containers?|k8s|kubernetes|helm|charts|ansible|packer|terraform)\/|(?:^|\/)(?:jenkinsfile|vagrantfile|user-data|cloud-init)[^/]*$|\.(?:ya?ml|tf|def|pkr\.hcl|service)$/i;
const IGNORE_FILE = /(?:^|\/)(?:\.[\w.-]*ignore|\.gitattributes|codeowners)$/i;
const MARKUP_FILE = /\.(?:xml|xsl|xslt|xsd|svg|xpath|wsdl)$/i;

/** A file that builds an image: every path in it is one of the image. */
export const buildsImage = (file: string): boolean => CONTAINER_FILE.test(file);

/** A file that says what a CI runner, a container or a machine does: it has its own root. */
export const describesMachine = (file: string): boolean => buildsImage(file) || MACHINE_FILE.test(file);

/** A file whose patterns begin at the top of the repository. */
export const holdsPatterns = (file: string): boolean => IGNORE_FILE.test(file);

const IN_CONTAINER =
  /\b(?:docker|podman|nerdctl|kubectl|buildah|WORKDIR|COPY|ADD|VOLUME|mountPath|--mount|chroot|devcontainer)\b/;
/** The part of a volume behind the colon, such as `./cache:/root/.cache`. */
const MOUNTED = /[\w./~})$-]:$/;

export const isInContainer = ({ before }: LineContext): boolean => IN_CONTAINER.test(before) || MOUNTED.test(before);

const XPATH = /xpath|selectNodes?\b|selectSingleNode|evaluate\(|findall\(|\b(?:match|select)=/i;

export const isXmlPath = (file: string, { before }: LineContext): boolean =>
  MARKUP_FILE.test(file) || XPATH.test(before);

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

export const isUrlPath = ({ before, after }: LineContext): boolean =>
  URL_AFTER.test(after) || URL_BEFORE.some((pattern) => pattern.test(before));

/** A call or setting that takes the path of a file, directly before the candidate. */
const FILE_BEFORE =
  /(?:\b(?:open|chdir|readFile(?:Sync)?|writeFile(?:Sync)?|readdir|mkdir|stat|unlink|exists|require|import|from|spawn|exec|Path|File|include|source|cd)\s*\(?\s*|\b(?:HOME|PWD|CWD|DIR|ROOT|WORKSPACE|cwd|homedir|home_dir|workdir|root_?[dD]ir|base_?[dD]ir|project_?[dD]ir)\b["']?\s*[:=]\s*)["'`]$/;

/** A whole string of one part, such as `'/home/dashboard'`: a page of an application as likely as a folder. */
export function isShortString({ before, after }: LineContext): boolean {
  const quote = /["'`]$/.exec(before)?.[0];
  return quote !== undefined && after.startsWith(quote) && !FILE_BEFORE.test(before);
}
