import type { GateOutputs } from '../../contracts/answers/gate-outputs.js';
import { GATE_PATHS } from '../../contracts/artifacts.js';
import { prettyJson } from '../../contracts/json.js';
import { SEVERITIES } from '../../contracts/names.js';
import type { RunRequest } from '../../contracts/run/run-request.js';
import { publishedJob } from './gate-outputs.js';
import { blockText, codeSpan, inlineText, section } from './markdown.js';

/** A file that follows from an executor's output. */
export interface OutputFile {
  readonly path: string;
  readonly text: string;
}

type Publish = {
  readonly [G in keyof GateOutputs]: (output: GateOutputs[G], request: RunRequest) => readonly OutputFile[];
};

/**
 * The files that an output is published as, by gate. The gates write with it, and the verifier makes the same files again
 * from the answer, so that a Markdown text cannot say something else than its JSON.
 */
export const PUBLISHED_OUTPUT: Publish = {
  P00: (output) => [{ path: GATE_PATHS.context, text: prettyJson(output) }],
  P01: (output, request) => [{ path: GATE_PATHS.job, text: prettyJson(publishedJob(request, output)) }],
  P03: (output) => [
    { path: GATE_PATHS.plan, text: renderPlan(output) },
    { path: GATE_PATHS.planOutput, text: prettyJson(output) },
  ],
  P05: (output) => [
    { path: GATE_PATHS.patchSummary, text: renderBuildSummary(output) },
    { path: GATE_PATHS.buildOutput, text: prettyJson(output) },
  ],
  P06: (output) => [{ path: GATE_PATHS.verification, text: prettyJson(output) }],
  P07: (output) => [
    { path: GATE_PATHS.review, text: renderReview(output) },
    { path: GATE_PATHS.reviewOutput, text: prettyJson(output) },
  ],
};

type Component = GateOutputs['P03']['components'][number];

const planHead = ({ summary }: GateOutputs['P03']): readonly string[] => ['# Plan', '', blockText(summary), ''];

/** A component of `plan.md` up to its list of files. */
const componentHead = ({ name, responsibility, criteria = [] }: Component, index: number): readonly string[] => [
  ...(index === 0 ? ['## Components', ''] : []),
  `### ${inlineText(name)}`,
  '',
  blockText(responsibility),
  '',
  ...(criteria.length === 0 ? [] : [`For ${criteria.map(inlineText).join(', ')}.`, '']),
];

const componentLines = (component: Component, index: number): readonly string[] => [
  ...componentHead(component, index),
  ...component.files.map((path) => `- ${codeSpan(path)}`),
  '',
];

/** The line of `plan.md`, from 1, at which a component names its first file; the others follow one by one. */
export function firstFileLine(plan: GateOutputs['P03'], index: number): number {
  const before = plan.components.slice(0, index).flatMap(componentLines);
  const head = plan.components[index];
  const lines = [...planHead(plan), ...before, ...(head === undefined ? [] : componentHead(head, index))];
  return lines.join('\n').split('\n').length + 1;
}

/** `plan.md`: the structured plan as Markdown. Deterministic, and what the writer wrote can forge no structure. */
export function renderPlan(plan: GateOutputs['P03']): string {
  const lines = [
    ...planHead(plan),
    ...plan.components.flatMap(componentLines),
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
    ...(plan.rollback === undefined
      ? []
      : [
          ...section(
            'Rollback',
            plan.rollback.steps.map((step, index) => `${index + 1}. ${inlineText(step)}`),
          ),
          ...section(
            'What a rollback does not undo',
            plan.rollback.irreversible.map((what) => `- ${inlineText(what)}`),
          ),
        ]),
    ...(plan.security_impact === undefined
      ? []
      : section('Security impact', [
          `Level: **${plan.security_impact.level}**.`,
          '',
          blockText(plan.security_impact.statement),
        ])),
    ...section(
      'Open questions',
      plan.open_questions.map(({ id, question }) => `- **${inlineText(id)}**: ${inlineText(question)}`),
    ),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

/** `patch/summary.md`: what the builder says of its change. Deterministic; its text can forge no structure. */
function renderBuildSummary(build: GateOutputs['P05']): string {
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

/** `review.md`: the review as Markdown, worst findings first. Deterministic; the reviewer's text can forge no structure. */
function renderReview(review: GateOutputs['P07']): string {
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
