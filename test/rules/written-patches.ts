import type { Finding } from '../../src/contracts/run/findings.js';
import { judgePatch } from '../../src/rules/judge-change.js';
import { parsePatch } from '../../src/rules/patch/parse-patch.js';
import type { JudgedPatch } from '../../src/rules/patch/patch-rule.js';
import { judged } from './patches.js';

interface WrittenFile {
  /** Each hunk in lines that begin with "+", "-" or " ". */
  readonly hunks: readonly (readonly string[])[];
  readonly status?: 'added' | 'deleted' | 'modified';
  readonly from?: string;
}

const count = (lines: readonly string[], sign: string): number =>
  lines.filter((line) => line.startsWith(sign) || line.startsWith(' ')).length;

/** One file of a patch as git writes it. Hunks are a hundred lines from each other. */
function written(path: string, { hunks, status = 'modified', from }: WrittenFile): string {
  const blob = 'a'.repeat(40);
  const head = [
    `diff --git a/${from ?? path} b/${path}`,
    ...(status === 'added' ? ['new file mode 100644'] : status === 'deleted' ? ['deleted file mode 100644'] : []),
    ...(from === undefined ? [] : ['similarity index 90%', `rename from ${from}`, `rename to ${path}`]),
    ...(hunks.length === 0 ? [] : [`index ${blob}..${blob}${status === 'modified' ? ' 100644' : ''}`]),
    ...(hunks.length === 0
      ? []
      : [
          `--- ${status === 'added' ? '/dev/null' : `a/${from ?? path}`}`,
          `+++ ${status === 'deleted' ? '/dev/null' : `b/${path}`}`,
        ]),
  ];
  const body = hunks.flatMap((lines, index) => {
    const [old, now] = [count(lines, '-'), count(lines, '+')];
    const start = index * 100 + 1;
    return [`@@ -${old === 0 ? 0 : start},${old} +${now === 0 ? 0 : start},${now} @@`, ...lines];
  });
  return `${[...head, ...body].join('\n')}\n`;
}

/** A patch of files by path, as every rule sees it. */
export function writtenPatch(
  files: Readonly<Record<string, WrittenFile | readonly string[]>>,
  more: Parameters<typeof judged>[1] = {},
): JudgedPatch {
  const texts = Object.entries(files).map(([path, file]) => written(path, 'hunks' in file ? file : { hunks: [file] }));
  const bytes = new TextEncoder().encode(texts.join(''));
  const parsed = parsePatch(bytes);
  if (parsed.problem !== null) throw new Error(parsed.problem);
  const limits = { patch_bytes: 10_000_000, patch_files: 1_000 };
  return judged(parsed.files, { bytes, lines: parsed.added_lines, limits, ...more });
}

/** What one rule finds of a patch. */
export const findingsOf = (rule: string, ...patch: Parameters<typeof writtenPatch>): readonly Finding[] =>
  judgePatch(writtenPatch(...patch)).findings.filter((finding) => finding.rule === rule);
