// The reviewer: tries to break the change. Everything that it reports it saw when it called the code in its checkout.
import { readFileSync } from 'node:fs';
import { attackGroups, judgeAttack } from './attacks.mjs';
import { callSplitBill } from './call-split-bill.mjs';
import { answerGate, leftoverRule, output, required } from './prompt-inputs.mjs';

const SOURCE = 'src/split-bill.js';
const shown = new Intl.NumberFormat('en');

function sourceLine() {
  const index = readFileSync(SOURCE, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes('function splitBill'));
  return index === -1 ? {} : { line: index + 1 };
}

/** P07. */
async function review(inputs) {
  const rule = leftoverRule(required(inputs, 'plan').data_flow ?? '');
  const groups = attackGroups();
  const results = await callSplitBill(
    SOURCE,
    groups.flatMap(({ bills }) => bills),
  );
  const place = { path: SOURCE, ...sourceLine() };
  const findings = [];
  let next = 0;
  for (const group of groups) {
    const problems = group.bills.flatMap((bill) => judgeAttack(group, bill, results[next++], rule));
    for (const kind of new Set(problems.map((problem) => problem.kind))) {
      const same = problems.filter((problem) => problem.kind === kind);
      findings.push({
        severity: group.severity,
        title: `${kind}: ${same[0].seen}`.slice(0, 480),
        detail: `${shown.format(same.length)} of ${shown.format(group.bills.length)} tries: ${group.name}.`,
        ...place,
      });
    }
  }
  const broken = findings.filter(({ severity }) => severity === 'critical' || severity === 'high');
  return output({
    verdict: broken.length === 0 ? 'pass' : 'fail',
    summary:
      broken.length === 0
        ? `${shown.format(results.length)} calls did not break the change; ${findings.length} smaller findings.`
        : `The change breaks: ${broken.map(({ title }) => title).join('; ')}.`,
    attacks: groups.map(({ name, bills }) => `${name} (${shown.format(bills.length)} calls)`),
    findings,
  });
}

await answerGate({ P07: review });
