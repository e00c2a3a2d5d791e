import { describe, expect, test } from 'vitest';
import type { GateOutputs } from '../../../src/contracts/answers/gate-outputs.js';
import { RULES_VERSION } from '../../../src/contracts/run/rules-version.js';
import { judgeJob, publishedJob } from '../../../src/rules/outputs/gate-outputs.js';
import { pathAllowed } from '../../../src/rules/paths/scope-matching.js';
import { exampleRequest } from '../../support/run-request.js';

const request = exampleRequest({ scope: { allow: ['src/**', 'README.md', 'docs/*.md'], deny: ['src/secret/**'] } });
const job = (parts: Partial<GateOutputs['P01']> = {}): GateOutputs['P01'] => ({
  title: 'Fix the split',
  objective: 'Parts add up.',
  deliverables: ['src/split.js'],
  acceptance_criteria: request.task.acceptance_criteria,
  scope: { allow: ['src/**'], deny: [] },
  exclusions: [],
  ...parts,
});
const judge = (output: GateOutputs['P01'], rules_version = RULES_VERSION) =>
  judgeJob({
    request,
    output,
    checks: new Set(['tests', 'lint']),
    rules_version,
    inRequestScope: (path) => pathAllowed(path, [request.scope], [], rules_version),
  });
const allowing = (...allow: string[]) => judge(job({ scope: { allow, deny: [] } }));

describe('judgeJob: scope', () => {
  test.each([
    ['a glob of the request', 'src/**'],
    ['another glob of the request', 'docs/*.md'],
    ['a literal path in scope', 'README.md'],
    ['a literal path with signs that are no glob by themselves', 'src/@types/c++.ts'],
    ['a literal path that a glob of the request matches', 'docs/guide.md'],
    ['a narrower glob of the folder', 'src/lib/*.js'],
  ])('%s is accepted', (_, glob) => {
    expect(allowing(glob)).toEqual([]);
  });

  test.each([
    ['everything', '**'],
    ['another folder', 'test/**'],
    ['a folder whose name starts alike', 'srcs/**'],
    ['a literal path that the request denies', 'src/secret/key.js'],
    ['a literal path outside', 'package.json'],
    ['an alternative that reaches outside', 'src/a|package.json'],
    ['an alternative that reaches everywhere', 'src/a|**'],
    ['a brace that starts outside', '{src,test}/**'],
    ['a glob under a request glob that is no folder', 'docs/**'],
  ])('%s is refused', (_, glob) => {
    expect(allowing('src/**', glob)).toEqual([
      {
        rule: 'scope_widened',
        severity: 'high',
        blocking: true,
        message: `The job allows "${glob}", which may reach outside the request's scope.`,
      },
    ]);
  });

  test('a glob that cannot be judged is refused, also where it denies', () => {
    expect(judge(job({ scope: { allow: ['src/**'], deny: ['src\\old\\**'] } }))).toMatchObject([
      { rule: 'job', blocking: true, message: expect.stringContaining('has a backslash') },
    ]);
    expect(judge(job({ scope: { allow: ['src/**'], deny: ['src\\old\\**'] } }), 1)).toEqual([]);
  });

  test.each([
    ['src/lib', 'a folder of the request by its name'],
    ['./src/lib/*.js', 'a glob from the top'],
    ['src/(group)/[...slug]/**', 'names with brackets'],
  ])('%s is accepted: %s', (glob) => {
    expect(allowing(glob)).toEqual([]);
  });

  test('the published job keeps what the request denies', () => {
    const { scope } = publishedJob(request, job({ scope: { allow: ['src/**'], deny: ['src/old/**'] } }));
    expect(scope).toEqual({ allow: ['src/**'], deny: ['src/secret/**', 'src/old/**'] });
  });
});

describe('judgeJob: acceptance criteria', () => {
  const [first, second] = request.task.acceptance_criteria;
  if (first === undefined || second === undefined) throw new Error('the example has two criteria');
  const { check: _, ...unproved } = first;

  test('an added criterion with a check that the policy has is accepted', () => {
    const added = { id: 'AC3', text: 'It is formatted.', check: 'lint' };
    expect(judge(job({ acceptance_criteria: [first, second, added] }))).toEqual([]);
  });

  test.each([
    ['a lost criterion', [first], 'Criterion AC2 is lost'],
    ['a reworded one', [first, { ...second, text: 'Some README.' }], 'Criterion AC2 is not word for word'],
    ['one that is repeated', [first, second, second], 'Criterion AC2 stands there more than once'],
    ['a check that was dropped', [unproved, second], 'Criterion AC1 must be proved by tests, the job says no check'],
    ['a check that was changed', [{ ...first, check: 'lint' }, second], 'the job says lint'],
    ['a check that was added', [first, { ...second, check: 'lint' }], 'Criterion AC2 must be proved by no check'],
    ['a check that does not exist', [first, second, { id: 'X', text: 'x', check: 'no' }], 'names the check "no"'],
    ['an addition twice', [first, second, { id: 'X', text: 'x' }, { id: 'X', text: 'y' }], 'X stands there more than'],
  ])('%s is one blocking finding', (_, criteria, message) => {
    const findings = judge(job({ acceptance_criteria: criteria }));
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ rule: 'job', severity: 'high', blocking: true });
    expect(findings[0]?.message).toContain(message);
  });
});
