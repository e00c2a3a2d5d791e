import type { RuleFinding } from '../../contracts/run/findings.js';
import { HEAD_LINES } from '../dependencies/judge-dependencies.js';
import { addedTo, type FileChange, nameOf, removedFrom } from '../patch/file-changes.js';
import { addedTexts, LINK_MODE } from '../patch/patch-lines.js';
import { DEEDS, type JudgedPatch, remark, touchedPaths, violation } from '../patch/patch-rule.js';
import { printable } from '../paths/path-names.js';
import { findSecretPatterns, type SecretPatternHit, secretFingerprint } from '../secrets/find-secrets.js';
import { quotedLine } from '../secrets/quoted-line.js';

const OURS = /^<{7} \S/;
const THEIRS = /^>{7} \S/;
/** A line of "=" alone is a heading too. */
const MIDDLE = /^(?:={7}|\|{7}(?: .*)?)\r?$/;

/** No file is left half merged: the markers that git writes around both sides. From version 2 of the rules on. */
export function judgeConflictMarkers({ patch, rules_version }: JudgedPatch): readonly RuleFinding[] {
  if (rules_version < 2) return [];
  const links = new Set(patch.files.filter(({ new_mode }) => new_mode === LINK_MODE).map(({ path }) => path));
  const middles = new Set(patch.added_lines.filter(({ text }) => MIDDLE.test(text)).map(({ path }) => path));
  const first = new Map<string, number>();
  for (const { path, line, text } of patch.added_lines) {
    const isMarker = OURS.test(text) || (THEIRS.test(text) && middles.has(path));
    if (isMarker && !links.has(path) && !first.has(path)) first.set(path, line);
  }
  return [...first].map(([path, line]) =>
    violation('high', `Line ${line} of ${printable(path)} is a conflict marker of a merge.`, { path, line }),
  );
}

/** Embeddings, overrides and isolates: a reader sees the characters in another order than a compiler. */
const DIRECTING = /[\u202a-\u202e\u2066-\u2069]/gu;

/** Marks that direct the text; they belong to text of a script that is written from right to left. */
const MARKS = /[\u200e\u200f\u061c]/gu;
const RIGHT_TO_LEFT = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** Control characters other than white space, and a carriage return within a line: a terminal obeys them. */
const CONTROLS = /(?![\t\n\v\f\r])\p{Cc}|\r(?!$)/gu;

/** Characters that nothing shows and that no script needs; a byte order mark may begin a file. */
const INVISIBLE =
  /[\u034f\u00ad\u115f\u1160\u17b4\u17b5\u180e\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}]/gu;

/** Some scripts have no spaces between words, and mark where a line may break: once, beside a character of theirs. */
const SPACES =
  /(?<![\u200b\p{Script=Khmer}\p{Script=Lao}\p{Script=Myanmar}\p{Script=Thai}\p{Script=Tibetan}])\u200b(?![\p{Script=Khmer}\p{Script=Lao}\p{Script=Myanmar}\p{Script=Thai}\p{Script=Tibetan}])|\u200b{2,}/gu;

/**
 * Joiners and variation selectors belong behind a character of a script or of a picture, and once. Persian and Urdu join
 * their endings to Latin words and to digits too.
 */
