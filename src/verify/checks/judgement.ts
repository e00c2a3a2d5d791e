import {
  baselineSchema,
  type CheckResult,
  type GateOutputs,
  testResultsSchema,
} from '../../contracts/answers/gate-outputs.js';
import { GATE_PATHS } from '../../contracts/artifacts.js';
import { CONTRADICTION_RULE, GATE_IDS, type GateId } from '../../contracts/names.js';
import type { Policy } from '../../contracts/policy/policy.js';
import type { AttemptRecord } from '../../contracts/record/attempt.js';
import { patchJudgementSchema } from '../../contracts/record/patch.js';
import type { Finding } from '../../contracts/run/findings.js';
import { rulesVersionOf } from '../../contracts/run/rules-version.js';
import { TREE_PATHS } from '../../domain/record/published-tree.js';
import { BASE_MOVED_RULE, judgeBaseMoved } from '../../rules/attempts/judge-base-moved.js';
import { compareModels, INDEPENDENCE_RULE, judgeIndependence } from '../../rules/attempts/judge-independence.js';
import { INPUT_RULE, judgeInputs, judgeLogs } from '../../rules/attempts/judge-inputs.js';
import { givenInventories, INVENTORY_RULE, judgeInventory } from '../../rules/attempts/judge-inventory.js';
import { judgeSessions, SESSION_RULE } from '../../rules/attempts/judge-sessions.js';
import { judgeUse, USE_RULE } from '../../rules/attempts/judge-use.js';
import { judgeBaseline, judgeBothBaselines, judgeChecks } from '../../rules/attempts/observations.js';
import { spentByAttempt } from '../../rules/attempts/spent.js';
import { escalationOf, executorEscalation, findingsEscalation, numberFindings } from '../../rules/escalation-report.js';
import { isKnown, judgeChange, PATCH_FORM_RULE } from '../../rules/judge-change.js';
import {
  criteriaThatHold,
  judgeBuild,
  judgeContext,
  judgeJob,
  judgePlan,
  judgeReview,
  judgeVerification,
  PLAN_AGENT_FILES_RULE,
  PLAN_CRITERIA_RULE,
  patchTerms,
  planTerms,
  scopesThatHold,
} from '../../rules/outputs/gate-outputs.js';
import { CLAIM_RULE, judgeClaims } from '../../rules/outputs/judge-claims.js';
import { judgeContradiction } from '../../rules/outputs/judge-contradiction.js';
import { judgeReviewWork, REVIEW_WORK_RULE } from '../../rules/outputs/judge-review-work.js';
import { judgeRollback, ROLLBACK_RULE } from '../../rules/outputs/judge-rollback.js';
import type { JudgedFinding } from '../../rules/outputs/judged-output.js';
import { LINK_MODE } from '../../rules/patch/patch-lines.js';
import { patchedPaths } from '../../rules/patch/patch-rule.js';
import { PATCH_RULE_IDS } from '../../rules/patch-rules.js';
import { pathAllowed } from '../../rules/paths/scope-matching.js';
import {
  type AttemptInputs,
  inputsOf,
  judgesAgain,
  type PublishedPatch,
  patchOf,
  placedArtifact,
  rulesVersion,
} from '../attempt-inputs.js';
import { firstDifference } from '../first-difference.js';
import type { TreeDocuments, VerifiedAttempt } from '../open-documents.js';
import { expectEqual, expectFields, VerifyFailure } from '../verify-codes.js';
import { answerOf, filesOf, logTails } from './derivations.js';

/** Rules whose findings follow from published bytes alone: no more and no fewer may be recorded than they give. */
const DERIVED = new Set<string>([
  ...PATCH_RULE_IDS.filter((rule) => !['applies', 'attributes', 'secrets', 'secret_candidates'].includes(rule)),
  ...[
    'baseline',
    'context',
    'job',
    'scope_widened',
    'plan_scope',
    'open_questions',
    'build',
    'verifier',
    'review',
    INPUT_RULE,
    CLAIM_RULE,
    INVENTORY_RULE,
    ROLLBACK_RULE,
    BASE_MOVED_RULE,
    USE_RULE,
    INDEPENDENCE_RULE,
    SESSION_RULE,
    CONTRADICTION_RULE,
    PLAN_AGENT_FILES_RULE,
    PLAN_CRITERIA_RULE,
    REVIEW_WORK_RULE,
  ],
]);

