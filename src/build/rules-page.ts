import { writeFile } from 'node:fs/promises';
import { RULE_GROUPS, ruleUri } from '../contracts/policy/rule-texts.js';

const HEAD = `# Rules

<!-- Made by \`npm run schemas\`. Change src/contracts/policy/rule-texts.ts instead. -->

With this page you can look up the rule of a finding: what it asks, and what to do. [\`promptos check\`](check.md) runs the
rules on patches anywhere. In a SARIF log each rule has these texts, and \`${ruleUri('NAME')}\` as its \`helpUri\`; that
address names the rule and need not lead to a page.
`;

/** `docs/rules.md`: every rule with its texts. */
export const renderRulesPage = (): string =>
  [
    HEAD,
    ...Object.entries(RULE_GROUPS).flatMap(([title, rules]) => [
      `## ${title}\n`,
      '| rule | what it asks | what to do |\n|---|---|---|',
      ...Object.entries(rules).map(([rule, { asks, help }]) => `| \`${rule}\` | ${asks} | ${help} |`),
      '',
    ]),
  ].join('\n');

export const writeRulesPage = (): Promise<void> =>
  writeFile(new URL('../../docs/rules.md', import.meta.url), renderRulesPage());
