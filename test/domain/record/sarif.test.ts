import { describe, expect, test } from 'vitest';
import { SEVERITIES } from '../../../src/contracts/names.js';
import { RULE_TEXTS } from '../../../src/contracts/policy/rule-texts.js';
import type { Finding } from '../../../src/contracts/run/findings.js';
import { attemptSarif, findingFingerprint, sarifLog, withoutRuleTexts } from '../../../src/domain/record/sarif.js';
import { sarifProblems } from '../../support/sarif-schema.js';

const finding = (parts: Partial<Finding> = {}): Finding => ({
  id: 'scope-1',
  rule: 'scope',
  severity: 'high',
  blocking: true,
  message: 'outside the scope',
  ...parts,
});
const log = (...findings: Finding[]) => attemptSarif({ run_id: 'run-one', gate: 'P05', attempt: 2, findings });

describe('sarifLog', () => {
  test('is a log of version 2.1.0 with one run: tool, rules once each, and a result for each finding', () => {
    const made = log(finding(), finding({ id: 'scope-2' }), finding({ id: 'size-1', rule: 'size', severity: 'low' }));
    expect(made).toMatchObject({
      $schema: expect.stringMatching(/sarif-schema-2\.1\.0\.json$/),
      version: '2.1.0',
      runs: [
        {
          tool: { driver: { name: 'PromptOS', rules: [{ id: 'scope' }, { id: 'size' }] } },
          automationDetails: { id: 'promptos/P05/run-one.2' },
        },
      ],
    });
    const [run] = made.runs;
    expect(run?.results.map(({ ruleId, ruleIndex, level }) => [ruleId, ruleIndex, level])).toEqual([
      ['scope', 0, 'error'],
      ['scope', 0, 'error'],
      ['size', 1, 'note'],
    ]);
    for (const result of run?.results ?? []) expect(run?.tool.driver.rules[result.ruleIndex]?.id).toBe(result.ruleId);
  });

  test.each([
    ['critical', 'error'],
    ['high', 'error'],
    ['medium', 'warning'],
    ['low', 'note'],
    ['info', 'note'],
  ] as const)('severity %s is level %s', (severity, level) => {
    expect(log(finding({ severity })).runs[0]?.results[0]).toMatchObject({ level, properties: { severity } });
  });

  test('a path is a relative URI with its line; without one there is no location', () => {
    const [located, bare] = log(finding({ path: 'src/ü #1?.ts', line: 7 }), finding()).runs[0]?.results ?? [];
    expect(located).toMatchObject({
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: 'src/%C3%BC%20%231%3F.ts', uriBaseId: '%SRCROOT%' },
            region: { startLine: 7 },
          },
        },
      ],
    });
    expect(bare).not.toHaveProperty('locations');
  });

  test('braces of a message are doubled: single ones would be placeholders', () => {
    expect(log(finding({ message: 'expected {a}' })).runs[0]?.results[0]?.message.text).toBe('expected {{a}}');
  });
});

describe('the rules of a log', () => {
  test('each rule has its description, its help and its URI; one that is not known has its id alone', () => {
    const [run] = log(finding(), finding({ id: 'other-1', rule: 'other' })).runs;
    expect(run?.tool.driver.rules).toEqual([
      {
        id: 'scope',
        shortDescription: { text: RULE_TEXTS.scope?.asks },
        help: { text: RULE_TEXTS.scope?.help },
        helpUri: 'https://promptos.dev/rules/scope',
      },
      { id: 'other' },
    ]);
  });

  test('rules that found nothing are listed where they are named, each once', () => {
    const [run] = sarifLog({ id: 'promptos/check/1', rules: ['size', 'scope'], findings: [finding()] }).runs;
    expect(run?.tool.driver.rules.map(({ id }) => id)).toEqual(['size', 'scope']);
    expect(run?.results[0]?.ruleIndex).toBe(1);
  });

  test('withoutRuleTexts: drops the texts about rules and nothing else', () => {
    const made = log(finding());
    const [run] = made.runs;
    const older = { ...made, runs: [{ ...run, tool: { driver: { name: 'PromptOS', rules: [{ id: 'scope' }] } } }] };
    expect(withoutRuleTexts(made)).toEqual(older);
    expect(withoutRuleTexts(older)).toEqual(older);
    const odd = { runs: [{ tool: { driver: { rules: [{ id: 'scope', defaultConfiguration: { level: 'none' } }] } } }] };
    expect(withoutRuleTexts(odd)).toEqual(odd);
    for (const other of [null, 'log', [], { runs: {} }, { runs: [1, { tool: 1 }, { tool: { driver: 1 } }] }]) {
      expect(withoutRuleTexts(other)).toEqual(other);
    }
  });
});

describe('findingFingerprint', () => {
  test('is the same for the same thing in a later attempt, where numbers have moved', () => {
    const first = findingFingerprint(finding({ message: 'line 12 of 1,024 bytes', path: 'a.ts', line: 12 }));
    expect(findingFingerprint(finding({ id: 'scope-9', message: 'line 7 of 98 bytes', path: 'a.ts', line: 7 }))).toBe(
      first,
    );
    expect(first).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each([
    ['rule', { rule: 'size' }],
    ['path', { path: 'b.ts' }],
    ['message', { message: 'another thing' }],
  ])('is another one for another %s', (_, parts) => {
    const base = finding({ path: 'a.ts' });
    expect(findingFingerprint({ ...base, ...parts })).not.toBe(findingFingerprint(base));
  });

  test('half a surrogate pair in a text is no reason to fail', () => {
    expect(findingFingerprint(finding({ message: '\ud800', path: 'a\udc00' }))).toMatch(/^[0-9a-f]{64}$/);
    expect(() => JSON.stringify(log(finding({ path: 'a\udc00' })))).not.toThrow();
  });
});

describe('the schema of SARIF 2.1.0', () => {
  const odd = [
    finding({ path: 'docs/b c\u00e9?#%.txt', line: 3, message: 'holds {0} and \ud800 half a character' }),
    finding({ id: 'own-1', rule: 'a rule of a later release', severity: 'info', blocking: false, path: 'a:b' }),
    ...SEVERITIES.map((severity, index) => finding({ id: `size-${index}`, rule: 'size', severity })),
  ];

  test('accepts the log of an attempt and that of promptos check, with findings and without', () => {
    expect(sarifProblems(log())).toEqual([]);
    expect(sarifProblems(log(...odd))).toEqual([]);
    const rules = Object.keys(RULE_TEXTS);
    expect(sarifProblems(sarifLog({ id: 'promptos/check/none', rules, findings: odd }))).toEqual([]);
    expect(sarifProblems(sarifLog({ id: 'promptos/check/none', rules, findings: [] }))).toEqual([]);
  });

  test('refuses a log with another version, an unknown level, or a field that the standard does not have', () => {
    const valid = JSON.parse(JSON.stringify(log(finding())));
    expect(sarifProblems({ ...valid, version: '2.0.0' })).not.toEqual([]);
    const [run] = valid.runs;
    expect(
      sarifProblems({ ...valid, runs: [{ ...run, results: [{ ...run.results[0], level: 'fatal' }] }] }),
    ).not.toEqual([]);
    expect(sarifProblems({ ...valid, runs: [{ ...run, verdict: 'pass' }] })).not.toEqual([]);
  });
});
