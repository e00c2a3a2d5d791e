import { PromptOsError } from '../contracts/errors.js';

/** Whether nothing could be asked since no Temporal is there. */
export const isNoServer = (error: unknown): boolean =>
  error instanceof PromptOsError && (error.code === 'SERVER_NOT_RUNNING' || error.code === 'TEMPORAL_UNREACHABLE');
