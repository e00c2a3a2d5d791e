import { styleText } from 'node:util';
import { stringify } from 'yaml';
import { type CheckResult, testResultsSchema } from '../contracts/gate-outputs.js';
import type { ArtifactRef } from '../contracts/primitives.js';
import type { ArtifactText } from './attempt-artifacts.js';
import { printable, printableLine } from './printable.js';

type Style = Parameters<typeof styleText>[0];

/** Whether colour is wanted was decided when the output was made; newer versions of node would decide it again. */
const styled = (style: Style, text: string): string => styleText(style, text, { validateStream: false });

/** The lines of an artifact as a person reads them: a patch with colour, JSON as YAML, check results as a table. */
export function renderArtifact({ path }: ArtifactRef, { text, cut }: ArtifactText, color: boolean): readonly string[] {
  const lines = cut ? printableLines(text) : renderWhole(path, text, color);
  return cut ? [...lines, '… cut here: the artifact is longer'] : lines;
}

function renderWhole(path: string, text: string, color: boolean): readonly string[] {
  if (path.endsWith('.patch')) return colourPatch(printableLines(text), color);
  if (path === 'evidence/test_results.json') return renderTestResults(text, color);
  return printableLines(path.endsWith('.json') ? jsonAsYaml(text) : text);
}

const printableLines = (text: string): readonly string[] => printable(text).replace(/\n$/, '').split('\n');

function jsonAsYaml(text: string): string {
  const value = parseJson(text);
  return value === undefined ? text : stringify(value, { lineWidth: 100 });
}

/** Undefined when it is none. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Colours a patch line by line. Inside a hunk a line that begins with `---` is a removed line, not a header. */
export function colourPatch(lines: readonly string[], color: boolean): readonly string[] {
  if (!color) return lines;
  let inHunk = false;
  return lines.map((line) => {
    if (line.startsWith('diff --git ')) inHunk = false;
    else if (line.startsWith('@@ ')) inHunk = true;
    return styled(styleOfPatchLine(line, inHunk), line);
  });
}

function styleOfPatchLine(line: string, inHunk: boolean): Style {
  if (!inHunk) return 'bold';
  if (line.startsWith('@@ ')) return 'cyan';
  if (line.startsWith('+')) return 'green';
  return line.startsWith('-') ? 'red' : 'reset';
}

function renderTestResults(text: string, color: boolean): readonly string[] {
  const parsed = testResultsSchema.safeParse(parseJson(text));
  if (!parsed.success) return printableLines(jsonAsYaml(text));
  const { checks } = parsed.data;
  if (checks.length === 0) return ['no check was run, so nothing was proved'];
  const width = Math.max(...checks.map(({ name }) => name.length));
  return checks.map((check) => describeCheck(check, width, color));
}

function describeCheck(
  { name, status, exit_code, signal, duration_ms, argv, reason }: CheckResult,
  width: number,
  color: boolean,
): string {
  const word = status.replace('_', ' ').padEnd(11);
  const shown = color ? styled(status === 'passed' ? 'green' : 'red', word) : word;
  const end = signal === null ? `exit ${exit_code ?? 'none'}` : `ended by ${signal}`;
  const why = reason === undefined ? '' : `  (${printableLine(reason)})`;
  return `${name.padEnd(width)}  ${shown}  ${end}  ${(duration_ms / 1_000).toFixed(1)} s  ${printableLine(argv.join(' '), 200)}${why}`;
}
