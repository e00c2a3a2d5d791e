import type { PlanOutput } from '../contracts/gate-outputs.js';
import { blockText, codeSpan, inlineText, section } from './markdown.js';

/** `plan.md`: the structured plan as Markdown. Deterministic, and what the writer wrote can forge no structure. */
export function renderPlan(plan: PlanOutput): string {
  const lines = [
    '# Plan',
    '',
    blockText(plan.summary),
    '',
    ...plan.components.flatMap(({ name, responsibility, files }, index) => [
      ...(index === 0 ? ['## Components', ''] : []),
      `### ${inlineText(name)}`,
      '',
      blockText(responsibility),
      '',
      ...files.map((path) => `- ${codeSpan(path)}`),
      '',
    ]),
    ...section(
      'Interfaces',
      plan.interfaces.map(({ name, description }) => `- **${inlineText(name)}**: ${inlineText(description)}`),
    ),
    ...section('Data flow', [blockText(plan.data_flow)]),
    ...section(
      'Alternatives',
      plan.alternatives.map(
        ({ name, description, rejected_because }) =>
          `- **${inlineText(name)}**: ${inlineText(description)} Rejected because: ${inlineText(rejected_because)}`,
      ),
    ),
    ...section(
      'Risks',
      plan.risks.map(({ risk, mitigation }) => `- **${inlineText(risk)}** Mitigation: ${inlineText(mitigation)}`),
    ),
    ...section(
      'Open questions',
      plan.open_questions.map(({ id, question }) => `- **${inlineText(id)}**: ${inlineText(question)}`),
    ),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}
