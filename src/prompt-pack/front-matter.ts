import { isRecord } from '../contracts/json.js';
import { type FrontMatter, frontMatterSchema } from '../contracts/prompt-pack.js';
import { checkDocument, type LocatedDocument, type Problem, parseLocatedYaml } from './located-document.js';

export type FrontMatterProblemCode =
  | 'FRONT_MATTER_MISSING'
  | 'FRONT_MATTER_MALFORMED'
  | 'FRONT_MATTER_INVALID'
  | 'STOP_CONDITIONS_EMPTY';

interface FrontMatterProblem extends Problem {
  readonly code: FrontMatterProblemCode;
}

export type FrontMatterResult =
  | {
      readonly ok: true;
      readonly frontMatter: FrontMatter;
      /** The line of a key in the file. */
      readonly lineOf: (key: keyof FrontMatter) => number;
      /** What follows the closing fence. */
      readonly body: string;
      readonly bodyLine: number;
    }
  | { readonly ok: false; readonly problems: readonly FrontMatterProblem[] };

const FENCE = /^---[ \t]*$/;

const failure = (code: FrontMatterProblemCode, problems: readonly Problem[]): FrontMatterResult => ({
  ok: false,
  problems: problems.map(({ line, message }) => ({ code, line, message })),
});

/** `phase: 00` without quotes is a number to YAML and a phase to the people who write packs: take it as written. */
function withPhasesAsWritten(document: LocatedDocument): unknown {
  const { value } = document;
  if (!isRecord(value)) return value;
  const phases = (['phase', 'maps_to_gate'] as const).flatMap((key) => {
    const given = value[key];
    const source = document.sourceOf([key]);
    return typeof given === 'number' && source !== undefined ? [[key, source] as const] : [];
  });
  return { ...value, ...Object.fromEntries(phases) };
}

/** Reads the YAML block between two `---` lines at the head of a prompt. Line numbers are those of the whole file. */
export function parseFrontMatter(text: string): FrontMatterResult {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (!FENCE.test(lines[0] ?? '')) {
    return failure('FRONT_MATTER_MISSING', [{ line: 1, message: 'expected the front matter to begin with "---"' }]);
  }
  const end = lines.findIndex((line, index) => index > 0 && FENCE.test(line));
  if (end === -1) {
    return failure('FRONT_MATTER_MISSING', [
      { line: 1, message: 'expected a second "---" that ends the front matter' },
    ]);
  }
  const parsed = parseLocatedYaml(lines.slice(1, end).join('\n'), 2);
  if (!parsed.ok) return failure('FRONT_MATTER_MALFORMED', parsed.problems);
  const checked = checkDocument(frontMatterSchema, parsed.document, withPhasesAsWritten(parsed.document));
  if (!checked.ok) {
    return {
      ok: false,
      problems: checked.problems.map(({ path, line, message }) => ({
        code: path[0] === 'stop_conditions' ? 'STOP_CONDITIONS_EMPTY' : 'FRONT_MATTER_INVALID',
        line,
        message,
      })),
    };
  }
  return {
    ok: true,
    frontMatter: checked.value,
    lineOf: (key) => parsed.document.locate([key]).line,
    body: lines.slice(end + 1).join('\n'),
    bodyLine: end + 2,
  };
}
