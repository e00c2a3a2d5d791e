import { parse } from 'yaml';
import { z } from 'zod';
import { messageOf, PromptOsError } from '../contracts/errors.js';
import type { Policy } from '../contracts/policy/policy.js';
import { problemsText } from '../contracts/schema-problems.js';

/** The fields of the policy file of existing PromptOS tooling. What it leaves out is not asked for. */
const promptosPolicySchema = z.looseObject({
  required_promptos_version: z
    .string()
    .regex(/^v?\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/, 'expected one exact version such as "v1.2.0"')
    .optional(),
  enforce_hash_validation: z.boolean().default(false),
  require_prompts_declared: z.boolean().default(false),
  require_chain_validation: z.boolean().default(false),
  require_run_binding: z.boolean().default(false),
});
export type PromptOsPolicy = z.infer<typeof promptosPolicySchema>;

/** The five fields that are enforced. */
export const PROMPTOS_POLICY_FIELDS = [
  'required_promptos_version',
  'enforce_hash_validation',
  'require_prompts_declared',
  'require_chain_validation',
  'require_run_binding',
] as const;

/** Fields of a policy file that nothing here enforces: a reader who relies on them must know. */
export const unenforcedFields = (policy: PromptOsPolicy): readonly string[] =>
  Object.keys(policy).filter((field) => !(PROMPTOS_POLICY_FIELDS as readonly string[]).includes(field));

/**
 * Reads the policy file of existing PromptOS tooling, JSON or YAML.
 * @param name what messages call it
 * @throws PromptOsError POLICY_INVALID
 */
export function parsePromptOsPolicy(text: string, name: string): PromptOsPolicy {
  const invalid = (problem: string, cause?: unknown) =>
    new PromptOsError('POLICY_INVALID', `${name} is no PromptOS policy file: ${problem}.`, {
      cause,
      hint: 'docs/verify.md names its five fields.',
    });
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw invalid(messageOf(error).split('\n', 1)[0] ?? '', error);
  }
  const parsed = promptosPolicySchema.safeParse(value);
  if (!parsed.success) {
    throw invalid(problemsText(parsed.error, 'file'));
  }
  const asked = PROMPTOS_POLICY_FIELDS.some((field) => Object.hasOwn(value as object, field));
  if (!asked) throw invalid(`expected at least one of ${PROMPTOS_POLICY_FIELDS.join(', ')}`);
  return parsed.data;
}

/** A policy that the verifier hands in, by the digest of its bytes. */
export interface TrustedPolicy {
  readonly sha256: string;
  readonly policy: Policy;
}

/** What a tree is judged by. */
export interface VerifyTrust {
  /**
   * The policies that count. The run's own must be one of them; a revocation counts whichever of them says it, so that
   * their order cannot lose one. With none, the tree vouches for itself.
   */
  readonly policies: readonly TrustedPolicy[];
  /** The run whose tree it must be, where a run was asked for and not a folder. */
  readonly runId?: string;
  /** Of existing PromptOS tooling, checked on top. */
  readonly promptosPolicy?: PromptOsPolicy;
  /** `pending` before the engine has signed: nothing of its own is expected yet. */
  readonly engineSignatures?: 'expected' | 'pending';
  /**
   * When it is judged, in milliseconds since the epoch. It decides one thing: whether the time is over for which the run's
   * policy keeps transcripts, so that they may be missing. Without it none may.
   */
  readonly now?: number;
}
