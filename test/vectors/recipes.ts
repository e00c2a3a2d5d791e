import { ATTEMPT_RECIPES } from './recipes/attempt-recipes.js';
import { DECISION_RECIPES } from './recipes/decision-recipes.js';
import { JSON_RECIPES } from './recipes/json-recipes.js';
import { LEDGER_RECIPES } from './recipes/ledger-recipes.js';
import { POLICY_RECIPES } from './recipes/policy-recipes.js';
import type { Recipe } from './recipes/recipe.js';
import { RECORD_RECIPES } from './recipes/record-recipes.js';
import { SIGNATURE_RECIPES } from './recipes/signature-recipes.js';
import { TREE_RECIPES } from './recipes/tree-recipes.js';

/** Every way to break a genuine tree, and the code that it must fail with. */
export const RECIPES: Readonly<Record<string, readonly Recipe[]>> = {
  tree: TREE_RECIPES,
  json: JSON_RECIPES,
  record: RECORD_RECIPES,
  ledger: LEDGER_RECIPES,
  decisions: DECISION_RECIPES,
  attempts: ATTEMPT_RECIPES,
  signatures: SIGNATURE_RECIPES,
  policies: POLICY_RECIPES,
};
