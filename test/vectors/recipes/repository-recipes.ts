import { underPolicy } from '../../support/under-policy.js';
import { packLine, SIGNED_POLICY, UNSIGNED_POLICY, vectorPack } from '../../support/vector-policies.js';
import type { Recipe, TreeName } from './recipe.js';

/** A policy of the vectors that names the repositories that it governs; all of the recorded runs are of `example`. */
export const policyFor = (repositories: string, text = SIGNED_POLICY): string =>
  `${text}repositories: ${repositories}\n${packLine(vectorPack())}`;

const governedBy = (name: string, tree: TreeName, text: string, others: readonly string[] = []): Recipe => ({
  name,
  tree,
  policyTexts: [...others, text],
  code: 'POLICY_NOT_FOR_REPOSITORY',
  break: (broken) => underPolicy(broken, text),
});

/** Runs of one repository under the policy of another. */
export const REPOSITORY_RECIPES: readonly Recipe[] = [
  governedBy("another repository's policy", 'straight', policyFor('[billing]')),
  governedBy(
    "another repository's laxer policy, handed in beside the right one",
    'straight',
    policyFor('[billing]', UNSIGNED_POLICY),
    [policyFor('[example]')],
  ),
  governedBy('a glob that does not match', 'rejected', policyFor("['billing-*', 'examples*']")),
  governedBy('a name in other letters', 'cancelled', policyFor('[Example]')),
  governedBy('a folder of the name', 'cancelled', policyFor("['*/example']")),
  governedBy('a run that never opened', 'unopened', policyFor('[billing]')),
];
