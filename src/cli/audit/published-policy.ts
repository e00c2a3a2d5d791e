import { type PolicyFile, parsePolicyBytes } from '../../config/policy-file.js';
import { sha256Hex } from '../../contracts/digest.js';
import { PromptOsError } from '../../contracts/errors.js';
import type { Policy } from '../../contracts/policy.js';
import { TREE_PATHS } from '../../domain/record/published-tree.js';
import type { ReadableStore } from '../../ports/artifact-store.js';
import { readPublished } from '../published-run.js';
import type { AuditedRun } from './run-catalogue.js';

/**
 * The policy that a run was made under: of those handed in, else the tree's own; null when the tree has none.
 * @throws PromptOsError RECORD_INVALID when the tree's is another than the record names
 */
export async function policyOfRun(
  store: ReadableStore,
  { runId, record }: Pick<AuditedRun, 'runId' | 'record'>,
  policies: readonly PolicyFile[],
): Promise<Policy | null> {
  const trusted = policies.find(({ sha256 }) => sha256 === record.policy.sha256);
  if (trusted !== undefined) return trusted.policy;
  const places: readonly string[] = [TREE_PATHS.policyYaml, TREE_PATHS.policyJson];
  const file = ((await store.published(runId)) ?? []).find(({ path }) => places.includes(path));
  if (file === undefined) return null;
  const bytes = await readPublished(store, runId, file.path);
  if (sha256Hex(bytes) === record.policy.sha256) return parsePolicyBytes(bytes, file.path).policy;
  throw new PromptOsError('RECORD_INVALID', `${file.path} of run ${runId} is not the policy that its record names.`);
}
