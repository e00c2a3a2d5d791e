import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parsePolicyBytes } from '../../src/config/policy-file.js';
import { readRunRequest, requestFromNotes } from '../../src/config/run-request-file.js';
import { PromptOsError } from '../../src/contracts/errors.js';
import { POLICY, refusalOf, temporaryFile } from './documents.js';

const policyOf = (text: string) => parsePolicyBytes(new TextEncoder().encode(text)).policy;
const policy = policyOf(POLICY);
const without = (line: RegExp) => policyOf(POLICY.replace(line, ''));
const thrownBy = (action: () => unknown): PromptOsError => {
  try {
    action();
  } catch (error) {
    if (error instanceof PromptOsError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

const REQUEST = `context: { project: shop, description: A shop., goal: Split bills. }
task:
  title: Split
  description: Split a bill.
  acceptance_criteria:
    - { id: AC1, text: Parts add up., check: tests }
scope: { allow: [src/**] }
checks: [tests]
`;

test('readRunRequest: fills in what may be left out', async () => {
  const request = await readRunRequest(await temporaryFile('request.yaml', REQUEST));
  expect(request).toMatchObject({ schema_version: 1, notes: '', scope: { allow: ['src/**'], deny: [] } });
});

test('readRunRequest: REQUEST_INVALID with line and nearest key, for an unknown key', async () => {
  const error = await refusalOf(
    readRunRequest(await temporaryFile('request.yaml', REQUEST.replace('title:', 'titel:'))),
  );
  expect(error).toMatchObject({ code: 'REQUEST_INVALID' });
  expect(error.message).toMatch(/request\.yaml:3: task\.titel: unknown key\. Did you mean "title"\?/);
});

test('readRunRequest: REQUEST_INVALID, for two criteria with one id and for a scope that climbs out', async () => {
  const text = REQUEST.replace('- { id: AC1', '- { id: AC1, text: Twice. }\n    - { id: AC1').replace(
    'src/**',
    '../**',
  );
  const error = await refusalOf(readRunRequest(await temporaryFile('request.yaml', text)));
  expect(error.message).toContain('two acceptance criteria have the same id');
  expect(error.message).toContain('scope.allow[0]: expected a glob relative to the repository, received "../**"');
});

test('readRunRequest: takes a pipe', async () => {
  const pipe = await temporaryFile('pipe', '');
  rmSync(pipe);
  execFileSync('mkfifo', [pipe]);
  const [request] = await Promise.all([readRunRequest(pipe), writeFile(pipe, REQUEST)]);
  expect(request).toMatchObject({ scope: { allow: ['src/**'] } });
});

test('readRunRequest: FILE_NOT_READABLE, for a missing file', async () => {
  expect(await refusalOf(readRunRequest('/nowhere/request.yaml'))).toMatchObject({ code: 'FILE_NOT_READABLE' });
});

test('requestFromNotes: title, description and AC1 are the notes, bound to the default checks and scope', () => {
  const notes = 'Fix "sum"\nfor ünïcode, please ';
  const request = requestFromNotes({ notes, policy, project: 'shop' });
  expect(request.task).toEqual({
    title: 'Fix "sum"',
    description: notes.trim(),
    acceptance_criteria: [{ id: 'AC1', text: notes.trim(), check: 'tests' }],
    out_of_scope: [],
  });
  expect(request).toMatchObject({
    notes,
    checks: ['tests'],
    scope: { allow: ['src/**'], deny: [] },
    context: { project: 'shop' },
  });
});

test('requestFromNotes: a title is cut to its limit without breaking a character', () => {
  const { title } = requestFromNotes({ notes: `${'a'.repeat(498)}😀${'b'.repeat(10)}`, policy, project: 'shop' }).task;
  expect(title).toBe(`${'a'.repeat(498)}…`);
});

test.each([
  ['default_checks', without(/^default_checks.*\n/m), '`default_checks: [tests]`'],
  ['a check', without(/^checks:\n.*\ndefault_checks.*\n/m), 'checks: { tests: { argv: [npm, test] } }'],
  ['default_scope', without(/^default_scope.*\n/m), '`default_scope: { allow: ["src/**", "test/**"] }`'],
])('requestFromNotes: REQUEST_INCOMPLETE names the line, when the policy lacks %s', (_, lacking, line) => {
  const error = thrownBy(() => requestFromNotes({ notes: 'x', policy: lacking, project: 'shop' }));
  expect(error.code).toBe('REQUEST_INCOMPLETE');
  expect(error.message).toContain(line);
});

test('requestFromNotes: REQUEST_INCOMPLETE, for empty notes; REQUEST_INVALID, for notes that are too long', () => {
  const empty = thrownBy(() => requestFromNotes({ notes: ' \n', policy, project: 'shop' }));
  expect(empty.code).toBe('REQUEST_INCOMPLETE');
  expect(empty.message).toMatch(/must say what is to be done\. Give --notes "…", or a request file with --request\.$/);
  const error = thrownBy(() => requestFromNotes({ notes: 'x'.repeat(20_001), policy, project: 'shop' }));
  expect(error.code).toBe('REQUEST_INVALID');
  expect(error.message).toContain('received 20001 characters');
});

test('readRunRequest: REQUEST_INVALID at the line of each glob that can match nothing, with the spelling that would work', async () => {
  const scope = "scope:\n  allow: ['src/**.ts']\n  deny:\n    - 'src\\flask\\**'\n    - /docs/**\n";
  const text = (from: string) => REQUEST.replace(/^scope:.*\n/m, from);
  const error = await refusalOf(
    readRunRequest(await temporaryFile('request.yaml', text(scope.replace(/ +- \/docs.*\n/, '')))),
  );
  expect(error).toMatchObject({ code: 'REQUEST_INVALID' });
  expect(error.message).toMatch(
    /request\.yaml:8: scope\.allow\[0\]: the glob "src\/\*\*\.ts" has.*write "src\/\*\*\/\*\.ts"/,
  );
  expect(error.message).toMatch(
    /request\.yaml:10: scope\.deny\[0\]: the glob .* has a backslash.*write "src\/flask\/\*\*"/,
  );
  const absolute = await refusalOf(readRunRequest(await temporaryFile('request.yaml', text(scope))));
  expect(absolute.message).toMatch(/request\.yaml:11: scope\.deny\[1\]: expected a glob without a leading "\/"/);
});
