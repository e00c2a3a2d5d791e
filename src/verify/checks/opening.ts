import { PromptOsError } from '../../contracts/errors.js';
import { canonicalJson } from '../../contracts/json.js';
import { envelopeSchema } from '../../contracts/keys.js';
import { runWorkflowId } from '../../contracts/names.js';
import type { Policy } from '../../contracts/policy.js';
import { RULES_VERSION, rulesVersionOf } from '../../contracts/rules-version.js';
import type { RunPlan } from '../../contracts/run-plan.js';
import { checkGateSelection, governsRepository, judgeRequest } from '../../domain/judge/admission.js';
import { findKey, isValidAt, pinKeys } from '../../domain/judge/authenticate.js';
import { attestationPaths, envelopeText, TREE_PATHS } from '../../domain/record/published-tree.js';
import { planRun } from '../../domain/run/plan-run.js';
import { lintPack } from '../../prompt-pack/lint.js';
import type { TreeDocuments } from '../open-documents.js';
import { sha256Of } from '../tree-files.js';
import { expectFields, expectSame, type VerifyCode, VerifyFailure } from '../verify-codes.js';

/** The run's policy is one of those handed in, or the tree vouches for itself; and it governs the run's repository. */
export async function checkPolicy({ policy, opening, trust }: TreeDocuments): Promise<readonly string[]> {
  const governing = await policy();
  const { target_repo } = (await opening()).run;
  if (governing !== null && !governsRepository(governing, target_repo)) {
    throw new VerifyFailure(
      'POLICY_NOT_FOR_REPOSITORY',
      `${TREE_PATHS.ledger}:1: run.target_repo`,
      `one of ${(governing.repositories ?? []).join(', ')}`,
      target_repo,
    );
  }
  return trust.policies.length === 0
    ? ['no policy was handed in: the tree vouches for itself, and whoever made it could have made up its policy too']
    : [];
}

/** The request and the prompt pack are those of the run, and the policy takes the pack. */
export async function checkDocuments(documents: TreeDocuments): Promise<void> {
  await documents.request();
  const pack = await documents.pack();
  const policy = await documents.policy();
  if (pack === null || policy === null || policy.prompt_packs.includes(pack.digest)) return;
  throw new VerifyFailure('PACK_NOT_TRUSTED', TREE_PATHS.pack, `one of ${policy.prompt_packs.join(', ')}`, pack.digest);
}

/**
 * The starter signed what was started, by a key that counted then. A run that never opened is no exception where a policy
 * was handed in: else anybody could make such a run in anybody's name. Where the tree vouches for itself, that very
 * signature may be what the engine refused.
 */
export async function checkRequestSignature(documents: TreeDocuments): Promise<readonly string[]> {
  const opening = await documents.opening();
  const policy = await documents.policy();
  if (policy === null || (opening.type === 'openingFailed' && !requiresSigner(documents, policy))) return [];
  const signed = await requestSigner(documents, policy);
  if (signed === null) return [`unauthenticated: no key signed the request of ${opening.run.developer}`];
  const held = findKey(pinKeys(policy), signed.keyid);
  if (held !== null && isValidAt(held.key, opening.at)) return [];
  throw new VerifyFailure(
    'REQUEST_SIGNATURE_INVALID',
    attestationPaths.runRequest,
    `a key of ${signed.principal} that is valid at ${opening.at}`,
    signed.keyid,
  );
}

const requiresSigner = ({ trust }: TreeDocuments, { decisions }: Policy): boolean =>
  trust.policies.length > 0 && decisions.authentication === 'required';

const signers = new WeakMap<TreeDocuments, Promise<RunPlan['request_signed_by']>>();

/** Who signed the request, judged once for each tree: two checks ask, and a signature takes milliseconds. */
function requestSigner(documents: TreeDocuments, policy: Policy): Promise<RunPlan['request_signed_by']> {
  const judged = signers.get(documents) ?? judgeSigner(documents, policy);
  signers.set(documents, judged);
  return judged;
}

async function judgeSigner(documents: TreeDocuments, policy: Policy): Promise<RunPlan['request_signed_by']> {
  const opening = await documents.opening();
  const { run } = opening;
  const path = attestationPaths.runRequest;
  const named = run.request_attestation_sha256 ?? null;
  const unread = named !== null && opening.type === 'openingFailed' && !(await documents.has(path));
  if (unread) {
    throw new VerifyFailure('REQUEST_SIGNATURE_INVALID', path, named, 'nothing');
  }
  const envelope = named === null ? null : await documents.json(path, envelopeSchema);
  // A client may have stored the envelope as a file of the tree has it, or as canonical JSON.
  const stored = envelope === null ? [] : [sha256Of(envelopeText(envelope)), sha256Of(canonicalJson(envelope))];
  if (named !== null && !stored.includes(named)) {
    throw new VerifyFailure('REQUEST_SIGNATURE_INVALID', path, named, stored.join(' or '));
  }
  return translated('REQUEST_SIGNATURE_INVALID', path, () => judgeRequest(run, policy, envelope));
}

/** What the run pinned when it opened is what the policy, the pack and the request say. */
export async function checkPlan(documents: TreeDocuments): Promise<void> {
  const opening = await documents.opening();
  const place = `${TREE_PATHS.ledger}:1`;
  expectSame('PLAN_DIFFERS', place, runWorkflowId(opening.run.run_id), opening.workflow.workflow_id);
  const policy = await documents.policy();
  const pack = await documents.pack();
  const bundle = await documents.packBundle();
  if (opening.type === 'openingFailed' || policy === null || pack === null || bundle === null) return;
  const { prompt_os_version } = opening.run;
  expectSame('PLAN_DIFFERS', `${place}: run.prompt_os_version`, bundle.prompt_os_version, prompt_os_version);
  translated('GATES_NOT_ALLOWED', place, () => checkGateSelection(opening.run.gates, policy));
  const rulesVersion = rulesVersionOf(opening.plan);
  if (rulesVersion > RULES_VERSION) {
    expectSame('PLAN_DIFFERS', `${place}: plan.rules_version`, `1 to ${RULES_VERSION}`, `${rulesVersion}`);
  }
  const expected = planRun(policy, {
    pack_sha256: pack.digest,
    lint_passed: lintPack(bundle.files, rulesVersion).passed,
    // Where a run's work was queued is the engine's own business: no policy says it.
    task_queues: opening.plan.task_queues,
    request_signed_by: await requestSigner(documents, policy),
    rules_version: rulesVersion,
  });
  expectFields('PLAN_DIFFERS', place, { plan: expected }, opening);
}

/** The domain refuses in the words of its own errors; here it is the tree that is wrong. */
function translated<T>(code: VerifyCode, path: string, judge: () => T): T {
  try {
    return judge();
  } catch (error) {
    if (!(error instanceof PromptOsError)) throw error;
    throw new VerifyFailure(code, path, 'what the policy asks', `${error.code}: ${error.summary}`);
  }
}
