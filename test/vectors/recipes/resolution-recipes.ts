import { ENGINE, forge } from '../../support/forge-tree.js';
import { editLedger } from '../../support/rechain.js';
import { VECTOR_KEYS } from '../../support/vector-keys.js';
import { nth } from './ledger-edits.js';
import { type Recipe, recipesOf } from './recipe.js';
import { EARLIER, envelope, field, OTHER, resigned, signedEntry } from './signed-entries.js';

/** How escalations were raised and answered is not what people signed. */
export const RESOLUTION_RECIPES: readonly Recipe[] = [
  ...recipesOf('escalated', [
    [
      'resolution: signed by the developer',
      envelope('escalationResolved', 1, (old) => resigned(old, () => undefined, VECTOR_KEYS.ada)),
      'RESOLUTION_REFUSED',
    ],
    [
      'resolution: signed by the writer, in its own name',
      field('escalationResolved', 1, 'actor', 'nina', VECTOR_KEYS.nina),
      'RESOLUTION_REFUSED',
    ],
    ['resolution: its envelope taken away', envelope('escalationResolved', 1, () => null), 'RESOLUTION_REFUSED'],
    [
      'resolution: of another escalation',
      envelope('escalationResolved', 1, (_, entries) => signedEntry(entries, 'escalationResolved', 2).envelope),
      'RESOLUTION_REFUSED',
    ],
    [
      'resolution: about another report',
      envelope('escalationResolved', 1, (old) =>
        resigned(
          old,
          ({ subject }) => {
            for (const one of subject) one.digest.sha256 = OTHER;
          },
          VECTOR_KEYS.grace,
        ),
      ),
      'RESOLUTION_REFUSED',
    ],
    ['resolution: expired', field('escalationResolved', 1, 'expiresAt', EARLIER), 'RESOLUTION_REFUSED'],
    ['resolution: backdated', field('escalationResolved', 1, 'decidedAt', EARLIER), 'RESOLUTION_REFUSED'],
    [
      'resolution: a choice that cannot be made',
      field('escalationResolved', 1, 'choice', 'continue'),
      'RESOLUTION_REFUSED',
    ],
    [
      'resolution: another choice in the ledger than was signed',
      (tree) =>
        forge(
          editLedger(tree, (entries) => {
            nth(entries, 'escalationResolved', 2).resolution.choice = 'retry';
          }),
          ENGINE,
        ),
      'FOLD_DIFFERS',
    ],
    [
      "escalation: a person's, signed by another person",
      envelope('escalationOpened', 2, (old) => resigned(old, () => undefined, VECTOR_KEYS.ivan)),
      'ESCALATION_REFUSED',
    ],
    [
      "escalation: a person's, its envelope taken away",
      envelope('escalationOpened', 2, () => null),
      'ESCALATION_REFUSED',
    ],
    [
      "escalation: a person's, of another run",
      field('escalationOpened', 2, 'runId', 'vector-another', VECTOR_KEYS.ada),
      'ESCALATION_REFUSED',
    ],
    [
      "escalation: a person's, expired",
      field('escalationOpened', 2, 'expiresAt', EARLIER, VECTOR_KEYS.ada),
      'ESCALATION_REFUSED',
    ],
  ]),
];
