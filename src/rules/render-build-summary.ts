import type { BuildOutput } from '../contracts/gate-outputs.js';
import { blockText, inlineText, section } from './markdown.js';

/** `patch/summary.md`: what the builder says of its change. Deterministic; its text can forge no structure. */
export function renderBuildSummary(build: BuildOutput): string {
  const lines = [
    '# Change',
    '',
    blockText(build.summary),
    '',
    ...section(
      'Acceptance criteria',
      build.criteria.map(({ id, how }) => `- **${inlineText(id)}**: ${inlineText(how)}`),
    ),
    ...section(
      'Notes',
      build.notes.map((note) => `- ${inlineText(note)}`),
    ),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}