/** The other rules that escalations are known of; where a record has findings of none else, its escalation is derived. */
const OBSERVED = new Set<string>([
  ...['applies', 'attributes', 'secrets', 'secret_candidates', PATCH_FORM_RULE, 'checks', 'no_checks'],
  ...['stray_edits', 'served_model', 'network_refused', 'repository_changed', 'repository_used'],
]);

interface Judged {
  readonly policy: Policy;
  readonly rulesVersion: number;
  readonly inputs: AttemptInputs;
  readonly attempt: VerifiedAttempt;
}

type Judge<G extends GateId> = (judged: Judged, output: GateOutputs[G]) => readonly JudgedFinding[];

const JUDGES: { readonly [G in GateId]: Judge<G> } = {
  P00: ({ inputs }, output) => judgeContext(inputs.request, output),
  P01: ({ policy, rulesVersion, inputs: { request } }, output) =>
    judgeJob({
      request,
      output,
      checks: new Set(Object.keys(policy.checks)),
      rules_version: rulesVersion,
      inRequestScope: (path) => pathAllowed(path, [request.scope], [], rulesVersion),
    }),
  P03: ({ policy, rulesVersion, attempt, inputs: { request, job } }, output) =>
    judgePlan(output, planTerms(policy, request, job, attempt.record.inventory?.files ?? [], rulesVersion)),
  P05: ({ rulesVersion, inputs: { request, job } }, output) =>
    judgeBuild(criteriaThatHold(request, job), output, rulesVersion),
  P06: ({ inputs: { request, job } }, output) => judgeVerification(criteriaThatHold(request, job), output),
  P07: ({ rulesVersion, inputs: { patch } }, output) => [
    ...judgeReview(output),
    ...judgeReviewWork(output, patch === null ? [] : patchedPaths(patch.parsed), rulesVersion),
  ],
};

/** The rules on patches; what needs the repository or the scanner is left out. */
function judgeStanding(
  { policy, rulesVersion, attempt, inputs: { request, job, plan } }: Judged,
  patch: PublishedPatch,
): readonly JudgedFinding[] {
  const files = filesOf(patch);
  // A link that is only moved does not show where it leads.
  const silent = new Set(
    patch.parsed.files.flatMap(({ path, shown }) =>
      shown === 'none' && files.find((file) => file.path === path)?.new_mode === LINK_MODE ? [path] : [],
    ),
  );
  return judgeChange({
    patch: { bytes: patch.bytes, files, added_lines: patch.parsed.added_lines },
    rules_version: rulesVersion,
    applies: { ok: true },
    scopes: scopesThatHold(request, job),
    ...patchTerms(policy, plan),
    inventory: attempt.record.inventory?.files ?? [],
    secret_hits: [],
  }).filter(({ rule, path }) => !((rule === 'paths' || rule === 'links') && path !== undefined && silent.has(path)));
}

const plain = ({ rule, severity, blocking, message, path, line }: Comparable) => ({
  rule,
  severity,
  blocking,
  message,
  ...(path === undefined ? {} : { path }),
  ...(line === undefined ? {} : { line }),
});