const JOINERS = /(?<=^|[\u0000-\u007f])[\u200c\u200d](?!\p{Script=Arabic})|[\u200c\u200d]{2,}/gu;
const SELECTORS =
  /(?<=^|(?![0-9#*])[\u0000-\u007f])[\ufe00-\ufe0f]|(?<!\p{Script=Han})[\u{e0100}-\u{e01ef}]|[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]{2,}/gu;

/** Tag characters spell text that only a model reads; flags such as that of Scotland are made of them. */
const FLAGS = /\u{1f3f4}[\u{e0030}-\u{e007a}]{1,8}\u{e007f}/gu;
const TAGS = /[\u{e0000}-\u{e007f}]/gu;

/** What nearly no line has. */
const ANY_HIDDEN = /(?![\t\n\v\f\r])[\p{Cc}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]|\r(?!$)/u;

const KINDS: readonly (readonly [kind: string, pattern: RegExp, applies?: (text: string) => boolean])[] = [
  ['directs the text, so that it is shown in another order', DIRECTING],
  ['directs the text', MARKS, (text) => !RIGHT_TO_LEFT.test(text)],
  ['is a control character', CONTROLS],
  ['is invisible', INVISIBLE],
  ['is invisible', SPACES],
  ['is invisible', JOINERS],
  ['is invisible', SELECTORS],
  ['is invisible', TAGS],
];

const NAMED = 5;

const codePoints = (found: readonly string[]): string => {
  const all = [...new Set(found.flatMap((text) => [...text]))];
  const named = all.slice(0, NAMED).map((character) => {
    const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return `U+${hex}`;
  });
  return `${named.join(', ')}${all.length > NAMED ? ' and more' : ''}`;
};

/** What a line hides from its reader, each as a clause; empty for ordinary text in any script. */
export function hiddenIn(line: string, isFirst = false): readonly string[] {
  if (!ANY_HIDDEN.test(line)) return [];
  const text = (isFirst ? line.replace(/^\ufeff/, '') : line).replace(FLAGS, '\u{1f3f4}');
  return KINDS.flatMap(([kind, pattern, applies]) => {
    const found = applies?.(text) === false ? null : text.match(pattern);
    return found === null ? [] : [`${codePoints(found)}, which ${kind}`];
  });
}

/** No line shows a reviewer something else than it says to a compiler or to a model. From version 2 of the rules on. */
export function judgeHiddenText({ patch, rules_version }: JudgedPatch): readonly RuleFinding[] {
  if (rules_version < 2) return [];
  // Where links lead has a rule of its own, and the text of a patch does not show it of one that was moved.
  const links = new Set(patch.files.filter(({ new_mode }) => new_mode === LINK_MODE).map(({ path }) => path));
  return patch.added_lines.flatMap(({ path, line, text }) => {
    const hidden = links.has(path) ? [] : hiddenIn(text, line === 1);
    return hidden.length === 0
      ? []
      : [violation('high', `Line ${line} of ${printable(path)} has ${hidden.join('; ')}.`, { path, line })];
  });
}

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

type Place = Pick<RuleFinding, 'path' | 'line'>;

type PlacedHit = SecretPatternHit & { readonly path: string };

const NAME = '(a file name)';

/** Two rules ask for the hits of one input: the scan is most of what judging a large patch costs. */
const HITS = new WeakMap<JudgedPatch, readonly PlacedHit[]>();

function hitsOf(input: JudgedPatch): readonly PlacedHit[] {
  const known = HITS.get(input);
  if (known !== undefined) return known;
  const hits = placedHits(input);
  HITS.set(input, hits);
  return hits;
}

/** Every hit of our own table and of the scanners; a scanner's candidate is dropped where our table knows the line. */
function placedHits({ patch, secret_hits }: JudgedPatch): readonly PlacedHit[] {
  const texts = addedTexts(patch);
  const own = texts.flatMap(({ path, text }) => findSecretPatterns(text, path).map((hit) => ({ ...hit, path })));
  // Nothing but known formats: bytes that are no text hold everything that looks generated.
  const hidden = (patch.binary_texts ?? []).flatMap(({ path, text }) =>
    findSecretPatterns(text, path)
      .filter(({ confidence }) => confidence === 'known')
      .map((hit) => ({ ...hit, path })),
  );
  const named = patch.files.flatMap(({ path, status }) =>
    status === 'deleted' ? [] : findSecretPatterns(path).map((hit) => ({ ...hit, line: 0, path: NAME })),
  );
  const lineOf = new Map(patch.added_lines.map(({ path, line, text }) => [`${line} ${path}`, text]));
  const seen = new Set(own.map(({ path, line }) => `${line} ${path}`));
  const scanned = secret_hits.flatMap(({ confidence = 'known', ...hit }): PlacedHit[] => {
    const place = `${hit.line} ${hit.path}`;
    if (confidence === 'candidate' && seen.has(place)) return [];
    const fingerprint = secretFingerprint(hit.rule, hit.path, lineOf.get(place) ?? '');
    return [{ ...hit, confidence, fingerprint }];
  });
  return [...scanned, ...own, ...hidden, ...named];
}

const placeOf = ({ path, line }: PlacedHit) => ({ path, ...(line >= 1 ? { line } : {}) });

/** Candidates that are listed one by one; more are listed by file, so that all of them can travel and be waived. */
const LISTED_SINGLY = 10;

const candidate = (message: string, fingerprint: string, place: Place): RuleFinding => ({
  ...violation('high', `${message} Fingerprint ${fingerprint}.`, place),
  fingerprint,
});

function together(hits: readonly PlacedHit[], where: string, place: Place): RuleFinding {
  const lines = hits.slice(0, 8).map(({ line }) => line);
  const fingerprint = secretFingerprint('together', where, hits.map((hit) => hit.fingerprint).join(' '));
  const shown = `lines ${lines.join(', ')}${hits.length > lines.length ? ' and more' : ''}`;
  return candidate(`${hits.length} possible secrets in ${printable(where)} (${shown}).`, fingerprint, place);
}

/** Values that may be credentials, each with the fingerprint by which it is waived. */
export function judgeSecretCandidates(input: JudgedPatch): readonly RuleFinding[] {
  const hits = hitsOf(input).filter(({ confidence }) => confidence === 'candidate');
  const unique = [...new Map(hits.map((hit) => [hit.fingerprint, hit])).values()];
  if (unique.length <= LISTED_SINGLY) {
    return unique.map((hit) => {
      const what = `A possible secret: ${printable(hit.message)} (${printable(hit.rule, 80)}).`;
      return candidate(what, hit.fingerprint, placeOf(hit));
    });
  }
  const paths = [...new Set(unique.map(({ path }) => path))];
  const byPath = paths.map((path) => [path, unique.filter((hit) => hit.path === path)] as const);
  const [listed, rest] = byPath.length <= LISTED_SINGLY ? [byPath, []] : [byPath.slice(0, 9), byPath.slice(9)];
  const findings = listed.map(([path, inFile]) => together(inFile, path, { path }));
  if (rest.length === 0) return findings;
  const others = rest.flatMap(([, inFile]) => inFile);
  return [...findings, together(others, `${rest.length} more files`, {})];
}

/** Values of formats that only credentials have. */
export const judgeSecrets = (input: JudgedPatch): readonly RuleFinding[] =>
  hitsOf(input)
    .filter(({ confidence }) => confidence === 'known')
    .map((hit) => {
      const what = `A likely secret: ${printable(hit.message)} (${printable(hit.rule, 80)}).`;
      return violation('critical', what, placeOf(hit));
    });
