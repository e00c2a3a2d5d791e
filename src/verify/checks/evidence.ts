import { z } from 'zod';
import {
  type BaselineCheck,
  baselineSchema,
  type CheckResult,
  type TestResults,
  testResultsSchema,
} from '../../contracts/answers/gate-outputs.js';
import { GATE_PATHS, SARIF_FILE } from '../../contracts/artifacts.js';
import { own } from '../../contracts/json.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import { schemaOf } from '../../contracts/record/artifact-schemas.js';
import type { AttemptRecord } from '../../contracts/record/attempt.js';
import { TREE_PATHS } from '../../domain/record/published-tree.js';
import { weakestSandbox } from '../../domain/record/sandboxes.js';
import { attemptSarif, withoutRuleTexts } from '../../domain/record/sarif.js';
import { judgeCounts } from '../../rules/attempts/observations.js';
import { checksOf, inputsOf, judgesAgain, placedArtifact } from '../attempt-inputs.js';
import { recordsByDigest, type TreeDocuments, type VerifiedAttempt } from '../open-documents.js';
import { expectEqual, expectFields, VerifyFailure } from '../verify-codes.js';

const find = ({ artifacts }: AttemptRecord, path: string): ArtifactRef | undefined =>
  artifacts.find((ref) => ref.path === path);

/** Every document among the artifacts has its gate's shape, and the findings' log tells the record's findings. */
export async function checkOutputs(documents: TreeDocuments): Promise<void> {
  for (const attempt of await documents.attempts()) {
    const { record, folder } = attempt;
    for (const { path } of record.artifacts) {
      const schema = schemaOf(path);
      const placed = schema && (await placedArtifact(documents, attempt, path));
      if (schema && placed) await documents.json(placed.place, schema);
    }
    if (record.transcripts.some(({ path }) => path === SARIF_FILE)) {
      const path = `${folder}/${SARIF_FILE}`;
      const found = await documents.json(path, z.unknown());
      expectEqual('EVIDENCE_DIFFERS', path, withoutRuleTexts(attemptSarif(record)), withoutRuleTexts(found));
    }
  }
}

/** What was tested is what is published: the patch, the base, the policy's checks, their logs, and the verdict. */
export async function checkTestEvidence(documents: TreeDocuments): Promise<void> {
  const attempts = await documents.attempts();
  const records = recordsByDigest(attempts);
  for (const attempt of attempts) {
    const { record } = attempt;
    const onBase = await checkBaseline(documents, attempt);
    const placed = await placedArtifact(documents, attempt, TREE_PATHS.testResults);
    const results = placed === null ? null : await documents.json(placed.place, testResultsSchema);
    expectFields(
      'EVIDENCE_DIFFERS',
      `${attempt.folder}/attempt.json`,
      { checks_sandbox: weakestSandbox([...onBase, ...(results?.checks ?? [])].map(({ sandbox }) => sandbox)) },
      record,
    );
    if (placed === null || results === null) continue;
    const path = placed.place;
    const built = record.inputs.P05 === undefined ? undefined : records.get(record.inputs.P05);
    const patch = built && find(built, TREE_PATHS.patch);
    if (patch?.sha256 !== results.patch_sha256) {
      throw new VerifyFailure(
        'EVIDENCE_OTHER_PATCH',
        path,
        patch?.sha256 ?? 'a patch that P05 gave',
        results.patch_sha256,
      );
    }
    await checkResults(documents, attempt, results, path);
  }
  await checkPublishedPatch(documents);
}

/** A baseline is about the run's base commit and the checks that its request names, with the policy's commands. */
async function checkBaseline(documents: TreeDocuments, attempt: VerifiedAttempt): Promise<readonly BaselineCheck[]> {
  const placed = await placedArtifact(documents, attempt, GATE_PATHS.baseline);
  if (placed === null) return [];
  const path = placed.place;
  const { base_commit, checks } = await documents.json(path, baselineSchema);
  const policy = await documents.policy();
  const { run } = await documents.opening();
  const wanted = await wantedChecks(documents, attempt);
  const argvOf = (name: string) => (policy === null ? undefined : own(policy.checks, name)?.argv) ?? [];
  const expected = { base_commit: run.base_commit, checks: wanted.map((name) => ({ name, argv: argvOf(name) })) };
  const found = { base_commit, checks: checks.map(({ name, argv }) => ({ name, argv })) };
  expectEqual('EVIDENCE_DIFFERS', path, expected, found);
  for (const check of checks.filter(({ status }) => status === 'passed')) {
    expectFields('EVIDENCE_DIFFERS', `${path}: ${check.name}`, { exit_code: 0 }, check);
  }
  return checks;
}

