import { z } from 'zod';
import { schemaOf } from '../../contracts/artifact-schemas.js';
import { GATE_PATHS, SARIF_FILE } from '../../contracts/artifacts.js';
import type { AttemptRecord } from '../../contracts/attempt.js';
import {
  baselineSchema,
  type CheckResult,
  type JobOutput,
  jobOutputSchema,
  type TestResults,
  testResultsSchema,
} from '../../contracts/gate-outputs.js';
import { own } from '../../contracts/json.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import { rulesVersionOf } from '../../contracts/rules-version.js';
import { attemptFolder, TREE_PATHS } from '../../domain/record/published-tree.js';
import { sarifLog } from '../../domain/record/sarif.js';
import { judgeCounts } from '../../rules/checks.js';
import { firstDifference } from '../first-difference.js';
import { recordsByDigest, type TreeDocuments, type VerifiedAttempt } from '../open-documents.js';
import { VerifyFailure } from '../verify-codes.js';

/** The path of an artifact in the tree: its public place while the attempt counts, else the attempt's folder. */
const placeOf = async ({ artifacts }: TreeDocuments, { history }: VerifiedAttempt, ref: ArtifactRef) => {
  const inFolder = `${attemptFolder(history.gate, history.attempt)}/${ref.path}`;
  return (await artifacts()).has(inFolder) ? inFolder : ref.path;
};

const find = ({ artifacts }: AttemptRecord, path: string): ArtifactRef | undefined =>
  artifacts.find((ref) => ref.path === path);

/** Every document among the artifacts has its gate's shape, and the findings' log tells the record's findings. */
export async function checkOutputs(documents: TreeDocuments): Promise<void> {
  for (const attempt of await documents.attempts()) {
    const { record, history } = attempt;
    for (const ref of record.artifacts) {
      const schema = schemaOf(ref.path);
      if (schema !== null) await documents.json(await placeOf(documents, attempt, ref), schema);
    }
    if (record.transcripts.some(({ path }) => path === SARIF_FILE)) {
      const path = `${attemptFolder(history.gate, history.attempt)}/${SARIF_FILE}`;
      fits(path, sarifLog(record), await documents.json(path, z.unknown()));
    }
  }
}

function fits(path: string, expected: unknown, found: unknown): void {
  const difference = firstDifference(expected, found);
  if (difference === null) return;
  throw new VerifyFailure('EVIDENCE_DIFFERS', { ...difference, path: `${path}: ${difference.at}` });
}

/** What was tested is what is published: the patch, the base, the policy's checks, their logs, and the verdict. */
export async function checkTestEvidence(documents: TreeDocuments): Promise<void> {
  const attempts = await documents.attempts();
  const records = recordsByDigest(attempts);
  for (const attempt of attempts) {
    const { record } = attempt;
    await checkBaseline(documents, attempt);
    const ref = find(record, TREE_PATHS.testResults);
    if (ref === undefined) continue;
    const path = await placeOf(documents, attempt, ref);
    const results = await documents.json(path, testResultsSchema);
    const built = record.inputs.P05 === undefined ? undefined : records.get(record.inputs.P05);
    const patch = built && find(built, TREE_PATHS.patch);
    if (patch?.sha256 !== results.patch_sha256) {
      throw new VerifyFailure('EVIDENCE_OTHER_PATCH', {
        path,
        expected: patch?.sha256 ?? 'a patch that P05 gave',
        found: results.patch_sha256,
      });
    }
    await checkResults(documents, record, results, path);
  }
  await checkPublishedPatch(documents);
}

