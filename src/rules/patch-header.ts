import type { PatchFile } from '../contracts/patch.js';
import type { PatchLines } from './patch-lines.js';
import { unquotePath } from './quoted-path.js';

/** The lines above the content of one file. */
export interface FileHeader extends Pick<PatchFile, 'path' | 'old_path' | 'status' | 'old_mode' | 'new_mode'> {
  /** Whether `---` and `+++` lines follow, and so hunks. */
  readonly hasContent: boolean;
}

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
export function readFileHeader(lines: PatchLines): FileHeader | string {
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
  const [, indexMode] = /^[0-9a-f]+\.\.[0-9a-f]+(?: ([0-7]{6}))?$/.exec(fields.get('index ') ?? '') ?? [];
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
  };
}
