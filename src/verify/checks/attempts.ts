import type { Envelope } from '../../contracts/keys.js';
import { ACKNOWLEDGED_SEVERITIES, ESCALATION_GATE, GATES } from '../../contracts/names.js';
import type { AttemptRecord } from '../../contracts/record/attempt.js';
import type { Finding } from '../../contracts/run/findings.js';
import type { LedgerEntry, LedgerEventOf, LedgerHead } from '../../contracts/run/ledger.js';
import { hasJournal } from '../../contracts/run/rules-version.js';
import type { RunPlan } from '../../contracts/run/run-plan.js';
import { counted } from '../../contracts/sentences.js';
import { gateAttemptStatement, gateResultStatement } from '../../domain/attest/acts.js';
import { statementOf } from '../../domain/attest/envelope.js';
import { PREDICATES, readStatement } from '../../domain/attest/statement.js';
import { pinKey } from '../../domain/judge/authenticate.js';
import { resultPredicate } from '../../domain/judge/gate-result.js';
import { describeClash, judgeSeparation } from '../../domain/judge/separation.js';
import { TREE_PATHS } from '../../domain/record/published-tree.js';
import { sandboxOfAttempt } from '../../domain/record/sandboxes.js';
import type { RunState } from '../../domain/run/run-state.js';
import { renderedHead } from '../../prompt-pack/render.js';
import { spentByAttempt } from '../../rules/attempts/spent.js';
import type { TreeDocuments, VerifiedAttempt } from '../open-documents.js';
import { expectEqual, expectFields, VerifyFailure } from '../verify-codes.js';

export async function checkFold(documents: TreeDocuments): Promise<readonly string[]> {
  const { state } = await documents.replay();
  const entries = await documents.ledger();
  const unsigned = entries.filter(isUnsignedAct).length;
  const claims = unsigned === 1 ? '1 act of a person is' : `${unsigned} acts of people are`;
  const holds = entries.filter(isHold).length;
  const stops = holds === 1 ? '1 stop was' : `${holds} stops were`;
  return [
    ...(unsigned === 0 ? [] : [`unauthenticated: ${claims} not signed, so the names are claims`]),
    ...(isTemporalCancellation(state) ? [TEMPORAL_CANCELLATION] : []),
    ...(holds === 0 ? [] : [`held: ${stops} sent without a signature, so who sent them is a claim`]),
    ...(state.plan?.self_approval === 'allowed' ? ['self-approval: the policy lets the developer decide'] : []),
  ];
}

const TEMPORAL_CANCELLATION =
  'unauthenticated: the run was cancelled through Temporal and not by a signed message, so who did it is not known';

/** Also where the ledger does not say it: before people's cancellations there was no other. */
const isTemporalCancellation = ({ outcome, cancellation }: RunState): boolean =>
  outcome === 'cancelled' && cancellation?.through !== 'promptos';

function isUnsignedAct(entry: LedgerEntry): boolean {
  if (entry.type === 'decisionCounted' || entry.type === 'escalationResolved') return entry.envelope === null;
  if (entry.type === 'cancellationCounted') return entry.envelope === null;
  return entry.type === 'escalationOpened' && entry.report.trigger === 'person' && entry.envelope === null;
}

const isHold = (entry: LedgerEntry): boolean => entry.type === 'escalationOpened' && entry.report.trigger === 'hold';

/** Every attempt's record fits the run, its gate, what it was given, and what the ledger says of it. */
export async function checkAttempts(documents: TreeDocuments): Promise<void> {
  const entries = await documents.ledger();
  const opening = await documents.opening();
  const attempts = await documents.attempts();
  if (opening.type === 'openingFailed' || attempts.length === 0) return;
  const limit = (await documents.policy())?.limits.output_tries;
  for (const attempt of attempts) {
    const { gate, attempt: number, principal } = attempt.history;
    const { record } = attempt;
    const path = `${attempt.folder}/attempt.json`;
    expectFields(
      'ATTEMPT_DIFFERS',
      path,
      {
        // Plans and records of version 1 do not name it.
        rules_version: opening.plan.rules_version,
        run_id: opening.run.run_id,
        gate,
        attempt: number,
        role: GATES[gate].role,
        principal,
        base_commit: opening.run.base_commit,
        request_sha256: opening.run.request_sha256,
        policy_sha256: opening.run.policy_sha256,
        pack_sha256: opening.plan.pack_sha256,
        executor: { ...record.executor, principal },
        inputs: attempt.history.inputs,
      },
      record,
    );
    checkTries(record, path, limit);
    checkVerdict(record, path);
    const finished = entries.find(
      (entry) => entry.type === 'gateFinished' && entry.gate === gate && entry.attempt === number,
    );
    if (finished?.type !== 'gateFinished') continue;
    checkSummary(record, finished, path, opening.plan);
    checkStatement(opening.plan, attempt, finished, path);
  }
}

