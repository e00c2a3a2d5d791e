import type { Policy } from '../contracts/policy.js';
import type { PromptPackBundle } from '../contracts/prompt-pack.js';
import type { GovernedRunInput, RunPlan } from '../contracts/run-plan.js';
import { type PlanFacts, planRun } from '../governance/plan-run.js';
import { lintPack, loadPack } from '../prompt-pack/index.js';
import type { PinnedDocuments } from './pinned-documents.js';

/** A pack is linted once: bundles are immutable, and a worker keeps the ones that it reads. */
const linted = new WeakMap<PromptPackBundle, { readonly digest: string; readonly passed: boolean }>();

function judgePack(bundle: PromptPackBundle): { readonly digest: string; readonly passed: boolean } {
  const known = linted.get(bundle);
  if (known !== undefined) return known;
  const judged = { digest: loadPack(bundle).digest, passed: lintPack(bundle.files).passed };
  linted.set(bundle, judged);
  return judged;
}

/**
 * What the domain must know of a run: the plan that its policy and its prompt pack give.
 * @throws PromptOsError PACK_INVALID, PACK_LOCK_MISMATCH, OBJECT_NOT_FOUND, OBJECT_CORRUPT
 */
export async function planOfRun(
  documents: PinnedDocuments,
  run: GovernedRunInput,
  policy: Policy,
  facts: Omit<PlanFacts, 'pack_sha256' | 'lint_passed'>,
): Promise<RunPlan> {
  const { digest, passed } = judgePack(await documents.packBundle(run.pack_object_sha256));
  return planRun(policy, { ...facts, pack_sha256: digest, lint_passed: passed });
}
