import { serveApart } from '../platform/serve-apart.js';
import { type Execution, readExecution } from './read-execution.js';

/** The process that reads a long standard output: all of it is one text, and may be one JSON document. */
serveApart(async ({ execution, stderr }: { readonly execution: Execution; readonly stderr: Uint8Array }, { whole }) =>
  readExecution(execution, await whole('stdout'), stderr),
);
