import type { CheckBaseline, CheckResult, GateOutputs, TestResults } from '../../contracts/answers/gate-outputs.js';
import { GATE_PATHS } from '../../contracts/artifacts.js';
import { prettyJson } from '../../contracts/json.js';
import { type Content, releaseContent } from '../../contracts/long-bytes.js';
import type { SandboxKind } from '../../contracts/names.js';
import type { Check } from '../../contracts/policy/policy-checks.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import { isLongPatch } from '../../contracts/record/long-patch.js';
import type { BaseMove, Patch, PatchJudgement } from '../../contracts/record/patch.js';
import { weakestSandbox } from '../../domain/record/sandboxes.js';
import type { CheckOutcome } from '../../ports/gate-executor.js';
import { gateInputs, shownResults } from '../../prompt-pack/render.js';
import { BASE_MOVED_RULE, judgeBaseMoved } from '../../rules/attempts/judge-base-moved.js';
import { judgeLogs } from '../../rules/attempts/judge-inputs.js';
import { judgeNetwork, maskNetworkLog } from '../../rules/attempts/network-refused.js';
import { judgeBothBaselines, judgeChecks, judgeCounts } from '../../rules/attempts/observations.js';
import { isKnown, PATCH_FORM_RULE } from '../../rules/judge-change.js';
import { judgeVerification, patchTerms } from '../../rules/outputs/gate-outputs.js';
import { judgeClaims } from '../../rules/outputs/judge-claims.js';
import { judgeContradiction } from '../../rules/outputs/judge-contradiction.js';
import { judgeRollback, ROLLBACK_RULE } from '../../rules/outputs/judge-rollback.js';
import type { JudgedFinding } from '../../rules/outputs/judged-output.js';
import { PATCH_RULE_IDS } from '../../rules/patch-rules.js';
import { createScopeJudgement } from '../../rules/paths/scope-matching.js';
import { judgeChangeApart } from '../apart/judge-change-apart.js';
import type { ChangeTerms } from '../apart/judge-seen.js';
import { readPatchApart } from '../apart/read-patch-apart.js';
import type { EarlierPatch } from '../documents/earlier-outputs.js';
import { putLog } from '../logs/put-log.js';
import {
  criteriaOf,
  type GateDefinition,
  type GateTask,
  type Judgement,
  patchToJudge,
  publishOutput,
  scopesOf,
} from './gate-definition.js';
import {
  type BaseCheck,
  checkNames,
  checksSandbox,
  notRun,
  releaseLogs,
  rememberedBase,
  runOnBase,
  runOnFreshCheckout,
} from './run-check.js';

const NO_CHANGE: Patch = { bytes: new Uint8Array(), files: [], added_lines: [] };

/** Runs the checks, and puts what was seen of them into the store. */
async function observe(task: GateTask, patch: EarlierPatch) {
  const names = checkNames(task);
  const { checks, logs, refused } = await runChecks(task, patch.bytes, names);
  const results: TestResults = {
    schema_version: 1,
    base_commit: task.input.run.base_commit,
    patch_sha256: patch.sha256,
    checks: checks.map(({ result }) => result),
  };
  const artifact = await task.putArtifact(GATE_PATHS.testResults, prettyJson(results));
  const tails = checks.map(({ stdout_tail, stderr_tail }) => ({ stdout_tail, stderr_tail }));
  const findings = [
    ...judgeLogs(results.checks, tails, task.input.rules_version),
    ...judgeChecks(results.checks),
    ...judgeBothBaselines(results.checks, task.earlier.baseline?.checks ?? []),
    ...refused,
    ...(task.earlier.build === null
      ? []
      : judgeClaims('P05', task.earlier.build, results.checks, task.input.rules_version)),
  ];
  return {
    results: results.checks,
    observed: {
      findings,
      artifacts: [artifact, ...logs],
      checks_sandbox: weakestSandbox(results.checks.map(({ sandbox }) => sandbox)),
    },
    shown: shownResults(results, tails),
  };
}

/**
 * P06: the engine runs the checks itself on the base plus the patch, then asks the verifier on another fresh checkout.
 * A verifier's "pass" never overrides a check that failed.
 */
