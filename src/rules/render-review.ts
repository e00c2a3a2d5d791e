import type { ReviewOutput } from '../contracts/gate-outputs.js';
import { SEVERITIES } from '../contracts/names.js';
import { blockText, codeSpan, inlineText, section } from './markdown.js';

/** `review.md`: the review as Markdown, worst findings first. Deterministic; the reviewer's text can forge no structure. */
export function renderReview(review: ReviewOutput): string {
  const findings = [...review.findings].sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
  const lines = [
    '# Adversarial review',
    '',
    `Verdict: **${review.verdict}**. Findings: ${findings.length}.`,
    '',
    blockText(review.summary),
    '',
    ...section(
      'What was tried',
      review.attacks.map((attack) => `- ${inlineText(attack)}`),
    ),
    ...findings.flatMap(({ severity, title, detail, path, line }, index) => [
      ...(index === 0 ? ['## Findings', ''] : []),
      `### ${severity}: ${inlineText(title)}`,
      '',
      ...(path === undefined ? [] : [line === undefined ? codeSpan(path) : `${codeSpan(path)}, line ${line}`, '']),
      blockText(detail),
      '',
    ]),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}