/** Tries are numbered, only the last one counted, and each prompt is among the transcripts. */
function checkTries(
  { tries, verdict, transcripts }: AttemptRecord,
  path: string,
  limit = Number.POSITIVE_INFINITY,
): void {
  const isLast = (index: number): boolean => index === tries.length - 1;
  for (const [index, { number, problem, rendered_prompt_sha256 }] of tries.entries()) {
    const prompt = transcripts.find((ref) => ref.path === `try-${number}/prompt.md`);
    const counted = problem === null;
    expectEqual(
      'ATTEMPT_DIFFERS',
      `${path}: tries[${index}]`,
      {
        number: index + 1,
        counted: isLast(index) && (verdict !== 'blocked' || counted),
        prompt: rendered_prompt_sha256,
      },
      { number, counted, prompt: prompt?.sha256 },
    );
  }
  if (tries.length > limit || tries.length === 0) {
    expectEqual('ATTEMPT_DIFFERS', `${path}: tries`, `1 to ${counted(limit, 'try')}`, counted(tries.length, 'try'));
  }
}

/** A verdict is what the findings say: a pass blocks on nothing, a fail on something. */
function checkVerdict({ verdict, findings }: AttemptRecord, path: string): void {
  const blocking = findings.some((finding) => finding.blocking);
  if (verdict !== 'blocked') expectEqual('ATTEMPT_DIFFERS', `${path}: verdict`, blocking ? 'fail' : 'pass', verdict);
  const ids = findings.map(({ id }) => id);
  expectEqual('ATTEMPT_DIFFERS', `${path}: findings`, ids.length, new Set(ids).size);
}

/** What travelled to the ledger is the record's own: cut short perhaps, but with nothing hidden. */
function checkSummary(
  record: AttemptRecord,
  finished: LedgerEventOf<'gateFinished'>,
  path: string,
  { budgets }: RunPlan,
): void {
  const reported = new Map(record.findings.map((finding) => [finding.id, finding]));
  for (const [index, finding] of finished.findings.entries()) {
    const whole = reported.get(finding.id);
    reported.delete(finding.id);
    const expected = whole === undefined ? null : shortened(whole, finding);
    expectEqual('ATTEMPT_DIFFERS', `${path}: findings[${index}] of the ledger`, expected, finding);
  }
  const omitted = [...reported.values()];
  expectFields(
    'ATTEMPT_DIFFERS',
    path,
    {
      verdict: record.verdict,
      reason: record.reason === null ? null : clipped(record.reason, finished.reason),
      findings_omitted: omitted.length,
      blocking_omitted: omitted.filter(({ blocking }) => blocking).length,
      severe_omitted: omitted.filter(({ severity }) => ACKNOWLEDGED_SEVERITIES.includes(severity)).length,
      sandbox: sandboxOfAttempt(record),
      spent: budgets === undefined ? undefined : spentByAttempt(record),
    },
    finished,
  );
}

/** What the principal signed says of the attempt what its record says, and nothing else. That it was signed, the fold asks. */
function checkStatement(
  plan: RunPlan,
  { record, sha256 }: VerifiedAttempt,
  finished: LedgerEventOf<'gateFinished'> & LedgerEntry,
  path: string,
): void {
  const { attestation } = finished;
  if (attestation === null) return;
  if (hasJournal(plan)) {
    checkResultStatement(record, finished, attestation, path);
    return;
  }
  const expected = gateAttemptStatement(sha256, {
    runId: record.run_id,
    gate: record.gate,
    attempt: record.attempt,
    principal: record.principal,
    verdict: record.verdict,
    policySha256: record.policy_sha256,
    promptSha256: record.prompt.sha256,
    renderedPromptSha256: record.tries.at(-1)?.rendered_prompt_sha256 ?? null,
  });
  expectEqual('ATTEMPT_DIFFERS', `${path}: signed statement`, expected, statementOf(attestation));
}

