import type { Patch, PatchFile } from '../../contracts/record/patch.js';
import { unquotePath } from '../paths/path-names.js';
import { PatchLines } from './patch-lines.js';

/** A file of a patch as its text shows it. */
export interface ParsedFile extends PatchFile {
  /** What the patch shows of the content; with `none` it does not say whether the file is binary. */
  readonly shown: 'text' | 'binary' | 'none';
}

export interface ParsedPatch {
  readonly files: readonly ParsedFile[];
  readonly added_lines: Patch['added_lines'];
  /** The content of each file before and after, by its path; a file that is only moved, or has another mode alone, is missing. */
  readonly blobs: ReadonlyMap<string, FileBlobs>;
  /** The first place at which the text is not what git writes; then the rest was not read. */
  readonly problem: string | null;
}

/** The names that git gives to contents; null where there is no file. */
interface FileBlobs {
  readonly before: string | null;
  readonly after: string | null;
}

/** One line of a hunk, with its number on its own side: the old file's for `-`, the new file's for the others. */
export interface HunkLine {
  readonly sign: '+' | '-' | ' ';
  readonly line: number;
  readonly text: string;
}

/** Is asked for each line of a hunk whether its text is wanted, and takes it. */
export interface HunkReader {
  /** A hunk of a file begins. */
  begin(path: string): void;
  wants(path: string, line: number): boolean;
  take(path: string, line: HunkLine): void;
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;
const BINARY_SIZE = /^(?:literal|delta) \d+$/;
const BASE85 = /^[A-Za-z][0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]+$/;

/**
 * Reads the text of a patch as `git diff-tree -p --binary --full-index --find-renames` writes it, from its bytes alone.
 * Strict: whatever else `git apply` would take (text between files, patches without git's header, empty context lines)
 * is a problem, so that nothing is applied that was not judged.
 */
export function parsePatch(bytes: Uint8Array, reader: HunkReader | null = null): ParsedPatch {
  const lines = new PatchLines(bytes);
  const files: ParsedFile[] = [];
  const added: Patch['added_lines'][number][] = [];
  const blobs = new Map<string, FileBlobs>();
  try {
    if (bytes.length > 0 && bytes[bytes.length - 1] !== 10) throw new PatchProblem('it does not end with a newline');
    const seen = new Set<string>();
    while (!lines.done) {
      const { blobs: both, ...file } = readFile(lines, added, reader);
      // A change of type has a deletion and an addition.
      if (both !== null)
        blobs.set(file.path, { before: blobs.get(file.path)?.before ?? both.before, after: both.after });
      addFile(files, seen, file);
    }
    return { files, added_lines: added, blobs, problem: null };
  } catch (error) {
    if (!(error instanceof PatchProblem)) throw error;
    return { files, added_lines: added, blobs, problem: `line ${lines.number + 1}: ${error.message}` };
  }
}

class PatchProblem extends Error {}

function readFile(
  lines: PatchLines,
  added: Patch['added_lines'][number][],
  reader: HunkReader | null,
): ParsedFile & Pick<FileHeader, 'blobs'> {
  const header = readFileHeader(lines);
  if (typeof header === 'string') throw new PatchProblem(header);
  const { hasContent, ...named } = header;
  const counts = { added: 0, deleted: 0 };
  const file = { ...named, binary: false, ...counts };
  if (lines.peek() === 'GIT binary patch') {
    readBinary(lines);
    return { ...file, shown: 'binary', binary: true };
  }
  if (!hasContent) return { ...file, shown: 'none' };
  let hunks = 0;
  for (; lines.peek()?.startsWith('@@ ') === true; hunks += 1) readHunk(lines, header, counts, added, reader);
  if (hunks === 0) throw new PatchProblem('expected a hunk');
  return { ...file, ...counts, shown: 'text' };
}

function readHunk(
  lines: PatchLines,
  { path, status }: FileHeader,
  counts: { added: number; deleted: number },
  added: Patch['added_lines'][number][],
  reader: HunkReader | null,
): void {
  const [, from = '', before = '1', start = '', after = '1'] = HUNK.exec(lines.next()) ?? [];
  if (start === '') throw new PatchProblem('expected the head of a hunk');
  reader?.begin(path);
  let [removals, additions, oldLine, line] = [Number(before), Number(after), Number(from), Number(start)];
  while (removals > 0 || additions > 0) {
    const sign = lines.sign();
    let text: string | null = null;
    if (sign === '+' && additions > 0) {
      text = lines.text(1);
      if (status !== 'deleted') added.push({ path, line, text });
      counts.added += 1;
    } else if (sign === '-' && removals > 0) counts.deleted += 1;
    else if (sign === ' ' && removals > 0 && additions > 0) {
      // Counted on both sides below.
    } else if (sign !== '\\') throw new PatchProblem('expected a line of a hunk');
    if (reader !== null && sign !== '\\') {
      const number = sign === '-' ? oldLine : line;
      if (reader.wants(path, number)) reader.take(path, { sign, line: number, text: text ?? lines.text(1) });
    }
    if (sign === '+' || sign === ' ') {
      additions -= 1;
      line += 1;
    }
    if (sign === '-' || sign === ' ') {
      removals -= 1;
      oldLine += 1;
    }
    lines.skip();
  }
  if (lines.sign() === '\\') lines.skip();
}

/** `GIT binary patch`, and after it the new content and the old one, each ended by an empty line. */
function readBinary(lines: PatchLines): void {
  lines.next();
  let parts = 0;
  for (; parts < 2 && BINARY_SIZE.test(lines.peek() ?? ''); parts += 1) {
    lines.next();
    while (BASE85.test(lines.peek() ?? '')) lines.next();
    if (lines.peek() !== '') throw new PatchProblem('expected the end of binary content');
    lines.next();
  }
  if (parts === 0) throw new PatchProblem('expected binary content');
}

/** Git writes a change of a file's type as a deletion and an addition, and lists it as one file. */
function addFile(files: ParsedFile[], seen: Set<string>, file: ParsedFile): void {
  const before = files.at(-1);
  if (before?.status === 'deleted' && file.status === 'added' && before.path === file.path) {
    const binary = before.binary || file.binary;
    files[files.length - 1] = {
      ...file,
      status: 'type_changed',
      old_mode: before.old_mode,
      binary,
      added: binary ? 0 : file.added,
      deleted: binary ? 0 : before.deleted,
      shown: before.shown === 'none' && file.shown === 'none' ? 'none' : binary ? 'binary' : 'text',
    };
    return;
  }
  if (seen.has(file.path)) throw new PatchProblem('it changes one file twice');
  seen.add(file.path);
  files.push(file);
}

/** The lines above the content of one file. */
interface FileHeader extends Pick<PatchFile, 'path' | 'old_path' | 'status' | 'old_mode' | 'new_mode'> {
  /** Whether `---` and `+++` lines follow, and so hunks. */
  readonly hasContent: boolean;
  readonly blobs: FileBlobs | null;
}

const INDEX = /^([0-9a-f]+)\.\.([0-9a-f]+)(?: ([0-7]{6}))?$/;
const NO_BLOB = /^0+$/;
const blobOf = (id: string): string | null => (NO_BLOB.test(id) ? null : id);

const NO_FILE = '000000';
const MODE = /^[0-7]{6}$/;

/** The extended header lines, each at most once. */
const FIELDS = [
  'old mode ',
  'new mode ',
  'deleted file mode ',
  'new file mode ',
  'similarity index ',
  'rename from ',
  'rename to ',
  'copy from ',
  'copy to ',
  'index ',
] as const;
type Field = (typeof FIELDS)[number];

/** Both names of `diff --git a/X b/X`, which is the same one twice where neither a rename nor a copy is named below. */
function sameName(printed: string): string | null {
  if (printed.startsWith('"')) {
    const [, old = '', now = ''] = /^("(?:[^"\\]|\\.)*") ("(?:[^"\\]|\\.)*")$/.exec(printed) ?? [];
    const [before, after] = [unquotePath(old), unquotePath(now)];
    return before.startsWith('a/') && after === `b/${before.slice(2)}` ? before.slice(2) : null;
  }
  const length = (printed.length - 1) / 2;
  const [before, after] = [printed.slice(0, length), printed.slice(length + 1)];
  if (!Number.isInteger(length) || printed[length] !== ' ') return null;
  return before.startsWith('a/') && after === `b/${before.slice(2)}` ? unquotePath(before.slice(2)) : null;
}

/** The name in a `---` or `+++` line; git ends one that has spaces with a tab. Null means no file. */
function contentName(line: string | undefined, mark: string, prefix: string): string | null | undefined {
  if (line === undefined || !line.startsWith(mark)) return undefined;
  const printed = line.slice(mark.length);
  if (printed === '/dev/null') return null;
  const name = unquotePath(printed.replace(/\t$/, ''));
  return name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
}

/** Reads one file's header. @returns a sentence where it is not what git writes */
function readFileHeader(lines: PatchLines): FileHeader | string {
  const first = lines.next();
  if (!first.startsWith('diff --git ')) return 'expected "diff --git"';
  const fields = new Map<Field, string>();
  for (let line = lines.peek(); line !== undefined; line = lines.peek()) {
    const field = FIELDS.find((name) => line?.startsWith(name));
    if (field === undefined) break;
    if (fields.has(field)) return `"${field.trim()}" is said twice`;
    fields.set(field, line.slice(field.length));
    lines.next();
  }
  const header = headerOf(first.slice('diff --git '.length), fields);
  if (typeof header === 'string' || lines.peek()?.startsWith('--- ') !== true) return header;
  const old = contentName(lines.next(), '--- ', 'a/');
  const now = contentName(lines.next(), '+++ ', 'b/');
  const wantedOld = header.status === 'added' ? null : (header.old_path ?? header.path);
  const wantedNow = header.status === 'deleted' ? null : header.path;
  if (old !== wantedOld || now !== wantedNow) return 'its lines name another file than its header';
  return { ...header, hasContent: true };
}

function headerOf(names: string, fields: ReadonlyMap<Field, string>): FileHeader | string {
  const moved = fields.has('rename to ') ? 'rename' : fields.has('copy to ') ? 'copy' : null;
  const from = moved === null ? undefined : fields.get(`${moved} from `);
  const to = moved === null ? undefined : fields.get(`${moved} to `);
  if ((from === undefined) !== (to === undefined)) return 'a rename or copy names one side only';
  const path = to === undefined ? sameName(names) : unquotePath(to);
  if (path === null) return 'its two names differ, and no rename or copy is named';
  const created = fields.get('new file mode ');
  const deleted = fields.get('deleted file mode ');
  const [, before, after, indexMode] = INDEX.exec(fields.get('index ') ?? '') ?? [];
  const oldMode = created === undefined ? (deleted ?? fields.get('old mode ') ?? indexMode) : NO_FILE;
  const newMode = deleted === undefined ? (created ?? fields.get('new mode ') ?? indexMode) : NO_FILE;
  // A file that is only moved keeps a mode that the patch does not say.
  const unknown = moved !== null && !fields.has('index ') && !fields.has('old mode ');
  const [old_mode, new_mode] = unknown ? ['100644', '100644'] : [oldMode ?? '', newMode ?? ''];
  if (!MODE.test(old_mode) || !MODE.test(new_mode)) return 'a file mode is missing or malformed';
  const status =
    moved === 'rename'
      ? 'renamed'
      : moved === 'copy'
        ? 'copied'
        : created !== undefined
          ? 'added'
          : deleted !== undefined
            ? 'deleted'
            : 'modified';
  return {
    path,
    old_path: from === undefined ? null : unquotePath(from),
    status,
    old_mode,
    new_mode,
    hasContent: false,
    blobs: before === undefined || after === undefined ? null : { before: blobOf(before), after: blobOf(after) },
  };
}
