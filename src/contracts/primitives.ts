import { z } from 'zod';
import {
  COMMIT_PATTERN,
  EXECUTOR_ROLES,
  FINGERPRINT_PATTERN,
  GATE_IDS,
  RUN_ID_PATTERN,
  SEVERITIES,
  SHA256_PATTERN,
} from './names.js';
import { portablePathProblem } from './portable-path.js';

export const fingerprintSchema = z
  .string()
  .regex(FINGERPRINT_PATTERN, 'expected a fingerprint of 16 hexadecimal digits');

export const sha256Schema = z.string().regex(SHA256_PATTERN, 'expected 64 lower-case hexadecimal digits');
export const commitSchema = z.string().regex(COMMIT_PATTERN, 'expected a full commit id in lower-case hexadecimal');
export const runIdSchema = z
  .string()
  .regex(RUN_ID_PATTERN, 'expected 3 to 63 lower-case letters, digits and hyphens, such as "20260102-fix-sum"');
export const gateIdSchema = z.enum(GATE_IDS);
export const executorRoleSchema = z.enum(EXECUTOR_ROLES);
export const severitySchema = z.enum(SEVERITIES);

/** The name of a principal, a check, a repository, an executor: what people type. */
export const nameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/,
    'expected a name of letters, digits and . _ @ + - (64 characters at most)',
  );

/** The id of a constraint, a criterion or a question, such as `C1` or `AC2`. */
export const itemIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/, 'expected an id such as "AC1" (32 characters at most)');

export const textSchema = z
  .string()
  .trim()
  .min(1, 'expected some text')
  .max(20_000, 'expected 20,000 characters at most');
export const lineSchema = z.string().trim().min(1, 'expected some text').max(500, 'expected 500 characters at most');

/** A path inside the target repository: relative, forward slashes, nothing that climbs out. */
export const repoPathSchema = z
  .string()
  .min(1)
  .max(1_000)
  .refine(
    (path) =>
      !path.startsWith('/') && !path.includes('\\') && !path.split('/').some((part) => part === '..' || part === ''),
    'expected a relative path with forward slashes and without ".."',
  );

/**
 * A glob over paths of the target repository, in the language of docs/globs.md. Its shape alone: documents of older runs
 * are read as they are; `rules/paths/read-glob.ts` judges the globs of runs that start.
 */
export const globSchema = z
  .string()
  .min(1)
  .max(500)
  .refine(
    (glob) => !glob.startsWith('/'),
    'expected a glob without a leading "/": paths begin at the top of the repository, and a name at the top only is written "./NAME"',
  )
  .refine((glob) => !glob.split('/').includes('..'), 'expected a glob relative to the repository')
  .refine((glob) => !glob.startsWith('!'), 'expected a glob without "!": name exclusions under "deny"');

export const DURATION_UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A duration as people write it (`90s`, `15m`, `24h`, `14d`), parsed to milliseconds. */
export const durationSchema = z
  .string({
    error: ({ input }) =>
      Number.isFinite(input)
        ? `expected a duration with its unit, such as "${input}s" for seconds or "${input}m" for minutes`
        : 'expected a duration such as "90s", "15m", "24h" or "14d"',
  })
  .regex(/^[1-9]\d{0,6}[smhd]$/, {
    error: ({ input }) =>
      /^0\d*[smhd]$/.test(String(input))
        ? 'expected a duration above zero and without a zero at its start'
        : 'expected a whole number of at most 7 digits with its unit, such as "90s", "15m", "24h" or "14d"',
  })
  .transform((text) => Number(text.slice(0, -1)) * DURATION_UNITS[text.slice(-1) as keyof typeof DURATION_UNITS]);

/** A whole number of seconds in the largest unit that has no rest, as `durationSchema` reads it. */
export function durationText(milliseconds: number): string {
  const units = Object.entries(DURATION_UNITS).reverse();
  const [unit, size] = units.find(([, one]) => milliseconds % one === 0) ?? ['s', DURATION_UNITS.s];
  return `${milliseconds / size}${unit}`;
}

/** An instant in UTC with milliseconds, as `Date.prototype.toISOString` writes it. */
export const instantSchema = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'expected an ISO 8601 instant in UTC');

/** Marks an issue of a schema as one about a published path, so that a verifier can name it. */
export const PATH_ISSUE = { about: 'published path' } as const;

/** A path of a published tree: one that is the same file on every system. */
const publishedPathSchema = z.string().superRefine((path, context) => {
  const problem = portablePathProblem(path);
  if (problem === null) return;
  const message = `expected a portable path; ${JSON.stringify(path).slice(0, 300)} ${problem}`;
  context.addIssue({ code: 'custom', message, params: PATH_ISSUE });
});

/** Bytes in the artifact store and where they are published in the run's tree. */
export const artifactRefSchema = z.strictObject({
  path: publishedPathSchema,
  sha256: sha256Schema,
  bytes: z.int().nonnegative(),
  media_type: z.string().min(1),
});
export type ArtifactRef = z.infer<typeof artifactRefSchema>;
