import { isNoPerson, isPage } from './home-path-accounts.js';
import {
  buildsImage,
  describesMachine,
  holdsPatterns,
  isInContainer,
  isShortString,
  isUrlPath,
  isXmlPath,
  type LineContext,
} from './home-path-context.js';

/** An absolute path that names, or may name, somebody's home folder. */
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
