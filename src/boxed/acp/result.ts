import { isRecord } from '../../contracts/json.js';
import type { Line } from '../print-line.js';
import { failureOfStop, failureOfWords, SessionFailed, type SessionFailure } from './failure.js';
import type { SessionFacts } from './session.js';
import type { SessionUpdates } from './updates.js';

const tokens = (usage: unknown, ...names: readonly string[]): number | null => {
  const found = isRecord(usage) ? names.map((name) => usage[name]).find((value) => typeof value === 'number') : null;
  return typeof found === 'number' ? found : null;
};

/** Why a session gave no answer: it failed, or its turn stopped early. */
export function failureOf(
  failed: SessionFailure | null,
  stopReason: string | null,
  answer: string,
): SessionFailure | null {
  if (failed !== null) return failed;
  const problem = failureOfStop(stopReason);
  return problem === null
    ? failureOfWords(answer)
    : new SessionFailed({ class: 'bad_answer', message: problem }).failure;
}

/** The last line of the transcript, which the executor's pointers lead into. */
export const resultLine = (
  facts: Readonly<SessionFacts>,
  updates: SessionUpdates,
  error: SessionFailure | null,
  offered: readonly string[],
): Line => ({
  type: 'result',
  answer: updates.answer(),
  stop_reason: facts.stop_reason,
  session_id: facts.session_id,
  agent: facts.agent,
  mode: facts.mode,
  model: facts.model,
  usage: {
    input_tokens: tokens(facts.usage, 'inputTokens', 'input_tokens'),
    output_tokens: tokens(facts.usage, 'outputTokens', 'output_tokens'),
    cached_tokens: tokens(facts.usage, 'cachedReadTokens', 'cached_tokens'),
    cost_usd: updates.cost,
  },
  offered,
  tool_calls: updates.toolCalls,
  calls_by_kind: updates.callsByKind,
  permissions: facts.permissions,
  error,
});
