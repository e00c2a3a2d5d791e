import type { TreeReader } from '../../../src/ports/tree-reader.js';
import type { PromptOsPolicy } from '../../../src/verify/trust.js';
import type { VerifyCode } from '../../../src/verify/verify-codes.js';
import type { MutableTree } from '../../support/mutable-tree.js';

/** The recorded runs under `test/vectors/trees/`. */
export const TREE_NAMES = [
  'straight',
  'reworked',
  'escalated',
  'rejected',
  'cancelled',
  'cancelled-signed',
  'unopened',
  'rotated',
  'unsigned',
  'forked',
] as const;
/** One of the recorded runs. */
export type TreeName = (typeof TREE_NAMES)[number];

/** The policies of the recorded runs; a verifier who knows all of them finds all of them verified. */
export const RUN_POLICIES = ['policy', 'policy-rotated', 'policy-unsigned'] as const;
/** A policy file of the vectors, or the signed policy with one holder's key revoked. */
export type PolicyName = (typeof RUN_POLICIES)[number] | 'policy-revoked' | `${'ada' | 'nina' | 'engine'} revoked`;

/** One way to break a genuine tree. */
export interface Recipe {
  readonly name: string;
  readonly tree: TreeName;
  /** What is done to a copy of the tree; `genuine` gives copies of the others. */
  break(tree: MutableTree, genuine: (name: TreeName) => MutableTree): unknown;
  /** The policies that the verifier hands in; those of all recorded runs unless the recipe is about them. */
  readonly policies?: readonly PolicyName[];
  /** Texts of policies that were made for the recipe, handed in instead. */
  readonly policyTexts?: readonly string[];
  /** What the medium does to the reader of the broken tree. */
  readonly through?: (reader: TreeReader) => TreeReader;
  /** The run that the verifier asked for, where the recipe is about that. */
  readonly runId?: string;
  /** With it, the code is that of this file's own check: what it asks is asked by others too. */
  readonly promptosPolicy?: Partial<PromptOsPolicy>;
  /** The first thing that the verifier must find wrong. */
  readonly code: VerifyCode;
  /** Verified in a folder too, since memory has no links. */
  readonly onDisk?: true;
}

/** Recipes of one tree, as rows: name, change, code. */
export const recipesOf = (
  tree: TreeName,
  rows: readonly (readonly [string, Recipe['break'], VerifyCode])[],
): readonly Recipe[] => rows.map(([name, change, code]) => ({ name, tree, break: change, code }));
