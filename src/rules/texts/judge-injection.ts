import type { Severity } from '../../contracts/names.js';
import type { RuleFinding } from '../../contracts/run/findings.js';
import { isCode } from '../checks/judge-weakened-tests.js';
import { LINK_MODE } from '../patch/patch-lines.js';
import { type JudgedPatch, remark, violation } from '../patch/patch-rule.js';
import { printable } from '../paths/path-names.js';
import { quotedLine } from '../secrets/quoted-line.js';

/** What a line says to a model that reads it. */
interface InjectionMarker {
  readonly severity: Severity;
  /** Whether nothing else is likely to say this, so that it stops a run until a person has looked. */
  readonly certain: boolean;
  /** The end of a sentence whose subject is the line. */
  readonly what: string;
}

type Row = readonly [pattern: RegExp, severity: Severity, certain: boolean, what: string];

const AGENT =
  '(?:ai|llms?|(?:ai|language|large language) (?:models?|agents?|assistants?|reviewers?|systems?)|(?:automated|coding) (?:agents?|reviewers?)|chatgpt|gpt(?:-\\d)?|claude(?: code)?|copilot|gemini|codex|cursor)';
const ACT =
  "(?:(?:always |please |must |should |just )?(?:approve|accept|pass|merge|ignore|disregard|skip|do not (?:report|flag|mention|review|reject)|don't (?:report|flag|mention|review|reject)|never (?:report|flag|mention|reject)|report no|return (?:a )?pass|say (?:that )?(?:it|this|all)|mark (?:this|it|the|all)))";

/**
 * Texts by which people try to steer a model that reads a file. Every quantifier is bounded, so the search is linear in the
 * text. Ordinary code about models has role tags and sample prompts: these are reported, and only a text that speaks to
 * the judge of a change, or asks a model to drop its instructions for other ones, is certain.
 */
const ROWS: readonly Row[] = [
  [
    new RegExp(
      `(?:^|[^\\w])(?:(?:attention|note|notice|message|instructions?|important|hey|dear|hi|to)[ ,:]{1,3}(?:to |for )?(?:all |any |the )?)?${AGENT}(?: reviewers?| verifiers?| agents?| readers?)?\\s{0,2}[:,!-]{1,2}\\s{0,3}(?:you (?:must|should|are to) |please |)${ACT}\\b`,
      'i',
    ),
    'critical',
    true,
    'tells an agent how to judge',
  ],
  [
    new RegExp(`\\b(?:if you are|as) an? ${AGENT}(?: reviewers?| verifiers?| agents?)?\\b.{0,40}\\b${ACT}\\b`, 'i'),
    'critical',
    true,
    'tells an agent how to judge',
  ],
  [
    /\b(?:reviewer|verifier)s?\s{0,2}[:,]\s{0,3}(?:please |you must |always )?(?:approve this|accept this|pass this|ignore (?:all|any|the|this|previous)|report no findings|verdict (?:is|must be|=) pass)\b/i,
    'critical',
    true,
    'tells a reviewer how to judge',
  ],
  [
    /\b(?:ignore|disregard|forget|override) (?:all |any |every |the |your |my |of |these |those ){0,3}(?:previous|prior|preceding|earlier|above|system|existing) (?:\w{1,20} ){0,1}(?:instructions?|prompts?|rules|directions|guidelines|context)\b/i,
    'high',
    false,
    'asks a model to drop its instructions',
  ],
  [
    /\b(?:ignore|disregard|forget|override) (?:all |any ){0,1}(?:of )?(?:your|the) instructions\b/i,
    'medium',
    false,
    'asks a model to drop its instructions',
  ],
  [
    /<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id|end_header_id|begin_of_text)\|>/i,
    'medium',
    false,
    'has a tag that separates the turns of a model',
  ],
  [
    /\[\/?INST\]|<<\/?SYS>>|<\/?(?:start|end)_of_turn>/,
    'medium',
    false,
    'has a tag that separates the turns of a model',
  ],
  [
    /<\/?system(?:[-_](?:prompt|reminder|message|instructions?))>|^\s{0,12}<\/?system>\s{0,4}$/i,
    'medium',
    false,
    'has a tag that a model reads as its operator’s words',
  ],
  [/<<<(?:END )?PROMPTOS-DATA\b/, 'medium', false, 'has the marker around the data of a prompt'],
  [
    /<(?:antml:)?(?:function_calls|invoke name=|tool_call|tool_use)\b|"type"\s{0,4}:\s{0,4}"tool_use"|"(?:function_call|tool_calls)"\s{0,4}:/,
    'low',
    false,
    'has the form of a call of a tool',
  ],
  [
    /\byou are now (?:an? |in )?(?:unrestricted|jailbroken|dan\b|developer mode|free of|no longer bound|(?:\w{1,20} ){0,2}(?:assistant|ai|chatbot|language model)\b)/i,
    'medium',
    false,
    'gives a model another part to play',
  ],
  [
    /"kind"\s{0,4}:\s{0,4}"output".{0,200}"verdict"\s{0,4}:\s{0,4}"pass"/,
    'medium',
    false,
    'has the form of an answer of a gate',
  ],
];

