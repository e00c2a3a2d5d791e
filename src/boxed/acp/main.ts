import { text } from 'node:stream/consumers';
import { acpClientSettingsSchema } from '../../contracts/config/acp-executor.js';
import { isRecord, parseJsonAs } from '../../contracts/json.js';
import { createPrintLine, type Line } from '../print-line.js';
import { startAgent } from './agent-process.js';
import { failureOfStop, failureOfWords, SessionFailed, type SessionFailure } from './failure.js';
import { offeredNames } from './offer.js';
import { createOwnFolders } from './own-folders.js';
import { openSession, type SessionFacts } from './session.js';
import { createTranscript } from './transcript.js';
import { createSessionUpdates, type SessionUpdates } from './updates.js';

/*
 * Our client of the Agent Client Protocol. It runs in the box, beside the agent that it starts:
 *   acp.js SETTINGS -- PROGRAM ARGUMENT…
 * The prompt is on standard input, the current folder is the checkout. Standard output is the transcript, in JSON Lines; its
 * last line is the result. The exit code is 0 when the agent ended its turn by itself.
 */

const tokens = (usage: unknown, ...names: readonly string[]): number | null => {
  const found = isRecord(usage) ? names.map((name) => usage[name]).find((value) => typeof value === 'number') : null;
  return typeof found === 'number' ? found : null;
};

/** Why a session gave no answer: it failed, or its turn stopped early. */
function failureOf(failed: SessionFailure | null, stopReason: string | null, answer: string): SessionFailure | null {
  if (failed !== null) return failed;
  const problem = failureOfStop(stopReason);
  return problem === null
    ? failureOfWords(answer)
    : new SessionFailed({ class: 'bad_answer', message: problem }).failure;
}

/** The last line of the transcript, which the executor's pointers lead into. */
const resultLine = (
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

/** How often people see what the agent is saying. */
const FLUSH_MS = 1_000;
/** The box ends everything two seconds after it has asked to end. */
const CANCEL_MS = 1_200;
const FAILED = 1;

const [given = '', , ...argv] = process.argv.slice(2);
const settings = parseJsonAs(acpClientSettingsSchema, given);
const cwd = process.cwd();
const prompt = await text(process.stdin);
const transcript = createTranscript(createPrintLine([], (line) => process.stdout.write(line)));
const updates = createSessionUpdates(transcript);
const agent = startAgent(argv, cwd, {
  update: updates.take,
  noise: (line) => transcript.event({ type: 'noise', line }),
});
const folders = createOwnFolders([cwd, process.env.PROMPTOS_SCRATCH ?? cwd]);
const session = openSession({ settings, process: agent, cwd, folders, transcript, updates });
const flushing = setInterval(transcript.flush, FLUSH_MS);

let stopped = false;
const cancelled = new Promise<null>((resolve) => {
  process.once('SIGTERM', () => {
    stopped = true;
    void session.cancel().catch(() => undefined);
    setTimeout(resolve, CANCEL_MS, null);
  });
});

const failed = await Promise.race([session.ask(prompt), cancelled]);
clearInterval(flushing);
session.close();
agent.stop('SIGTERM');
// The worker knows why it stops its programs.
const error = stopped ? null : failureOf(failed, session.facts.stop_reason, updates.answer());
transcript.flush();
// What the agent left running may hold the process open; the transcript must be whole before it ends.
process.stdout.write(`${JSON.stringify(resultLine(session.facts, updates, error, offeredNames(settings)))}\n`, () => {
  process.exit(error === null && !stopped ? 0 : FAILED);
});