async function derivedFindings(
  documents: TreeDocuments,
  judged: Judged,
  output: GateOutputs[GateId] | null,
): Promise<readonly JudgedFinding[]> {
  const { attempt, inputs } = judged;
  const { gate } = attempt.record;
  const findings: JudgedFinding[] = [];
  if (gate === 'P00') {
    const placed = await placedArtifact(documents, attempt, GATE_PATHS.baseline);
    const { checks } = placed === null ? { checks: [] } : await documents.json(placed.place, baselineSchema);
    findings.push(...judgeBaseline(judged.policy.baseline, checks));
  }
  if (gate === 'P05' && output !== null) {
    const patch = await patchOf(documents, attempt);
    if (patch !== null) findings.push(...judgeStanding(judged, patch));
  }
  if (gate === 'P06' && inputs.patch !== null) {
    findings.push(...(await judgedAgain(documents, judged, inputs.patch)));
    const results = await placedArtifact(documents, attempt, TREE_PATHS.testResults);
    if (results !== null) {
      const { checks } = await documents.json(results.place, testResultsSchema);
      findings.push(...judgeLogs(checks, await logTails(documents, attempt, checks), judged.rulesVersion));
      findings.push(...judgeChecks(checks), ...judgeBothBaselines(checks, inputs.baseline?.checks ?? []));
      if (inputs.build !== null) findings.push(...judgeClaims('P05', inputs.build, checks, judged.rulesVersion));
      if (output !== null) findings.push(...judgedVerifier(judged, output as GateOutputs['P06'], checks));
    }
  }
  if (gate === 'P07' && output !== null) {
    const checks = inputs.testResults?.checks ?? [];
    findings.push(...judgeClaims('P07', output as GateOutputs['P07'], checks, judged.rulesVersion));
  }
  findings.push(
    ...judgeInputs({
      ...inputs,
      given: attempt.record.inputs,
      feedback: attempt.history.feedback,
      rules_version: judged.rulesVersion,
    }),
  );
  findings.push(...(await judgedInventory(documents, judged)));
  findings.push(...(await judgedIndependence(documents, judged)));
  findings.push(...judgeUse(judged.policy.budgets, gate, spentByAttempt(attempt.record)));
  if (output !== null) findings.push(...(JUDGES[gate] as Judge<GateId>)(judged, output as never));
  return findings;
}

/** What a verifier says, held against the checks that the engine ran. */
const judgedVerifier = (
  { rulesVersion, inputs: { request, job } }: Judged,
  output: GateOutputs['P06'],
  checks: readonly CheckResult[],
): readonly JudgedFinding[] => [
  ...judgeContradiction(criteriaThatHold(request, job), output, checks, rulesVersion),
  ...judgeClaims('P06', output, checks, rulesVersion),
];

/** Whether the files that steer agents were those of the attempts before. */
async function judgedInventory(
  documents: TreeDocuments,
  { policy, rulesVersion, attempt: { record } }: Judged,
): Promise<readonly JudgedFinding[]> {
  const attempts = await documents.attempts();
  const given = GATE_IDS.map((gate) => attempts.find(({ sha256 }) => sha256 === record.inputs[gate])?.record ?? null);
  const before = givenInventories(given);
  return judgeInventory({
    ...{ inventory: record.inventory, withheld: record.withheld, before },
    ...{ allow: policy.agent_files?.allow ?? [], rules_version: rulesVersion },
  });
}

/** Whether who judges was another model than who is judged, in a session of its own: made again from the records. */
async function judgedIndependence(
  documents: TreeDocuments,
  { policy, attempt: { record, folder } }: Judged,
): Promise<readonly JudgedFinding[]> {
  const attempts = await documents.attempts();
  const earlier = GATE_IDS.flatMap(
    (gate) => attempts.find(({ sha256 }) => sha256 === record.inputs[gate])?.record ?? [],
  );
  const compared = compareModels(policy, record, earlier);
  expectEqual('FINDINGS_DIFFER', `${folder}/attempt.json: independence`, compared, record.independence ?? []);
  return [...judgeIndependence(policy.independence, compared), ...judgeSessions(record, earlier)];
}

/** What P06 must have found of the patch: all that the rules find, and what it says in its own judgement beside that. */
async function judgedAgain(
  documents: TreeDocuments,
  judged: Judged,
  patch: PublishedPatch,
): Promise<readonly JudgedFinding[]> {
  const { attempt, policy, rulesVersion, inputs } = judged;
  const built = (await documents.attempts()).find(({ sha256 }) => sha256 === attempt.record.inputs.P05);
  const writers = built?.record.findings ?? [];
  const standing = judgeStanding(judged, patch);
  const placed = await placedArtifact(documents, attempt, GATE_PATHS.patchJudgement);
  if (placed === null) return standing;
  const { findings: said, rollback, base } = await documents.json(placed.place, patchJudgementSchema);
  const derived = [...standing, ...judgeRollback(rollback, inputs.plan, rulesVersion), ...judgeBaseMoved(base)];
  const known = (finding: JudgedFinding): boolean => isKnown(finding, writers, policy.waivable);
  const expected = derived.map((finding) => ({ ...plain(finding), known: known(finding) }));
  matchFindings(placed.place, expected, said);
  // Secrets and the form of the patch are what the verifier's worker saw; the attempt must agree with what it says of them.
  const observed = said.filter((finding) => !finding.known && !DERIVED.has(finding.rule));
  return [...observed.map(plain), ...derived.filter((finding) => DERIVED.has(finding.rule) && !known(finding))];
}

