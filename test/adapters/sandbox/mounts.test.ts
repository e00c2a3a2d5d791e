import { expect, test } from 'vitest';
import { isWithin } from '../../../src/adapters/sandbox/mounts.js';

test.each([
  ['/srv/models', '/srv/models', true],
  ['/srv/models/a/b', '/srv/models', true],
  ['/srv/models/a', '/srv/models/', true],
  ['/srv/models', '/', true],
  ['/', '/', true],
  ['/srv/models-of-others', '/srv/models', false],
  ['/srv', '/srv/models', false],
  ['/srv/..hidden', '/srv', true],
  ['/srv/models/../keys', '/srv/models', false],
  ['/srv/./models//a', '/srv/models', true],
  ['/home/ada/.ssh', '/srv/models/..', false],
  ['/srv/keys', '/srv/models/..', true],
])('isWithin: %s in %s: %s', (path, folder, expected) => {
  expect(isWithin(path, folder)).toBe(expected);
});
