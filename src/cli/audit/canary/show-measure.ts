import type { AskedGate, SeededAnswer } from '../../../canary/seeded/ask-seeded.js';
import type { GateCount } from '../../../canary/seeded/count-answers.js';
import type { BugLanguage } from '../../../canary/seeded/seeded-bug.js';
import type { ExecutorParameters } from '../../../contracts/run/agent-work.js';
import { counted } from '../../../contracts/sentences.js';
import type { Output } from '../../app/output.js';
import { printableLine } from '../../app/printable.js';

/** What `--report` writes and `--json` prints. */
export interface ExecutorReport {
  readonly schema_version: 1;
  readonly asked_at: string;
  readonly executor: string;
  /** What the executor was configured with, as it says; null where it does not say. */
  readonly parameters: ExecutorParameters | null;
  readonly prompt_pack_sha256: string;
  /** How many answers were asked for; a command that was ended early has fewer. */
  readonly questions: number;
  readonly gates: Readonly<Partial<Record<AskedGate, GateCount>>>;
  /** Languages whose bugs were not planted, with the reason. */
  readonly skipped: Readonly<Partial<Record<BugLanguage, string>>>;
  readonly answers: readonly SeededAnswer[];
}

const SHOWN = {
  objected: { seeded: 'caught', honest: 'FALSE ALARM' },
  passed: { seeded: 'MISSED', honest: 'passed' },
  unusable: { seeded: 'NO ANSWER', honest: 'NO ANSWER' },
  unanswered: { seeded: 'NO ANSWER', honest: 'NO ANSWER' },
} as const;

const of = (some: number, all: number): string => `${some}/${all}`;

/** Shows each answer, then what they come to at each gate. */
export function showMeasure(output: Output, { executor, gates, skipped, answers }: ExecutorReport): void {
  if (output.json) return;
  const names = Math.max(...answers.map(({ name }) => name.length));
  for (const { name, gate, seeded, outcome, reason } of answers) {
    const shown = SHOWN[outcome][seeded ? 'seeded' : 'honest'];
    const why = reason === null ? '' : `  ${printableLine(reason)}`;
    output.say(`${shown.padEnd(11)}  ${gate}  ${name.padEnd(names)}  ${seeded ? 'bug   ' : 'honest'}${why}`.trimEnd());
  }
  for (const [language, why] of Object.entries(skipped)) output.say(`skipped      the bugs in ${language}: ${why}`);
  for (const [gate, count] of Object.entries(gates)) {
    const { prompt, model, bugs, honest, structured, tries, tokens, cost_usd } = count;
    const served =
      model.served.length === 0 ? 'an unknown model' : model.served.map((name) => printableLine(name)).join(', ');
    const asked = model.requested === null ? '' : ` (asked for ${printableLine(model.requested)})`;
    output.say(`${gate} ${prompt.version} by ${printableLine(executor)}, served by ${served}${asked}`);
    if (bugs.n > 0) {
      output.say(`  bugs caught ${of(bugs.caught, bugs.n)}, false alarms ${of(honest.false_alarms, honest.n)}`);
      for (const parts of [count.by_language, count.by_class]) {
        const shares = Object.entries(parts).map(([part, { bugs: own }]) => `${part} ${of(own.caught, own.n)}`);
        if (shares.length > 1) output.say(`  caught: ${shares.join(', ')}`);
      }
    }
    const cost = cost_usd === null ? 'cost unknown' : `$${cost_usd}`;
    const used = tokens === null ? 'tokens unknown' : counted(tokens, 'token');
    output.say(
      `  valid at the first try ${of(structured.valid_at_first, structured.n)}; ${counted(tries, 'try')}, ${used}, ${cost}`,
    );
  }
}