/** A baseline is about the run's base commit and the checks that its request names, with the policy's commands. */
async function checkBaseline(documents: TreeDocuments, attempt: VerifiedAttempt): Promise<void> {
  const ref = find(attempt.record, GATE_PATHS.baseline);
  if (ref === undefined) return;
  const path = await placeOf(documents, attempt, ref);
  const { base_commit, checks } = await documents.json(path, baselineSchema);
  const policy = await documents.policy();
  const { run } = await documents.opening();
  const wanted = await wantedChecks(documents, attempt.record);
  const argvOf = (name: string) => (policy === null ? undefined : own(policy.checks, name)?.argv) ?? [];
  fits(
    path,
    { base_commit: run.base_commit, checks: wanted.map((name) => ({ name, argv: argvOf(name) })) },
    { base_commit, checks: checks.map(({ name, argv }) => ({ name, argv })) },
  );
  for (const { name, status, exit_code } of checks) {
    if (status !== 'passed' || exit_code === 0) continue;
    fits(`${path}: ${name}`, { status, exit_code: 0 }, { status, exit_code });
  }
}

async function checkResults(
  documents: TreeDocuments,
  record: AttemptRecord,
  { base_commit, checks }: TestResults,
  path: string,
): Promise<void> {
  const opening = await documents.opening();
  const { run } = opening;
  // Reports came with the second version of the rules; a run that did not open has no plan and no check.
  const counted = opening.type === 'runOpened' && rulesVersionOf(opening.plan) >= 2;
  const policy = await documents.policy();
  fits(
    path,
    { base_commit: run.base_commit, checks: await wantedChecks(documents, record) },
    { base_commit, checks: checks.map(({ name }) => name) },
  );
  for (const check of checks) {
    const log = (stream: string) => find(record, `evidence/checks/${check.name}.${stream}.txt`);
    const [stdout, stderr] = [log('stdout'), log('stderr')];
    const known = policy !== null && Object.hasOwn(policy.checks, check.name) ? policy.checks[check.name] : undefined;
    fits(
      `${path}: ${check.name}`,
      {
        argv: known?.argv ?? [],
        stdout_sha256: stdout?.sha256,
        stdout_bytes: stdout?.bytes,
        stderr_sha256: stderr?.sha256,
        stderr_bytes: stderr?.bytes,
        passed: hasPassed(check),
      },
      {
        argv: check.argv,
        stdout_sha256: check.stdout_sha256,
        stdout_bytes: check.stdout_bytes,
        stderr_sha256: check.stderr_sha256,
        stderr_bytes: check.stderr_bytes,
        passed: check.status === 'passed',
      },
    );
    const uncounted = counted && known?.report !== undefined ? countsProblem(check) : null;
    if (uncounted !== null) {
      throw new VerifyFailure('EVIDENCE_DIFFERS', {
        path: `${path}: ${check.name}`,
        expected: 'a passed check whose report counts at least the tests of the base commit',
        found: uncounted,
      });
    }
  }
  const failed = checks.length === 0 || checks.some(({ status }) => status !== 'passed');
  if (failed && record.verdict === 'pass') {
    throw new VerifyFailure('EVIDENCE_DIFFERS', {
      path,
      expected: 'no pass of a gate whose checks did not pass',
      found: `verdict ${record.verdict}`,
    });
  }
}

/** The job that counted when an attempt was made; undefined for a run without P01. */
export async function declaredJob(documents: TreeDocuments, { inputs }: AttemptRecord): Promise<JobOutput | undefined> {
  const declared = (await documents.attempts()).find(({ sha256 }) => sha256 === inputs.P01);
  const ref = declared && find(declared.record, TREE_PATHS.job);
  return ref && documents.json(await placeOf(documents, declared, ref), jobOutputSchema);
}

/** The checks that prove a run: those of the request and of every criterion of the job that counted then, each once. */
async function wantedChecks(documents: TreeDocuments, record: AttemptRecord): Promise<readonly string[]> {
  const request = await documents.request();
  const job = await declaredJob(documents, record);
  const criteria = job?.acceptance_criteria ?? request?.task.acceptance_criteria ?? [];
  return [...new Set([...(request?.checks ?? []), ...criteria.flatMap(({ check }) => check ?? [])])];
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
  throw new VerifyFailure('EVIDENCE_OTHER_PATCH', {
    path: TREE_PATHS.patch,
    expected: `${patch} of attempt ${built.sha256}`,
    found: `${published}, tested for attempt ${about}`,
  });
}
