/** UTF-8 bytes of a published path: a tree is unpacked into folders whose own paths need room too. */
const PORTABLE_PATH_BYTES = 200;

/** Control characters, those that direct the text, and invisible ones. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufffd]/u;

/** Characters that no file name has on Windows, and the separator that it takes as well. */
const FORBIDDEN = /[<>:"|?*\\]/;

/** Names of devices on Windows, whatever follows the first dot. */
const DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i;

/** Names that git, or a file system, takes for its own folder. */
const GIT_NAME = /^(?:\.git|git~\d+)(?:$|[.: ])/i;

function segmentProblem(segment: string): string | null {
  if (segment === '') return 'has an empty segment';
  if (segment === '.' || segment === '..') return `has the segment "${segment}"`;
  if (/[. ]$/.test(segment) || segment.startsWith(' ')) return 'has a segment that ends in a dot or a space';
  if (DEVICE.test(segment)) return `has the name "${segment}", which is a device on Windows`;
  if (GIT_NAME.test(segment)) return 'is inside a .git folder';
  return null;
}

/**
 * Why a path of a published tree is not the same file on every system, as a clause; null when it is. Relative, forward
 * slashes, NFC, visible characters, no reserved name, at most 200 bytes.
 */
export function portablePathProblem(path: string): string | null {
  if (path === '') return 'is empty';
  if (new TextEncoder().encode(path).byteLength > PORTABLE_PATH_BYTES) {
    return `is longer than ${PORTABLE_PATH_BYTES} bytes`;
  }
  if (UNSEEN.test(path)) return 'has control, invisible or text-directing characters';
  if (path !== path.normalize('NFC')) return 'is not in Unicode form NFC';
  if (FORBIDDEN.test(path)) return 'has a character that is not allowed on every system';
  for (const segment of path.split('/')) {
    const problem = segmentProblem(segment);
    if (problem !== null) return problem;
  }
  return null;
}
