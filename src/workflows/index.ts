export { governedRun } from './governed-run.js';
export {
  approveSignal,
  cancelSignal,
  decideUpdate,
  escalateSignal,
  handOffSignal,
  ledgerQuery,
  rejectSignal,
  resolveEscalationSignal,
  statusQuery,
} from './messages.js';
