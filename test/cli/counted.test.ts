import { expect, test } from 'vitest';
import { counted } from '../../src/cli/counted.js';

test('counted: one has no s, none and several have', () => {
  expect([0, 1, 2].map((count) => counted(count, 'warning'))).toEqual(['0 warnings', '1 warning', '2 warnings']);
});