/** Words that nearly every line lacks; the patterns are tried on lines that have one of them. */
const ANY =
  /<\||<<|<\/?(?:system|start_of|end_of|antml|function_calls|invoke|tool_)|\[\/?INST|"(?:tool|function|type|kind)|ignore|disregard|forget|override|you are now|reviewer|verifier|\b(?:ai|llm|model|agent|assistant|gpt|chatgpt|claude|copilot|gemini|codex|cursor)/i;

/** What an order to a judge has: the first patterns are large, and most lines that pass the words above have no order. */
const ORDER =
  /approve|accept|pass|merge|ignore|disregard|skip|report|flag|mention|review|reject|\b(?:say|mark)\b|forget|override/i;
const ORDERS = new Set(ROWS.filter(([, , certain, what]) => certain || what.startsWith('asks')));
const OTHERS = ROWS.filter((row) => !ORDERS.has(row));

/** A longer line is read up to here. */
const LINE_LIMIT = 20_000;

const NOT_ASCII = /[^\u0000-\u007f]/;
/** Letters of other scripts that look like those of Latin, beside what the normal form makes one. */
const ALIKE: Readonly<Record<string, string>> = Object.fromEntries(
  [...'аaеeоoрpсcуyхxіiјjѕsԁdԛqԝwһhӏlΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧXοoαaνvιiАAВBЕEКKМMНHОOРPСCТTУYХXІIЅSЈJ'].flatMap(
    (letter, index, all) => (index % 2 === 0 ? [[letter, all[index + 1] ?? letter]] : []),
  ),
);
/** Emphasis of Markdown and entities of HTML, which a model reads through. */
const EMPHASIS = /[*_`~]{1,3}(?=\w)|(?<=\w[:,!-]?)[*_`~]{1,3}(?![\w])/g;
const SPACES = /[ \t]{2,}/g;

/** A line as a model reads it: letters that look like Latin ones are those, and emphasis and wide gaps are none. */
function readable(line: string): string {
  const latin = NOT_ASCII.test(line)
    ? line
        .normalize('NFKC')
        .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
        .replace(/[\u0370-\u04ff\u0500-\u052f]/g, (letter) => ALIKE[letter] ?? letter)
    : line;
  return latin.replace(EMPHASIS, '').replace(SPACES, ' ');
}

/** A comment that a rendered page does not show. */
const HIDDEN_COMMENT = /<!--/;

/** The strongest marker of a line; null for ordinary text. */
export function injectionIn(line: string): InjectionMarker | null {
  const text = line.slice(0, LINE_LIMIT);
  if (!ANY.test(text) && !NOT_ASCII.test(text)) return null;
  const plain = readable(text);
  if (!ANY.test(plain)) return null;
  const rows = ORDER.test(plain) || ORDER.test(text) ? ROWS : OTHERS;
  const row = rows.find(([pattern]) => pattern.test(text) || (plain !== text && pattern.test(plain)));
  if (row === undefined) return null;
  const [, severity, certain, what] = row;
  const inComment = HIDDEN_COMMENT.test(text) && what.startsWith('asks');
  return {
    severity,
    certain: certain || inComment,
    what: inComment ? `${what} in a comment that a rendered page hides` : what,
  };
}

/** The end of a line that addresses a reader; what they are to do is in the next line. */
const ADDRESSES =
  /(?:reviewer|verifier|agent|assistant|model|ai|llm|claude|copilot|gemini|codex|chatgpt)s?\s{0,2}[:,!-]{1,2}\W{0,8}$/i;
const COMMENT = /^\s{0,40}(?:\/\/+|\/?\*+|#+|--|;+|>|%)?\s{0,8}/;

/** A certain marker that two lines have together and neither has alone; null for ordinary text. */
function injectionOver(first: string, second: string): InjectionMarker | null {
  const end = first.slice(-300);
  if (!ADDRESSES.test(end)) return null;
  const marker = injectionIn(`${end.trimEnd()} ${second.slice(0, 500).replace(COMMENT, '')}`);
  return marker?.certain === true ? marker : null;
}

/** Remarks of one kind in one file that are listed. */
const LISTED = 3;

/** No added line tries to instruct the agents that judge the change, or those that read the code later. */
export function judgeInjection({ patch }: JudgedPatch): readonly RuleFinding[] {
  const links = new Set(patch.files.filter(({ new_mode }) => new_mode === LINK_MODE).map(({ path }) => path));
  const listed = new Map<string, number>();
  return patch.added_lines.flatMap(({ path, line, text }, index) => {
    const before = patch.added_lines[index - 1];
    const isNext = before?.path === path && before.line === line - 1;
    const marker = links.has(path) ? null : (injectionIn(text) ?? (isNext ? injectionOver(before.text, text) : null));
    if (marker === null || (marker.severity === 'low' && isCode(path))) return [];
    const message = `Line ${line} of ${printable(path)} ${marker.what}: ${quotedLine(text)}`;
    if (marker.certain) return [violation(marker.severity, message, { path, line })];
    const key = `${marker.what} ${path}`;
    const count = (listed.get(key) ?? 0) + 1;
    listed.set(key, count);
    return count > LISTED ? [] : [remark(marker.severity, message, { path, line })];
  });
}
