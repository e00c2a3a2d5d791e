import type { RuleFinding } from '../../contracts/run/findings.js';
import { LINK_MODE } from '../patch/patch-lines.js';
import { type JudgedPatch, violation } from '../patch/patch-rule.js';
import { printable } from '../paths/path-names.js';

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