/** A finding as both sides have it; `known` in P06's own judgement of the patch alone. */
type Comparable = Pick<Finding, 'rule' | 'severity' | 'blocking' | 'message'> & {
  readonly path?: string | undefined;
  readonly line?: number | undefined;
  readonly known?: boolean;
};

/** Findings of derived rules are exactly the expected ones, in their order; of other rules there may be more. */
function matchFindings(path: string, expected: readonly Comparable[], found: readonly Comparable[]): void {
  const only = (findings: readonly Comparable[]) => findings.filter(({ rule }) => DERIVED.has(rule));
  const rules = [...DERIVED];
  const ordered = (findings: readonly Comparable[]) =>
    rules.flatMap((rule) => only(findings).filter((finding) => finding.rule === rule));
  expectEqual('FINDINGS_DIFFER', `${path}: findings`, ordered(expected), ordered(found));
  const left = [...found];
  for (const finding of expected.filter(({ rule }) => !DERIVED.has(rule))) {
    // A scanner's hits regroup the candidates, so that there are some is all that can be asked.
    const index = left.findIndex((other) =>
      finding.rule === 'secret_candidates' ? other.rule === finding.rule : firstDifference(finding, other) === null,
    );
    if (index === -1) {
      const place = `${path}: findings: ${finding.rule}`;
      throw new VerifyFailure('FINDINGS_DIFFER', place, finding.message, 'no such finding');
    }
    if (finding.rule !== 'secret_candidates') left.splice(index, 1);
  }
}

const recorded = ({ id: _, ...finding }: Finding): Comparable => plain(finding);

/** What an attempt raised follows from its findings and, where its executor stopped, from the executor's report. */
async function checkEscalation(
  documents: TreeDocuments,
  { waivable }: Policy,
  attempt: VerifiedAttempt,
  path: string,
): Promise<void> {
  const { record } = attempt;
  if (record.findings.some(({ rule }) => !DERIVED.has(rule) && !OBSERVED.has(rule))) return;
  const findings = record.findings.map(withEscalation);
  const raised = findingsEscalation(record.gate, record.attempt, findings, {
    rulesVersion: rulesVersionOf(record),
    waivable,
  });
  const answer = await answerOf(documents, attempt);
  const expected = answer?.kind === 'escalation' ? executorEscalation(answer.report, raised) : raised;
  expectFields('FINDINGS_DIFFER', path, { escalation: expected }, record);
}

function withEscalation(finding: Finding): JudgedFinding {
  const escalates = escalationOf(finding);
  return { ...finding, ...(escalates === undefined ? {} : { escalates }) };
}

function checkIds({ findings }: AttemptRecord, path: string): void {
  const numbered = numberFindings(findings.map(({ id: _, ...finding }) => finding));
  const idsOf = (some: readonly Finding[]) => some.map(({ id }) => id);
  expectEqual('FINDINGS_DIFFER', `${path}: findings`, idsOf(numbered), idsOf(findings));
}

/** The pure rules, a third time: an attempt's findings and its escalation are what they give for what is published. */
export async function checkJudgement(documents: TreeDocuments): Promise<void> {
  const version = await rulesVersion(documents);
  if (version === null || !(await judgesAgain(documents))) return;
  const policy = await documents.policy();
  if (policy === null) return;
  for (const attempt of await documents.attempts()) {
    const inputs = await inputsOf(documents, attempt);
    if (inputs === null) continue;
    const path = `${attempt.folder}/attempt.json`;
    const answer = await answerOf(documents, attempt);
    const output = answer?.kind === 'output' ? (answer.output as GateOutputs[GateId]) : null;
    const expected = await derivedFindings(documents, { policy, rulesVersion: version, inputs, attempt }, output);
    const built = attempt.record.gate === 'P05' ? await patchOf(documents, attempt) : null;
    // What a masked patch held cannot be judged any more; that it was refused, the derivations ask.
    if (built?.masked !== true) matchFindings(path, expected.map(plain), attempt.record.findings.map(recorded));
    checkIds(attempt.record, path);
    await checkEscalation(documents, policy, attempt, path);
  }
}
