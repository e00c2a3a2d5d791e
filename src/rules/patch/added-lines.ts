import { type Content, wholeOf } from '../../contracts/long-bytes.js';
import { isLongPatch, type LongPatch } from '../../contracts/record/long-patch.js';
import type { Patch } from '../../contracts/record/patch.js';
import { unquotePath } from '../paths/path-names.js';
import { PatchLines } from './patch-lines.js';

type AddedLine = Patch['added_lines'][number];

const HUNK = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

/**
 * The lines that a patch adds, with their numbers in the new file. Hunks are read by the counts in their headers, so
 * content that looks like a header is content.
 * @param patch what `git diff-tree -p --dst-prefix=b/` printed, with lines of context or without; text that is not UTF-8 gets U+FFFD.
 */
export function readAddedLines(patch: Uint8Array): readonly AddedLine[] {
  const added: AddedLine[] = [];
  let path: string | null = null;
  let line = 0;
  let removals = 0;
  let additions = 0;
  for (const lines = new PatchLines(patch); !lines.done; lines.skip()) {
    const sign = lines.sign();
    if (removals > 0 && sign === '-') {
      removals -= 1;
    } else if (additions > 0 && sign === '+') {
      additions -= 1;
      if (path !== null) added.push({ path, line, text: lines.text(1) });
      line += 1;
    } else if (removals > 0 && additions > 0 && sign === ' ') {
      removals -= 1;
      additions -= 1;
      line += 1;
    } else if (removals === 0 && additions === 0) {
      const header = lines.peek() ?? '';
      if (header.startsWith('diff --git ')) path = null;
      else if (header.startsWith('+++ ')) path = newPath(header.slice(4));
      const hunk = HUNK.exec(header);
      if (hunk !== null) {
        removals = Number(hunk[1] ?? 1);
        line = Number(hunk[2]);
        additions = Number(hunk[3] ?? 1);
      }
    }
  }
  return added;
}

/** Git ends a name that has spaces with a tab; `/dev/null` means that there is no file. */
function newPath(printed: string): string | null {
  const name = unquotePath(printed.replace(/\t$/, ''));
  return name.startsWith('b/') ? name.slice(2) : null;
}

/** What is known of a change besides the bytes that may be many. */
export interface ChangeParts extends Pick<Patch, 'files' | 'unclean'> {
  /** Where links point whose place alone may have changed. */
  readonly moved_links: Patch['added_lines'];
  /** Paths of binary files. */
  readonly binaries: readonly string[];
}

/** The bytes of a change. */
interface ChangeBytes {
  readonly bytes: Uint8Array;
  /** The text from which its added lines are read: git's own, whatever the bytes say. */
  readonly shown: Uint8Array;
  /** What the binary files hold, in the order of their paths. */
  readonly binaries: readonly Uint8Array[];
}

const latin1 = (bytes: Uint8Array): string => {
  let text = '';
  for (let from = 0; from < bytes.length; from += 8_192) {
    text += String.fromCharCode(...bytes.subarray(from, from + 8_192));
  }
  return text;
};

/** A change as rules judge it. */
function wholePatch({ files, unclean, moved_links, binaries }: ChangeParts, content: ChangeBytes): Patch {
  const added = readAddedLines(content.shown);
  const shown = new Set(added.map(({ path }) => path));
  return {
    bytes: content.bytes,
    files,
    // A link that was only moved is not shown, and from its new place it may lead elsewhere.
    added_lines: [...added, ...moved_links.filter(({ path }) => !shown.has(path))],
    // Without its zeros, UTF-16 reads as ASCII does, and so does source with a NUL in it.
    binary_texts: binaries.map((path, index) => ({
      path,
      text: latin1(content.binaries[index] ?? new Uint8Array()).replaceAll('\0', ''),
    })),
    ...(unclean === undefined ? {} : { unclean }),
  };
}

export const partsOf = ({ files, unclean, moved_links, binaries }: LongPatch): ChangeParts => ({
  files,
  ...(unclean === undefined ? {} : { unclean }),
  moved_links,
  binaries: binaries.map(({ path }) => path),
});

/** All of a change in memory; what held it is released. */
export async function wholeChange(change: Patch | LongPatch): Promise<Patch> {
  if (!isLongPatch(change)) return change;
  try {
    const contents = contentsOf(change);
    return await readChange(partsOf(change), (name) => wholeOf(contents(name)));
  } finally {
    change.release();
  }
}

/** The name of a content of a long change, for the process that reads it. */
const CHANGE_CONTENTS = { bytes: 'bytes', shown: 'shown', binary: (index: number) => `binary-${index}` } as const;

/** The contents of a long change, by the names under which another process asks for them. */
export function contentsOf(change: LongPatch): (name: string) => Content {
  const binaries = change.binaries.map(({ content }, index) => [CHANGE_CONTENTS.binary(index), content] as const);
  const contents = new Map<string, Content>([
    [CHANGE_CONTENTS.bytes, change.bytes],
    [CHANGE_CONTENTS.shown, change.shown],
    ...binaries,
  ]);
  return (name) => {
    const content = contents.get(name);
    if (content === undefined) throw new Error(`a change has no content ${name}`);
    return content;
  };
}

/** The change, for a process that asks for its contents. */
export async function readChange(parts: ChangeParts, whole: (name: string) => Promise<Uint8Array>): Promise<Patch> {
  const binaries: Uint8Array[] = [];
  for (const index of parts.binaries.keys()) binaries.push(await whole(CHANGE_CONTENTS.binary(index)));
  const [bytes, shown] = [await whole(CHANGE_CONTENTS.bytes), await whole(CHANGE_CONTENTS.shown)];
  return wholePatch(parts, { bytes, shown, binaries });
}
