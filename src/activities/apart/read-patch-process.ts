import { serveApart } from '../../adapters/platform/serve-apart.js';
import type { Inventory } from '../../contracts/run/inventory.js';
import { readPatchText } from './read-patch-apart.js';

/** The process of `readPatchApart`. */
serveApart(async (inventory: Inventory['files'], { whole }) => readPatchText(await whole('patch'), inventory));
