import { join } from 'node:path';
import { replaceFile } from '../platform/durable-files.js';
import { homeFolder } from '../platform/home-folder.js';
import { makeFolders } from '../platform/make-folders.js';

export type Variables = Readonly<Record<string, string | undefined>>;

/**
 * The variables that reach git: how to find programs, how to reach a host. Credentials for clone URLs come through
 * `SSH_AUTH_SOCK`, or `HOME` and the `.netrc` in it, and in no other way: no credential helper, no prompt, no `GIT_*`.
 */
const PASSED_VARIABLES = [
  'PATH',
  'TMPDIR',
  'SSH_AUTH_SOCK',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'].flatMap((name) => [name, name.toLowerCase()]),
];

/** Where git is looked for without a PATH. */
const FALLBACK_PATH = '/usr/local/bin:/opt/homebrew/bin:/usr/bin:/bin';

/** Takes the place of `~/.gitconfig`; the system's configuration is not read at all. */
const ENGINE_CONFIG = `[safe]
\tdirectory = *
[core]
\thooksPath = /dev/null
\tattributesFile = /dev/null
\texcludesFile = /dev/null
\tfsmonitor = false
\tuntrackedCache = false
\tautocrlf = false
\tsafecrlf = false
\tprotectHFS = true
\tprotectNTFS = true
\tquotePath = true
\tsplitIndex = false
[index]
\tversion = 2
\tsparse = false
[init]
\tdefaultBranch = promptos
[gc]
\tauto = 0
[maintenance]
\tauto = false
[submodule]
\trecurse = false
[fetch]
\trecurseSubmodules = false
[diff]
\trenameLimit = 1000
\tsubmodule = short
[credential]
\thelper =
[uploadpack]
\tallowAnySHA1InWant = true
[commit]
\tgpgSign = false
`;

/**
 * The transports that git may use; `file` is that of a path. Every other one is a program that a URL names: `ext::` takes a
 * whole command line, and `NAME::` runs `git-remote-NAME`.
 */
const TRANSPORTS = ['file', 'git', 'http', 'https', 'ssh'];

/** Attributes that give exact bytes: with the highest precedence, nothing is converted, filtered or shown by a driver. */
export const EXACT_BYTES_ATTRIBUTES =
  '* -text -crlf -eol -filter -ident -working-tree-encoding !diff !merge !whitespace !conflict-marker-size\n';

/** The environments of the engine's git. */
export interface EngineGitEnv {
  /** For everything that happens on this machine. */
  readonly local: Readonly<Record<string, string>>;
  /** For clone URLs: the caller's `HOME` as well, because of `.netrc`. */
  readonly remote: Readonly<Record<string, string>>;
}

/**
 * For the engine's own work on mirrors and checkouts: its own configuration under `<stateDir>/git`, and nothing of the
 * user's.
 * @param variables the process's environment, of which only {@link PASSED_VARIABLES} are taken.
 */
export async function engineGitEnv(stateDir: string, variables: Variables): Promise<EngineGitEnv> {
  const home = join(stateDir, 'git');
  await makeFolders(home);
  // Older git, which does not know GIT_CONFIG_GLOBAL, finds it by this name in HOME.
  const config = join(home, '.gitconfig');
  await replaceFile({ path: config, text: ENGINE_CONFIG });
  const local = {
    PATH: FALLBACK_PATH,
    ...defined(variables, (name) => PASSED_VARIABLES.includes(name)),
    HOME: home,
    XDG_CONFIG_HOME: home,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: config,
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_LITERAL_PATHSPECS: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_SSH_COMMAND: 'ssh -o BatchMode=yes',
    // Before any configuration, that of a repository included.
    GIT_ALLOW_PROTOCOL: TRANSPORTS.join(':'),
    // A repository's own configuration comes after the global one; this comes after both.
    GIT_CONFIG_COUNT: '2',
    GIT_CONFIG_KEY_0: 'core.fsmonitor',
    GIT_CONFIG_VALUE_0: 'false',
    GIT_CONFIG_KEY_1: 'core.hooksPath',
    GIT_CONFIG_VALUE_1: '/dev/null',
  };
  return { local, remote: { ...local, HOME: variables.HOME ?? home } };
}

/** Where git finds the configuration of a person and of the system. */
const CONFIGURATION_VARIABLES = ['GIT_CONFIG_GLOBAL', 'GIT_CONFIG_SYSTEM', 'GIT_CONFIG_NOSYSTEM'];

/**
 * For reading a user's repository without any change to it: with the user's configuration, which says what git trusts,
 * and without any other `GIT_*` variable, which could name another repository or change what git prints.
 */
export const readOnlyGitEnv = (variables: Variables): Record<string, string> => ({
  PATH: FALLBACK_PATH,
  HOME: homeFolder(),
  ...defined(variables, (name) => !name.startsWith('GIT_') || CONFIGURATION_VARIABLES.includes(name)),
  LC_ALL: 'C',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_TERMINAL_PROMPT: '0',
});

/** What points git at a repository other than the one it is called in (`git rev-parse --local-env-vars`). */
const LOCAL_VARIABLES = [
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_CONFIG',
  'GIT_CONFIG_PARAMETERS',
  'GIT_CONFIG_COUNT',
  'GIT_OBJECT_DIRECTORY',
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_GRAFT_FILE',
  'GIT_INDEX_FILE',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_REPLACE_REF_BASE',
  'GIT_PREFIX',
  'GIT_SHALLOW_FILE',
  'GIT_COMMON_DIR',
];

/** For what git does in a person's name, as that person would do it: with their configuration, identity and signing. */
export const userGitEnv = (variables: Variables): Record<string, string> => ({
  ...defined(variables, (name) => !LOCAL_VARIABLES.includes(name)),
  LC_ALL: 'C',
});

const defined = (variables: Variables, wanted: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(
    Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined && wanted(entry[0])),
  );
