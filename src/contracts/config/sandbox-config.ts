import { z } from 'zod';

const GIB = 1_024 ** 3;

/** Over everything that one program starts. */
const sandboxLimitsSchema = z.strictObject({
  memory_bytes: z
    .int()
    .positive()
    .default(8 * GIB)
    .describe('memory of all processes together'),
  cpu_seconds: z
    .int()
    .positive()
    .default(4 * 3_600)
    .describe('processor time of each process'),
  processes: z.int().positive().default(1_024).describe('processes and threads at a time'),
  file_bytes: z
    .int()
    .positive()
    .default(4 * GIB)
    .describe('size of each file'),
  disk_bytes: z
    .int()
    .positive()
    .default(16 * GIB)
    .describe('size of all files in the checkout and the scratch folder together'),
});
export type SandboxLimits = z.infer<typeof sandboxLimitsSchema>;

export const sandboxSchema = z
  .union([
    z.literal('none'),
    z.strictObject({
      readable: z
        .array(z.string().min(1))
        .default([])
        .describe(
          'files and folders that the programs may read besides the system, such as a toolchain in a home folder',
        ),
      limits: sandboxLimitsSchema.prefault({}).describe('what a program may use before it is stopped'),
    }),
  ])
  .prefault({})
  .describe('the sandbox of every executor, check and set-up command; "none" runs them without one');
export type SandboxConfig = z.infer<typeof sandboxSchema>;
/** Of a config that says nothing of it. */
export const DEFAULT_SANDBOX: SandboxConfig = sandboxSchema.parse(undefined);
