import { z } from 'zod';
import { durationSchema, globSchema, repoPathSchema } from '../primitives.js';

/**
 * Variables by which programs find the caches that the engine gives to checks. No policy moves them. Maven's carry other
 * arguments too, and so are not among them.
 */
const CACHE_VARIABLES = [
  'npm_config_cache',
  'npm_config_store_dir',
  'pnpm_config_store_dir',
  'YARN_CACHE_FOLDER',
  'YARN_GLOBAL_FOLDER',
  'PIP_CACHE_DIR',
  'POETRY_CACHE_DIR',
  'UV_CACHE_DIR',
  'GOMODCACHE',
  'GOCACHE',
  'CARGO_HOME',
];

/** What the worker decides for every program that it starts. */
const WORKERS_OWN = ['HOME', 'PATH', 'TMPDIR', 'CI'];

/** Why a policy may not set a variable; null when it may. npm reads its variables in any case. */
function reservedBecause(name: string, reserved: readonly string[]): string | null {
  const upper = name.toUpperCase();
  if (reserved.some((one) => one.toUpperCase() === upper)) return 'is set by the engine';
  if (upper.startsWith('PROMPTOS_') || upper.startsWith('TEMPORAL_')) return "is one of the engine's own";
  return null;
}

const variablesSchema = (reserved: readonly string[]) =>
  z
    .record(
      z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'expected the name of a variable, such as "NODE_ENV"')
        .superRefine((name, context) => {
          const why = reservedBecause(name, reserved);
          if (why === null) return;
          context.addIssue({ code: 'custom', message: `expected another variable, since ${name} ${why}` });
        }),
      z
        .string()
        .max(4_000)
        .regex(/^[^\0]*$/, 'expected text without a zero byte'),
    )
    .default({});

/** Variables of set-up commands: those that name caches are theirs to set. */
export const setupVariablesSchema = variablesSchema(WORKERS_OWN);

/**
 * The forms of test reports that counts are taken from. `node` is the JUnit XML of node's own runner, which lists a file
 * without tests as a test. `cargo` is the summary lines of libtest. `jest-json` is what jest and vitest write as JSON.
 */
const TEST_REPORT_FORMATS = ['junit', 'node', 'tap', 'go-test-json', 'cargo', 'jest-json'] as const;

const testReportSchema = z.strictObject({
  format: z
    .enum(TEST_REPORT_FORMATS)
    .describe('the format of the report; docs/executors.md says which runner writes which'),
  path: repoPathSchema
    .optional()
    .describe('the file that the check writes in its checkout; its standard output when absent'),
});
export type TestReport = z.infer<typeof testReportSchema>;

/** A named command of the target repository that proves something. Run without a shell. */
export const checkSchema = z.strictObject({
  argv: z.array(z.string().min(1)).min(1).describe('the command and its arguments, as a list'),
  timeout: durationSchema.default(600_000).describe('the check is killed and fails after this long'),
  env: variablesSchema([...WORKERS_OWN, ...CACHE_VARIABLES]).describe(
    'variables of the check, added to those of the worker; published with the policy, so never a secret',
  ),
  made_of: z
    .array(globSchema)
    .default([])
    .describe(
      'files that the check itself consists of: out of every scope, so that a change cannot edit the check that judges it',
    ),
  report: testReportSchema
    .optional()
    .describe(
      'where the check reports its tests: the check fails with no executed test, or fewer than on the base commit. Without it only the exit code counts',
    ),
});
export type Check = z.infer<typeof checkSchema>;
