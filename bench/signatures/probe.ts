/** What `child.ts` bundles as if it were a workflow: the code that judges who signed a message. */
export { authenticate } from '../../src/domain/judge/authenticate.js';
