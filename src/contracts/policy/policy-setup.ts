import { z } from 'zod';
import { networkAccessSchema } from '../network-access.js';
import { durationSchema, globSchema, nameSchema } from '../primitives.js';
import { setupVariablesSchema } from './policy-checks.js';

/** One command that prepares a checkout, such as `npm ci`. Run without a shell. */
const setupCommandSchema = z.strictObject({
  argv: z.array(z.string().min(1)).min(1).describe('the command and its arguments, as a list'),
  timeout: durationSchema
    .default(20 * 60_000)
    .describe('the command is killed, and the gate ends with SETUP_FAILED, after this long'),
  network: networkAccessSchema
    .default('none')
    .describe(
      'what the command may reach of the network: "none", "full", or named hosts. The worker config must grant the same or more',
    ),
  key_files: z
    .array(globSchema)
    .min(1, 'expected the files that decide what the command comes to, such as package-lock.json')
    .describe(
      'globs of the files that decide what the commands come to: their result is kept for these bytes, and made again when a patch changes one',
    ),
  env: setupVariablesSchema.describe(
    'variables of the command, and of every agent and check that works with its result, such as the folder of a cache; {checkout} is the folder of the checkout. Published with the policy, so never a secret',
  ),
});
export type SetupCommand = z.infer<typeof setupCommandSchema>;

/** The keys of an object that are numbers come first whatever the order in the file. */
const isNumber = (name: string): boolean => /^\d+$/.test(name);

/** Commands by name, in the order in which they run. */
export const setupSchema = z
  .record(nameSchema, setupCommandSchema)
  .superRefine((commands, context) => {
    for (const name of Object.keys(commands).filter(isNumber)) {
      const message = `expected a name that is no number, since the commands run in their order, received "${name}"`;
      context.addIssue({ code: 'custom', path: [name], message });
    }
  })
  .default({});

/** The variables that the set-up commands of a policy give to everything that works in a checkout. */
export const setupVariables = (
  commands: Readonly<Record<string, SetupCommand>>,
  checkout: string,
): Record<string, string> =>
  Object.fromEntries(
    Object.values(commands)
      .flatMap(({ env }) => Object.entries(env))
      .map(([name, value]) => [name, value.replaceAll('{checkout}', checkout)]),
  );
