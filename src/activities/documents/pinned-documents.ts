import { parse } from 'yaml';
import type { z } from 'zod';
import { type ErrorCode, messageOf, PromptOsError } from '../../contracts/errors.js';
import { canonicalJson, parseJson } from '../../contracts/json.js';
import { type Policy, policySchema } from '../../contracts/policy/policy.js';
import { type PromptPackBundle, promptPackBundleSchema } from '../../contracts/prompt-pack.js';
import { type AttemptRecord, attemptRecordSchema } from '../../contracts/record/attempt.js';
import { keepLast } from '../../contracts/remember.js';
import type { GovernedRunInput, RunPlan } from '../../contracts/run/run-plan.js';
import { type RunRequest, runRequestSchema } from '../../contracts/run/run-request.js';
import { problemsText } from '../../contracts/schema-problems.js';
import { type PlanFacts, planRun } from '../../domain/run/plan-run.js';
import type { ArtifactStore } from '../../ports/artifact-store.js';
import { passesLint } from '../../prompt-pack/lint.js';
import { loadPack } from '../../prompt-pack/load.js';

/** Documents by the SHA-256 of their bytes in the store. Immutable, so each is read and checked once. */
export interface PinnedDocuments {
  /** @throws PromptOsError POLICY_INVALID, OBJECT_NOT_FOUND, OBJECT_CORRUPT */
  policy(sha256: string): Promise<Policy>;
  /** @throws PromptOsError REQUEST_INVALID, OBJECT_NOT_FOUND, OBJECT_CORRUPT */
  request(sha256: string): Promise<RunRequest>;
  /** @throws PromptOsError PACK_INVALID, OBJECT_NOT_FOUND, OBJECT_CORRUPT */
  packBundle(sha256: string): Promise<PromptPackBundle>;
  /** @throws PromptOsError INTERNAL, OBJECT_NOT_FOUND, OBJECT_CORRUPT */
  attempt(sha256: string): Promise<AttemptRecord>;
}

/** Documents kept in memory at once; those that were not used for longest go first. */
const CACHE_SIZE = 64;

/** What starters hand over has one reading only: a name given twice, `1.0` and the like would be read differently by others. */
function parseCanonicalJson(text: string): unknown {
  const value = parseJson(text);
  if (canonicalJson(value) !== text) throw new Error('expected canonical JSON (RFC 8785)');
  return value;
}
// A policy's bytes are the user's own file. Aliases are bounded, so that a small file cannot grow without end.
const parseYaml = (text: string): unknown => parse(text, { maxAliasCount: 100 });

/** What went wrong, without the excerpt that a YAML parser adds below. */
const firstLine = (error: unknown): string => messageOf(error).split('\n', 1)[0]?.replace(/[:.]$/, '') ?? '';

/** Reads pinned documents from the store. */
export function createPinnedDocuments(store: Pick<ArtifactStore, 'readObject'>): PinnedDocuments {
  const cache = new Map<string, unknown>();
  const reader =
    <T>(kind: string, code: ErrorCode, schema: z.ZodType<T>, decode: (text: string) => unknown) =>
    async (sha256: string): Promise<T> => {
      const key = `${kind} ${sha256}`;
      if (cache.has(key)) return keepLast(cache, key, cache.get(key), CACHE_SIZE) as T;
      const bytes = await store.readObject(sha256);
      const refuse = (problem: string, cause?: unknown) =>
        new PromptOsError(code, `The ${kind} ${sha256} in the store is not valid: ${problem}.`, { cause });
      let content: unknown;
      try {
        content = decode(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
      } catch (error) {
        throw refuse(firstLine(error), error);
      }
      const parsed = schema.safeParse(content);
      if (!parsed.success) throw refuse(problemsText(parsed.error));
      keepLast(cache, key, parsed.data, CACHE_SIZE);
      return parsed.data;
    };
  return {
    policy: reader('policy', 'POLICY_INVALID', policySchema, parseYaml),
    request: reader('request', 'REQUEST_INVALID', runRequestSchema, parseCanonicalJson),
    packBundle: reader('prompt pack', 'PACK_INVALID', promptPackBundleSchema, parseCanonicalJson),
    attempt: reader('attempt record', 'INTERNAL', attemptRecordSchema, parseJson),
  };
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
  const bundle = await documents.packBundle(run.pack_object_sha256);
  return planRun(policy, { ...facts, pack_sha256: loadPack(bundle).digest, lint_passed: passesLint(bundle) });
}
