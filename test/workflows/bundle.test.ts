import { expect, test } from 'vitest';
import { governedBundle } from '../support/governed-worker.js';

/** The code alone, without the source map at its end. */
const codeOf = (bundle: string): string => bundle.slice(0, bundle.lastIndexOf('\n//# sourceMappingURL='));

test('workflow bundle: holds no schema library and nothing of Node, and its size is known', async () => {
  const { code } = await governedBundle();
  const modules = [...code.matchAll(/^\/\*\*\*\/ "([^"]+)":?/gm)].map(([, path]) => path ?? '');
  expect(modules.filter((path) => path.includes('domain')).length).toBeGreaterThan(10);
  expect(modules.filter((path) => /node_modules\/(zod|pino|yaml|execa)\//.test(path))).toEqual([]);
  expect(codeOf(code)).not.toMatch(/ZodError|_zod|\$ZodType/);
  // 1,317 KiB when this was written, 460 of them the curve for signatures. Every worker and every replay parses all of it.
  expect(codeOf(code).length / 1_024).toBeLessThan(1_340);
});

test('workflow bundle: the look for a schema library finds one that is there', () => {
  expect('class ZodError extends Error {}').toMatch(/ZodError|_zod|\$ZodType/);
});
