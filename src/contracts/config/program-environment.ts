import { z } from 'zod';
import { networkAccessSchema } from '../network-access.js';
import { portablePathProblem } from '../portable-path.js';

/*
 * What surrounds a program that a worker starts: its variables, the files of its HOME, and its network. Every kind of
 * executor has these fields, and checks have some of them.
 */

/** What a program that a worker starts sees of the worker's own environment. */
export const passedEnvironmentSchema = z.strictObject({
  allow: z
    .array(z.string().min(1))
    .default(['PATH', 'LANG', 'LC_ALL', 'TMPDIR'])
    .describe("variables of the worker's own environment that pass"),
  set: z
    .record(z.string().min(1), z.string())
    .default({})
    .describe('variables that are set, also over those of the worker'),
});
export type PassedEnvironment = z.infer<typeof passedEnvironmentSchema>;

/** The files of a program's own, otherwise empty HOME. */
export const homeFilesSchema = z
  .record(
    z
      .string()
      .refine((path) => portablePathProblem(path) === null, 'expected a relative path such as ".agent/settings.json"'),
    z.string(),
  )
  .default({})
  .describe('files that the program finds in its HOME, such as its settings: their text by path');

export const networkSchema = networkAccessSchema.default('none');
