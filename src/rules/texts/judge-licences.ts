import type { RuleFinding } from '../../contracts/run/findings.js';
import { HEAD_LINES } from '../dependencies/judge-generated-files.js';
import { addedTo, type FileChange, nameOf, removedFrom } from '../patch/file-changes.js';
import { DEEDS, type JudgedPatch, remark, touchedPaths } from '../patch/patch-rule.js';
import { printable } from '../paths/path-names.js';
import { quotedLine } from '../secrets/quoted-line.js';

const LICENCE_FILE = /^(?:licen[cs]e|copying|notice|copyright|patents|unlicense)(?:[._-][\w.-]{0,30})?$/;
const SOURCE = /\.(?:[cm]?[jt]sx?|py|go|rs|rb|java|kt|c|h|cpp|cs|php|swift)$/;

/** A comment that says under which licence a file is, or whose it is. */
const NOTICE =
  /SPDX-(?:License-Identifier|FileCopyrightText):|^\W{0,12}(?:copyright\b|\(c\)|©).{0,60}\d{4}|^\W{0,12}copyright \(c\)|\blicensed under the\b/i;
const COMMENT = /^\s{0,12}(?:\/\/|\/\*|\*|#|--|<!--|;|"""|''')/;

/** The same notice with another year, or by another sign of comment, is the same. */
const spelled = (text: string): string =>
  text
    .toLowerCase()
    .replace(/\b\d{4}\b(?:\s?[-–,]\s?(?:\d{4}|present))?/g, '')
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();

const notices = (lines: ReturnType<typeof addedTo>) =>
  lines.filter(({ line, text }) => line <= HEAD_LINES && COMMENT.test(text) && NOTICE.test(text.slice(0, 500)));

function removedNotice(change: FileChange): readonly RuleFinding[] {
  const { path, status } = change.file;
  if (status === 'deleted') return [];
  const kept = new Set(notices(addedTo(change)).map(({ text }) => spelled(text)));
  const [first] = notices(removedFrom(change)).filter(({ text }) => !kept.has(spelled(text)));
  if (first === undefined) return [];
  const message = `The patch removes or changes the licence notice at the head of ${printable(path)}: ${quotedLine(first.text)}`;
  return [remark('high', message, { path })];
}

function licenceFile({ file }: FileChange): readonly RuleFinding[] {
  return touchedPaths(file).flatMap((path) => {
    const name = nameOf(path).toLowerCase();
    if (!LICENCE_FILE.test(name) || SOURCE.test(name)) return [];
    const severity = file.status === 'added' ? 'medium' : 'high';
    return [
      remark(severity, `The patch ${DEEDS[file.status]} ${printable(path)}, which says who may use the code.`, {
        path,
      }),
    ];
  });
}

/** Who may use the code is for its owners to say: notices that are removed or changed, and files of licences. */
export const judgeLicences = (_: JudgedPatch, changes: readonly FileChange[]): readonly RuleFinding[] =>
  changes.flatMap((change) => [...licenceFile(change), ...removedNotice(change)]);
