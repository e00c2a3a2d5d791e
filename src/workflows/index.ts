export { governedRun } from './governed-run.js';
export {
  approveSignal,
  decideUpdate,
  escalateSignal,
  ledgerQuery,
  rejectSignal,
  resolveEscalationSignal,
  statusQuery,
} from './messages.js';
