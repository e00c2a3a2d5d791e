import { serveApart } from '../adapters/platform/serve-apart.js';
import { verifyUnsealed } from '../verify/object-tree.js';
import type { VerifyOrder } from './finaliser.js';

/** The process of `verifyApart`. */
serveApart(async ({ runId, files }: VerifyOrder, { whole, read }) =>
  verifyUnsealed({ runId, files, objects: { readObject: whole, openObject: read } }),
);
