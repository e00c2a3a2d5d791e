import { styleText } from 'node:util';
import type { Output } from '../app/output.js';
import type { ProbeReport, ProbeStatus } from './probe.js';

const COLORS = { ok: 'green', warn: 'yellow', fail: 'red' } as const satisfies Record<ProbeStatus, string>;
const NAME_WIDTH = 16;
const INDENT = ' '.repeat(6 + NAME_WIDTH);

/** Shows what each probe found, and once for each reason which ones did not look. */
export function showReports(output: Output, reports: readonly ProbeReport[]): void {
  for (const report of reports) if (report.unread === undefined) showReport(output, report);
  for (const unread of new Set(reports.flatMap((report) => report.unread ?? []))) {
    const [first, ...others] = reports.filter((report) => report.unread === unread);
    if (first === undefined) continue;
    const names = [first, ...others].map(({ name }) => name).join(', ');
    showReport(output, { ...first, name: 'not looked at', message: `${names}: the ${unread} cannot be read` });
  }
}

/** Shows what a probe found, and the next step. */
export function showReport(output: Output, { name, status, message, next }: ProbeReport): void {
  const mark = status.padEnd(4);
  const shown = output.color ? styleText(COLORS[status], mark) : mark;
  output.say(`${shown}  ${name.padEnd(NAME_WIDTH)}${message.replaceAll('\n', `\n${INDENT}`)}`);
  if (next !== undefined) output.say(`${INDENT}→ ${next}`);
}