/** Rules version 2. Nonce and feedback the fold compares with the ledger; the head is looked at apart. */
function checkResultStatement(
  record: AttemptRecord,
  finished: LedgerEventOf<'gateFinished'>,
  attestation: Envelope,
  path: string,
): void {
  const stated = readStatement(statementOf(attestation), PREDICATES.gateAttemptV2)?.predicate ?? {};
  const { feedbackSha256, nonce, ledger } = stated;
  const step = { feedback_sha256: String(feedbackSha256), nonce: String(nonce), ledger: ledger as LedgerHead };
  const { verdict, reason, output_sha256, findings, findings_omitted, blocking_omitted, severe_omitted } = finished;
  const counts = { findings_omitted, blocking_omitted, severe_omitted };
  const sandbox = finished.sandbox === undefined ? {} : { sandbox: finished.sandbox };
  const spent = finished.spent === undefined ? {} : { spent: finished.spent };
  const more = { escalation: record.escalation, ...sandbox, ...spent };
  const outcome = { verdict, reason, output_sha256, findings, ...counts, ...more };
  const expected = gateResultStatement(outcome, resultPredicate(record, step));
  expectEqual('ATTEMPT_DIFFERS', `${path}: signed statement`, expected, statementOf(attestation));
}

const shortened = (whole: Finding, reported: Finding): Finding => ({
  ...whole,
  message: clipped(whole.message, reported.message),
  ...(whole.path === undefined ? {} : { path: clipped(whole.path, reported.path ?? '') }),
});

/** The text as a shorter place may have it: itself, or its beginning with a mark. */
function clipped(whole: string, reported: string | null): string {
  const text = whole.toWellFormed();
  return reported?.endsWith('…') && text.startsWith(reported.slice(0, -1)) ? reported : text;
}

export async function checkDuties(documents: TreeDocuments): Promise<void> {
  const opening = await documents.opening();
  const policy = await documents.policy();
  if (opening.type === 'openingFailed') return;
  const records = (await documents.attempts()).map(({ record }) => record);
  const engine = (policy?.engine.keys ?? []).map((key) => pinKey(key).keyid);
  const [clash] = judgeSeparation(opening.plan, records, engine);
  if (clash === undefined) return;
  throw new VerifyFailure('DUTIES_CLASH', TREE_PATHS.record, 'duties that share nothing', describeClash(clash));
}

/** Every attempt used the pack's prompt, and its executor saw it, and how to escalate, word for word. */
export async function checkPrompts(documents: TreeDocuments): Promise<void> {
  const pack = await documents.pack();
  if (pack === null) return;
  for (const { record, history, folder } of await documents.attempts()) {
    const { prompt_id, version, sha256 } = pack.prompts[history.gate];
    const escalation_prompt_sha256 = pack.prompts[ESCALATION_GATE].sha256;
    const expected = { prompt: { prompt_id, version, sha256 }, escalation_prompt_sha256 };
    expectFields('PROMPT_DIFFERS', `${folder}/attempt.json`, expected, record);
    const head = new TextEncoder().encode(renderedHead(pack, history.gate));
    for (const { path } of record.transcripts.filter((ref) => /^try-\d+\/prompt\.md$/.test(ref.path))) {
      await checkHead(documents, `${folder}/${path}`, head);
    }
  }
}

async function checkHead({ reader, plainFile }: TreeDocuments, path: string, head: Uint8Array): Promise<void> {
  await plainFile(path);
  let at = 0;
  for await (const chunk of reader.openStream(path)) {
    const length = Math.min(chunk.byteLength, head.byteLength - at);
    const wanted = head.subarray(at, at + length);
    if (Buffer.compare(chunk.subarray(0, length), wanted) !== 0) break;
    at += length;
    if (at === head.byteLength) return;
  }
  throw new VerifyFailure(
    'RENDERED_PROMPT_DIFFERS',
    path,
    "the gate's prompt and the escalation prompt, word for word",
    `other text within the first ${counted(head.byteLength, 'byte')}`,
  );
}
