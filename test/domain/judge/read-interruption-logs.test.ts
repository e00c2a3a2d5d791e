import { expect, test } from 'vitest';
import { readInterruptionLogs } from '../../../src/domain/judge/read-interruption-logs.js';

const log = (output: string) => ({
  path: `setup/install.${output}.txt`,
  sha256: 'a'.repeat(64),
  bytes: 12,
  media_type: 'text/plain',
});

test('readInterruptionLogs: takes the outputs of a set-up command, each once', () => {
  expect(readInterruptionLogs([log('stdout'), log('stderr')])).toEqual([log('stdout'), log('stderr')]);
  expect(readInterruptionLogs([log('stderr')])).toEqual([log('stderr')]);
});

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['no list', { 0: log('stdout') }],
  ['one output twice', [log('stdout'), log('stdout')]],
  ['more outputs than a command has', [log('stdout'), log('stderr'), { ...log('stdout'), path: 'setup/b.stdout.txt' }]],
  ['a path of another file', [{ ...log('stdout'), path: 'attempt.json' }]],
  ['a path out of the folder', [{ ...log('stdout'), path: 'setup/../../x.stdout.txt' }]],
  ['another media type', [{ ...log('stdout'), media_type: 'text/html' }]],
  ['no digest', [{ ...log('stdout'), sha256: 'a' }]],
  ['no size', [{ ...log('stdout'), bytes: -1 }]],
  ['a size that is no number', [{ ...log('stdout'), bytes: '12' }]],
  ['another field', [{ ...log('stdout'), more: 1 }]],
  ['one that is good and one that is not', [log('stdout'), null]],
])('readInterruptionLogs: takes none of %s', (_, value) => {
  expect(readInterruptionLogs(value)).toEqual([]);
});
