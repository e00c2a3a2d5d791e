import { PromptOsError } from '../contracts/errors.js';
import type { LiveStatus } from './live-status.js';

const OPTION_OF: Readonly<Record<string, string>> = {
  request_id: '--request-id',
  gate: '--gate',
  attempt: '--attempt',
  output_sha256: '--output',
  policy_sha256: '--policy',
  escalation_id: 'ESCALATION',
  report_sha256: '--report',
};

/** Refuses an answer that lacks what it is bound to. @throws PromptOsError WORKER_MISSING, USAGE */
export function requireBinding(fields: Readonly<Record<string, unknown>>, live: LiveStatus | null): void {
  const missing = Object.keys(fields).filter((name) => fields[name] === undefined);
  if (missing.length === 0) return;
  const options = missing.map((name) => OPTION_OF[name]).join(', ');
  if (live !== null && 'missing' in live) {
    const hint = `Start a worker: \`promptos worker\`; or say what is answered with ${options}, as the Temporal UI shows it.`;
    throw new PromptOsError('WORKER_MISSING', live.missing.summary, { cause: live.missing, hint });
  }
  throw new PromptOsError('USAGE', `The answer needs ${options}.`);
}