async function checkResults(
  documents: TreeDocuments,
  attempt: VerifiedAttempt,
  { base_commit, checks }: TestResults,
  path: string,
): Promise<void> {
  const { record } = attempt;
  const { run } = await documents.opening();
  // Reports came with the second version of the rules.
  const counted = await judgesAgain(documents);
  const policy = await documents.policy();
  const expected = { base_commit: run.base_commit, checks: await wantedChecks(documents, attempt) };
  const found = { base_commit, checks: checks.map(({ name }) => name) };
  expectEqual('EVIDENCE_DIFFERS', path, expected, found);
  for (const check of checks) {
    const log = (stream: string) => find(record, `evidence/checks/${check.name}.${stream}.txt`);
    const [stdout, stderr] = [log('stdout'), log('stderr')];
    const known = policy === null ? undefined : own(policy.checks, check.name);
    expectFields(
      'EVIDENCE_DIFFERS',
      `${path}: ${check.name}`,
      {
        argv: known?.argv ?? [],
        stdout_sha256: stdout?.sha256,
        stdout_bytes: stdout?.bytes,
        stderr_sha256: stderr?.sha256,
        stderr_bytes: stderr?.bytes,
        passed: hasPassed(check),
      },
      { ...check, passed: check.status === 'passed' },
    );
    const uncounted = counted && known?.report !== undefined ? countsProblem(check) : null;
    if (uncounted !== null) {
      throw new VerifyFailure(
        'EVIDENCE_DIFFERS',
        `${path}: ${check.name}`,
        'a passed check whose report counts at least the tests of the base commit',
        uncounted,
      );
    }
  }
  const failed = checks.length === 0 || checks.some(({ status }) => status !== 'passed');
  if (failed && record.verdict === 'pass') {
    throw new VerifyFailure(
      'EVIDENCE_DIFFERS',
      path,
      'no pass of a gate whose checks did not pass',
      `verdict ${record.verdict}`,
    );
  }
}

/** The checks that prove a run: those of the request and of every criterion of the job that counted then. */
async function wantedChecks(documents: TreeDocuments, attempt: VerifiedAttempt): Promise<readonly string[]> {
  const inputs = await inputsOf(documents, attempt);
  return inputs === null ? [] : checksOf(inputs);
}

const hasPassed = ({ exit_code, signal, status }: CheckResult): boolean =>
  status === 'passed' && exit_code === 0 && signal === null;

/** Why a check that has a report cannot have passed with these counts; null when it can, or did not pass. */
function countsProblem({ status, tests, baseline }: CheckResult): string | null {
  if (status !== 'passed') return null;
  if (tests === undefined) return 'no counts';
  return baseline === undefined ? 'no counts of the base commit' : judgeCounts(tests, baseline);
}

/** The patch of the tree is that of the attempt that passed, and so is what was tested last. */
async function checkPublishedPatch(documents: TreeDocuments): Promise<void> {
  const attempts = await documents.attempts();
  const passed = (gate: string) =>
    attempts.find(({ history }) => history.gate === gate && history.standing === 'passed')?.record;
  const tested = passed('P06')?.inputs.P05;
  const built = attempts.find(({ history }) => history.gate === 'P05' && history.standing === 'passed');
  const published = (await documents.artifacts()).get(TREE_PATHS.patch)?.sha256;
  if (built === undefined) return;
  const patch = find(built.record, TREE_PATHS.patch)?.sha256;
  const about = tested ?? built.sha256;
  if (patch === published && about === built.sha256) return;
  throw new VerifyFailure(
    'EVIDENCE_OTHER_PATCH',
    TREE_PATHS.patch,
    `${patch} of attempt ${built.sha256}`,
    `${published}, tested for attempt ${about}`,
  );
}