export const verifyForensics: GateDefinition<GateOutputs['P06']> = {
  editsFiles: false,
  runsChecks: true,
  begin: async (task) => {
    const { request, earlier } = task;
    const patch = patchToJudge(task);
    const again = await judgePatchAgain(task, patch);
    const { results, observed, shown } = await observe(task, patch);
    const given = await readPatchApart(patch, task.inventory.files, task.signal);
    return {
      patch: patch.bytes,
      inputs: gateInputs('P06', {
        request,
        context: earlier.context,
        job: earlier.job,
        plan: earlier.plan,
        patch: given.input,
        test_results: shown,
        withheld_files: given.withheld,
      }),
      observed: {
        findings: [...again.findings, ...observed.findings],
        artifacts: [...again.artifacts, ...observed.artifacts],
        checks_sandbox: observed.checks_sandbox,
      },
      judge: async (output) => ({
        findings: [
          ...judgeVerification(criteriaOf(task), output),
          ...judgeContradiction(criteriaOf(task), output, results, task.input.rules_version),
          ...judgeClaims('P06', output, results, task.input.rules_version),
        ],
        artifacts: await publishOutput(task, 'P06', output),
      }),
    };
  },
};

/** A check that was run, and the ends of what it printed. */
interface ObservedCheck {
  readonly result: CheckResult;
  readonly stdout_tail: string;
  readonly stderr_tail: string;
}

interface ObservedChecks {
  readonly checks: readonly ObservedCheck[];
  readonly logs: readonly ArtifactRef[];
  /** What the checks asked of the network, and were refused. */
  readonly refused: readonly JudgedFinding[];
}

/**
 * What the check does on the base commit, as this process saw it or sees it now: never as the writer's worker says. A
 * failure that was seen before answers for a failure alone; where a pass is held against counts, the base is run again.
 */
async function baseOf(task: GateTask, name: string, check: Check, failed: boolean): Promise<BaseCheck> {
  const known = rememberedBase(task, name);
  const answers = known !== undefined && (failed || (known.check.status === 'passed' && known.check.tests !== null));
  return answers ? known : runOnBase(task, name, check);
}

/**
 * Compares the check with the base commit: holds the counts of its report against the base's, and learns of a check that
 * failed whether the patch broke it.
 */
async function compareWithBase(
  task: GateTask,
  name: string,
  check: Check,
  outcome: CheckOutcome,
): Promise<{ readonly outcome: CheckOutcome; readonly baseline?: CheckBaseline }> {
  const failed = outcome.status === 'failed';
  if (!failed && (outcome.status !== 'passed' || outcome.tests === null)) return { outcome };
  const base = await baseOf(task, name, check, failed);
  const { status, exit_code, tests, reason } = base.check;
  const baseline: CheckBaseline = { status, exit_code, tests, ...(reason === undefined ? {} : { reason }) };
  if (failed || outcome.tests === null) return { outcome, baseline };
  const problem = base.disturbed ? `on the base commit, ${reason}` : judgeCounts(outcome.tests, baseline);
  return { outcome: problem === null ? outcome : { ...outcome, status: 'failed', reason: problem }, baseline };
}

interface ProvedCheck {
  readonly argv: readonly string[];
  readonly outcome: CheckOutcome;
  readonly baseline?: CheckBaseline;
  /** Absent for a check that was not run. */
  readonly sandbox?: SandboxKind;
}

/** One check of the policy with everything that proves it. */
async function prove(task: GateTask, patch: Content, name: string): Promise<ProvedCheck> {
  const { checks } = task.policy;
  const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
  // A criterion that was added may name a check that the policy lacks; P01 said so, and here it proves nothing.
  if (check === undefined) return { argv: [], outcome: notRun(`the policy has no check "${name}"`) };
  const { outcome } = await runOnFreshCheckout(task, patch, name, check);
  return {
    argv: check.argv,
    sandbox: checksSandbox(task.ports),
    ...(await compareWithBase(task, name, check, outcome)),
  };
}

async function putLogs({ putArtifact }: GateTask, path: string, outcome: CheckOutcome) {
  try {
    return {
      stdout: await putLog(outcome.stdout, (log) => putArtifact(`${path}.stdout.txt`, log)),
      stderr: await putLog(outcome.stderr, (log) => putArtifact(`${path}.stderr.txt`, log)),
    };
  } finally {
    releaseLogs(outcome);
  }
}

/**
 * Runs the named checks one after the other on the base plus the patch, and puts their logs into the store.
 * @throws PromptOsError CHECK_NOT_GRANTED, and what the workspace throws
 */
