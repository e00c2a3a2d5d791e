import { expect, test } from 'vitest';
import { reportError } from '../../../src/cli/app/report-error.js';
import { PromptOsError } from '../../../src/contracts/errors.js';
import { recordOutput } from '../../support/recorded-output.js';

function report(error: unknown, { json = false, details = false } = {}) {
  const { output, stdout, stderr } = recordOutput({ json });
  return { exitCode: reportError(error, output, details), stdout: stdout.text, stderr: stderr.text };
}

test('reportError: the code, what happened and the next step, with the exit code of the catalogue', () => {
  expect(report(new PromptOsError('RUN_NOT_FOUND', 'There is no run x.'))).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: 'error RUN_NOT_FOUND: There is no run x.\n  next: `promptos run list` shows the runs.\n',
  });
});

test('reportError: the hint of an error replaces that of the catalogue', () => {
  const { stderr } = report(new PromptOsError('USAGE', 'No.', { hint: 'Do that.' }));
  expect(stderr).toBe('error USAGE: No.\n  next: Do that.\n');
});

test('reportError: with --json one object on standard output', () => {
  const { stdout, stderr } = report(new PromptOsError('USAGE', 'No.', { hint: 'Do that.' }), { json: true });
  expect(JSON.parse(stdout)).toEqual({ error: { code: 'USAGE', message: 'No.', next: 'Do that.' } });
  expect(stderr).toContain('error USAGE: No.');
});

test('reportError: a defect is one line and no stack trace, unless details are wanted', () => {
  const defect = new TypeError('cannot read\nthis');
  const { exitCode, stderr } = report(defect);
  expect(exitCode).toBe(3);
  expect(stderr).toBe(
    'error INTERNAL: TypeError: cannot read this\n  next: This is a defect; report it with the log.\n',
  );
  expect(report(defect, { details: true }).stderr).toContain('    at ');
});

test.each([
  ['ENOSPC', {}, 'DISK_FULL', 3],
  ['EDQUOT', {}, 'DISK_FULL', 3],
  ['EACCES', { path: '/x' }, 'FILE_NOT_READABLE', 2],
  ['EROFS', { path: '/x' }, 'FILE_NOT_READABLE', 2],
  ['EMFILE', { path: '/x' }, 'FILE_NOT_READABLE', 2],
  ['EFBIG', {}, 'FILE_NOT_READABLE', 2],
  // Of a connection.
  ['EACCES', {}, 'INTERNAL', 3],
  ['ENOENT', { path: '/x' }, 'INTERNAL', 3],
  ['ENOENT', { path: '/proc/x', syscall: 'mkdir' }, 'FILE_NOT_READABLE', 2],
  ['EEXIST', { path: '/etc/passwd', syscall: 'mkdir' }, 'FILE_NOT_READABLE', 2],
  ['ENOTDIR', { path: '/x/XXXXXX', syscall: 'mkdtemp' }, 'FILE_NOT_READABLE', 2],
])('reportError: %s of the system with %j is %s', (code, more, expected, exitCode) => {
  const error = Object.assign(new Error(`${code}: refused, write`), { code, ...more });
  expect(report(error)).toMatchObject({ exitCode, stderr: expect.stringContaining(`error ${expected}: `) });
});

test.each([
  ['EMFILE', 'ulimit -n'],
  ['EFBIG', 'ulimit -f'],
])('reportError: the next step for %s names the limit', (code, limit) => {
  expect(report(Object.assign(new Error(code), { code })).stderr).toContain(`next: Raise the limit`);
  expect(report(Object.assign(new Error(code), { code })).stderr).toContain(limit);
});

test('reportError: what a message quotes cannot speak to the terminal', () => {
  expect(report(new PromptOsError('USAGE', 'received \u001b[2J"x".')).stderr).toContain('received ␛[2J"x".');
});
