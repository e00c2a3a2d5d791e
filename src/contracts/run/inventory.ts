import { z } from 'zod';
import { sha256Schema } from '../primitives.js';

/** Files of an inventory that are listed; more are counted. */
export const INVENTORY_FILES = 1_000;

/** The files of a checkout that steer coding agents. */
export const inventorySchema = z.strictObject({
  files: z
    .array(
      z.strictObject({
        path: z.string().min(1).describe('from the top of the repository'),
        sha256: sha256Schema.describe('of the file; of a symbolic link, of its target as it is written'),
        imports: z
          .array(z.string().min(1))
          .max(400)
          .optional()
          .describe(
            'files that its text imports, such as `@docs/style.md`, and where links on the way lead, whether or not there are such files',
          ),
        leads_to: z
          .array(z.string().min(1))
          .max(20)
          .optional()
          .describe('where a symbolic link leads: what is there is read under the name of the link'),
      }),
    )
    .max(INVENTORY_FILES),
  more: z.int().nonnegative().describe('how many more there are'),
});
export type Inventory = z.infer<typeof inventorySchema>;
