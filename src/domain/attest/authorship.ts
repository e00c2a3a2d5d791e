import { canonicalSha256 } from '../../contracts/json.js';
import { GATES, type GateId } from '../../contracts/names.js';
import type { AttemptRecord } from '../../contracts/record/attempt.js';
import type { RecordedAttempt, RunRecord } from '../../contracts/record/run-record.js';
import { modelOrigin } from '../../rules/attempts/model-origin.js';
import { TREE_PATHS } from '../record/published-tree.js';
import { totalUsage } from '../record/usage.js';
import { type Statement, statement } from './statement.js';

/** Who and what a patch comes from; docs/attestations.md has it with its fields and an example. */
export const AI_AUTHORSHIP = 'https://promptos.dev/predicates/ai-authorship/v0.1';

/** What one attempt that counts contributed: by which program and model, from which prompts, steered by which files. */
interface Contribution {
  readonly gate: string;
  readonly attempt: number;
  readonly role: string;
  readonly principal: string;
  readonly attemptSha256: string;
  readonly program: string;
  readonly agent: { readonly name: string; readonly version: string | null } | null;
  readonly requestedModel: string | null;
  readonly servedModel: string | null;
  readonly modelVendors: readonly string[];
  readonly prompt: { readonly promptId: string; readonly version: string; readonly sha256: string };
  readonly renderedPromptsSha256: readonly string[];
  /** Of the canonical JSON of the inventory of files that steer agents. */
  readonly inventorySha256: string | null;
  readonly usage: Readonly<Record<string, number>> | null;
  /** Of the canonical JSON of what the executor was set to in its last try; absent in runs from before it was recorded. */
  readonly parametersSha256?: string;
  /** Calls of tools in all tries; absent where one does not say. */
  readonly toolCalls?: number;
}

interface AiAuthorship {
  readonly runId: string;
  readonly outcome: string;
  readonly targetRepo: string;
  readonly baseCommit: string;
  readonly runRecordSha256: string;
  readonly developer: string;
  readonly contributions: readonly Contribution[];
  /** People whose decisions counted. */
  readonly integrators: readonly { readonly principal: string; readonly keyids: readonly string[] }[];
}

/** `ai-authorship/v0.1`, about the patch of a run: who and what it comes from. Null for a run without a patch that counts. */
export function authorshipStatement(
  record: RunRecord,
  recordSha256: string,
  attempts: ReadonlyMap<string, Pick<AttemptRecord, 'inventory'>>,
): Statement<AiAuthorship> | null {
  const patch = record.artifacts.find(({ path }) => path === TREE_PATHS.patch);
  if (patch === undefined) return null;
  const contributions = record.gates.flatMap(({ gate, attempts: all }) =>
    all.flatMap((attempt) => contribution(gate, attempt, attempts) ?? []),
  );
  const deciders = new Set(
    record.gates.flatMap(({ attempts: all }) =>
      all.flatMap(({ decisions }) => decisions.map(({ decision }) => decision.actor)),
    ),
  );
  return statement(AI_AUTHORSHIP, [{ name: patch.path, digest: { sha256: patch.sha256 } }], {
    runId: record.run_id,
    outcome: record.outcome,
    targetRepo: record.target_repo,
    baseCommit: record.base_commit,
    runRecordSha256: recordSha256,
    developer: record.developer,
    contributions,
    integrators: record.roles.integrator
      .filter(({ principal }) => deciders.has(principal))
      .map(({ principal, keyids }) => ({ principal, keyids })),
  });
}

function contribution(
  gate: GateId,
  attempt: RecordedAttempt,
  records: ReadonlyMap<string, Pick<AttemptRecord, 'inventory'>>,
): Contribution | null {
  const { output_sha256, executor, prompt, standing, principal, tries } = attempt;
  if (standing === 'voided' || output_sha256 === null || executor === null || prompt === null) return null;
  const inventory = records.get(output_sha256)?.inventory;
  const { agent = null, requested_model, served_model, program } = executor;
  const usage = totalUsage(tries);
  return {
    ...{
      gate,
      attempt: attempt.attempt,
      role: GATES[gate].role,
      principal,
      attemptSha256: output_sha256,
      program,
      agent,
    },
    requestedModel: requested_model,
    servedModel: served_model,
    modelVendors: served_model === null ? [] : modelOrigin(served_model).vendors,
    prompt: { promptId: prompt.prompt_id, version: prompt.version, sha256: prompt.sha256 },
    renderedPromptsSha256: tries.map(({ rendered_prompt_sha256 }) => rendered_prompt_sha256),
    inventorySha256: inventory === undefined ? null : canonicalSha256(inventory),
    usage:
      usage === null
        ? null
        : {
            ...(usage.input_tokens === undefined ? {} : { inputTokens: usage.input_tokens }),
            ...(usage.output_tokens === undefined ? {} : { outputTokens: usage.output_tokens }),
            ...(usage.cached_tokens === undefined ? {} : { cachedTokens: usage.cached_tokens }),
            ...(usage.cost_usd === undefined ? {} : { costUsd: usage.cost_usd }),
          },
    ...workOf(tries),
  };
}

function workOf(tries: RecordedAttempt['tries']): Pick<Contribution, 'parametersSha256' | 'toolCalls'> {
  const parameters = tries.at(-1)?.parameters;
  const calls = tries.map(({ tool_calls }) => tool_calls?.total);
  const known = calls.filter((total) => total !== undefined);
  return {
    ...(parameters === undefined ? {} : { parametersSha256: canonicalSha256(parameters) }),
    ...(known.length === 0 || known.length < calls.length
      ? {}
      : { toolCalls: known.reduce((sum, total) => sum + total, 0) }),
  };
}
