import { styleText } from 'node:util';
import type { Output } from '../app/output.js';
import type { ProbeReport, ProbeStatus } from './probe.js';

const COLORS = { ok: 'green', warn: 'yellow', fail: 'red' } as const satisfies Record<ProbeStatus, string>;
const NAME_WIDTH = 16;
const INDENT = ' '.repeat(6 + NAME_WIDTH);

/** Shows what a probe found, and the next step. */
export function showReport(output: Output, { name, status, message, next }: ProbeReport): void {
  const mark = status.padEnd(4);
  const shown = output.color ? styleText(COLORS[status], mark) : mark;
  output.say(`${shown}  ${name.padEnd(NAME_WIDTH)}${message.replaceAll('\n', `\n${INDENT}`)}`);
  if (next !== undefined) output.say(`${INDENT}→ ${next}`);
}
