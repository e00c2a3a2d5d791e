import { ATTEMPT_RECIPES } from './recipes/attempt-recipes.js';
import { DECISION_RECIPES } from './recipes/decision-recipes.js';
import { EVIDENCE_RECIPES } from './recipes/evidence-recipes.js';
import { FOLD_RECIPES } from './recipes/fold-recipes.js';
import { FORK_RECIPES } from './recipes/fork-recipes.js';
import { HOSTILE_RECIPES } from './recipes/hostile-recipes.js';
import { JOURNAL_FORM_RECIPES } from './recipes/journal-form-recipes.js';
import { JOURNAL_RECIPES } from './recipes/journal-recipes.js';
import { JSON_RECIPES } from './recipes/json-recipes.js';
import { KEY_WINDOW_RECIPES } from './recipes/key-window-recipes.js';
import { LEDGER_RECIPES } from './recipes/ledger-recipes.js';
import { OPENING_RECIPES } from './recipes/opening-recipes.js';
import { POLICY_RECIPES } from './recipes/policy-recipes.js';
import { PROMPTOS_POLICY_RECIPES } from './recipes/promptos-policy-recipes.js';
import type { Recipe } from './recipes/recipe.js';
import { RECORD_RECIPES } from './recipes/record-recipes.js';
import { REPOSITORY_RECIPES } from './recipes/repository-recipes.js';
import { RESOLUTION_RECIPES } from './recipes/resolution-recipes.js';
import { RESULT_RECIPES } from './recipes/result-recipes.js';
import { SESSION_RECIPES } from './recipes/session-recipes.js';
import { SIGNATURE_RECIPES } from './recipes/signature-recipes.js';
import { TREE_RECIPES } from './recipes/tree-recipes.js';
import { UNOPENED_RECIPES } from './recipes/unopened-recipes.js';
import { VERSION_RECIPES } from './recipes/version-recipes.js';

/** Every way to break a genuine tree, and the code that it must fail with. */
export const RECIPES: Readonly<Record<string, readonly Recipe[]>> = {
  tree: TREE_RECIPES,
  json: JSON_RECIPES,
  'hostile trees': HOSTILE_RECIPES,
  policies: POLICY_RECIPES,
  repositories: REPOSITORY_RECIPES,
  'key windows': KEY_WINDOW_RECIPES,
  opening: OPENING_RECIPES,
  'runs that never opened': UNOPENED_RECIPES,
  ledger: LEDGER_RECIPES,
  fold: FOLD_RECIPES,
  decisions: DECISION_RECIPES,
  resolutions: RESOLUTION_RECIPES,
  results: RESULT_RECIPES,
  attempts: ATTEMPT_RECIPES,
  journal: JOURNAL_RECIPES,
  'journal form': JOURNAL_FORM_RECIPES,
  forks: FORK_RECIPES,
  rules: VERSION_RECIPES,
  evidence: EVIDENCE_RECIPES,
  session: SESSION_RECIPES,
  record: RECORD_RECIPES,
  signatures: SIGNATURE_RECIPES,
  'PromptOS policy file': PROMPTOS_POLICY_RECIPES,
};