async function runChecks(task: GateTask, patch: Content, names: readonly string[]): Promise<ObservedChecks> {
  const checks: ObservedCheck[] = [];
  const logs: ArtifactRef[] = [];
  const refused: JudgedFinding[] = [];
  for (const name of names) {
    const { argv, outcome, baseline, sandbox } = await prove(task, patch, name);
    const path = `evidence/checks/${name}`;
    const { stdout, stderr } = await putLogs(task, path, outcome);
    const [stdoutLog, stderrLog] = [stdout.ref, stderr.ref];
    logs.push(stdoutLog, stderrLog);
    if (outcome.network !== undefined) {
      const network = maskNetworkLog(outcome.network);
      logs.push(await task.putArtifact(`${path}.network.json`, prettyJson(network)));
      refused.push(...judgeNetwork(`The check ${name}`, [network]));
    }
    const result: CheckResult = {
      name,
      argv: [...argv],
      status: outcome.status,
      exit_code: outcome.exit_code,
      signal: outcome.signal,
      duration_ms: Math.round(outcome.duration_ms),
      stdout_sha256: stdoutLog.sha256,
      stdout_bytes: stdoutLog.bytes,
      stderr_sha256: stderrLog.sha256,
      stderr_bytes: stderrLog.bytes,
      ...(outcome.reason === null ? {} : { reason: outcome.reason }),
      ...(outcome.tests === null ? {} : { tests: outcome.tests }),
      ...(baseline === undefined ? {} : { baseline }),
      ...(sandbox === undefined ? {} : { sandbox }),
    };
    checks.push({ result, stdout_tail: stdout.tail, stderr_tail: stderr.tail });
  }
  return { checks, logs, refused };
}

/** Files in scope that the record lists. */
const LISTED_FILES = 200;

/** Where the branch that the run started from is now. */
async function observeBase(task: GateTask): Promise<BaseMove> {
  const { run, rules_version } = task.input;
  const { target_repo, base_commit, base_branch: branch = null } = run;
  const move = branch === null ? null : await task.ports.workspace.branchMove(target_repo, base_commit, branch);
  const inScope = createScopeJudgement(scopesOf(task), [], rules_version);
  const files = (move?.files ?? []).filter((path) => inScope(path) === null);
  const listed = files.slice(0, LISTED_FILES);
  return { branch, tip: move?.tip ?? null, files: [...listed], more: files.length - listed.length };
}

/**
 * P06: the verifier's own worker judges the patch again, from its bytes and from what git makes of them, with nothing of
 * what the writer's worker says. What the writer's record has too is not raised twice.
 * @throws PromptOsError PATCH_NOT_APPLICABLE, PATCH_TOO_LARGE, and what the workspace and the scanner throw
 */
async function judgePatchAgain(task: GateTask, { bytes, sha256, findings }: EarlierPatch): Promise<Judgement> {
  const { policy, ports, earlier, input } = task;
  const { target_repo, base_commit } = input.run;
  const empty = bytes.byteLength === 0;
  const seen = empty ? NO_CHANGE : await ports.workspace.readPatch(target_repo, base_commit, bytes, 'long');
  const base = await observeBase(task);
  const rollback = empty ? undefined : await ports.workspace.revertPatch(target_repo, base_commit, bytes);
  const terms: ChangeTerms = {
    rules_version: input.rules_version,
    applies: { ok: true },
    scopes: scopesOf(task),
    ...patchTerms(policy, earlier.plan),
    inventory: task.inventory.files,
  };
  const {
    form,
    findings: found,
    masked,
  } = await judgeChangeApart(seen, terms, ports.secrets, task.signal).finally(() => {
    if (isLongPatch(seen)) seen.release();
  });
  if (masked !== null) releaseContent(masked);
  const judged = [
    ...form,
    ...found,
    ...judgeRollback(rollback, earlier.plan, input.rules_version),
    ...judgeBaseMoved(base),
  ].map((finding) => ({ finding, known: isKnown(finding, findings, policy.waivable) }));
  const said: PatchJudgement = {
    schema_version: 1,
    rules_version: input.rules_version,
    base_commit,
    patch_sha256: sha256,
    rules: [PATCH_FORM_RULE, ...PATCH_RULE_IDS, BASE_MOVED_RULE, ...(rollback === undefined ? [] : [ROLLBACK_RULE])],
    ...(rollback === undefined ? {} : { rollback }),
    base,
    findings: judged.map(({ finding: { escalates: _, ...finding }, known }) => ({ ...finding, known })),
  };
  return {
    findings: judged.flatMap(({ finding, known }) => (known ? [] : [finding])),
    artifacts: [await task.putArtifact(GATE_PATHS.patchJudgement, prettyJson(said))],
  };
}
