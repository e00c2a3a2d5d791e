import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../platform/durable-files.js';

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
] as const;

/** Where git is looked for when nobody says. */
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

export interface GitEnvironment {
  /** For everything that happens on this machine. */
  readonly local: Readonly<Record<string, string>>;
  /** For clone URLs: the caller's `HOME` as well, because of `.netrc`. */
  readonly remote: Readonly<Record<string, string>>;
}

/**
 * The environment of the engine's git: its own configuration under `<stateDir>/git`, and nothing of the user's.
 * @param variables the process's environment, of which only {@link PASSED_VARIABLES} are taken.
 */
export async function createGitEnvironment(stateDir: string, variables: Variables): Promise<GitEnvironment> {
  const home = join(stateDir, 'git');
  await mkdir(home, { recursive: true });
  // Older git, which does not know GIT_CONFIG_GLOBAL, finds it by this name in HOME.
  const config = join(home, '.gitconfig');
  await replaceFile({ path: config, text: ENGINE_CONFIG });
  const passed = Object.fromEntries(
    PASSED_VARIABLES.flatMap((name) => (variables[name] === undefined ? [] : [[name, variables[name]]])),
  );
  const local = {
    PATH: FALLBACK_PATH,
    ...passed,
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
