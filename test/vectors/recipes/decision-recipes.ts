import type { LedgerEntry } from '../../../src/contracts/run/ledger.js';
import { ENGINE, forge } from '../../support/forge-tree.js';
import type { Loose, MutableTree } from '../../support/mutable-tree.js';
import { editLedger } from '../../support/rechain.js';
import { VECTOR_KEYS, type VectorKey } from '../../support/vector-keys.js';
import { nth } from './ledger-edits.js';
import { type Recipe, recipesOf } from './recipe.js';
import { EARLIER, envelope, field, LATER, OTHER, resigned, signedEntry, statementOf } from './signed-entries.js';

const by = (key: VectorKey) => envelope('decisionCounted', 1, (old) => resigned(old, () => undefined, key));

const FIELDS: Readonly<Record<string, unknown>> = {
  runId: 'vector-another',
  gate: 'P01',
  attempt: 2,
  requestId: 'P00.1.2',
  policySha256: OTHER,
  actor: 'ivan',
  choice: 'reject',
  decidedAt: EARLIER,
  expiresAt: EARLIER,
};

/** Of the entry alone: the chain is made again, the envelope still says what was signed. */
const CLAIMS: Readonly<Record<string, unknown>> = {
  decision_id: 'another',
  gate: 'P01',
  attempt: 2,
  request_id: 'P00.1.2',
  output_sha256: OTHER,
  actor: 'ivan',
  choice: 'reject',
  comment: 'With praise.',
  acknowledged: ['review-1'],
  expires_at: LATER,
};

/** What integrators decided was not that, not then, not theirs, or not about this. */
export const DECISION_RECIPES: readonly Recipe[] = [
  ...recipesOf('straight', [
    ...Object.entries(FIELDS).map(
      ([name, value]) =>
        [
          `decision: ${name} flipped and signed so by its owner`,
          field('decisionCounted', 1, name, value),
          'DECISION_REFUSED',
        ] as const,
    ),
    ...Object.entries(CLAIMS).map(
      ([name, value]) =>
        [
          `decision: ${name} flipped in the ledger, chained again, sealed by the engine`,
          (tree: MutableTree) =>
            forge(
              editLedger(tree, (entries) => {
                Object.assign(nth(entries, 'decisionCounted').decision, { [name]: value });
              }),
              ENGINE,
            ),
          'FOLD_DIFFERS',
        ] as const,
    ),
    [
      'decision: about another output, signed so by its owner',
      envelope('decisionCounted', 1, (old) =>
        resigned(
          old,
          ({ subject }) => {
            for (const one of subject) one.digest.sha256 = OTHER;
          },
          VECTOR_KEYS.grace,
        ),
      ),
      'DECISION_REFUSED',
    ],
    [
      'decision: about two outputs, signed so by its owner',
      envelope('decisionCounted', 1, (old) =>
        resigned(
          old,
          ({ subject }) => {
            subject.push(...structuredClone(subject));
          },
          VECTOR_KEYS.grace,
        ),
      ),
      'DECISION_REFUSED',
    ],
    ['decision: made in the future', field('decisionCounted', 1, 'decidedAt', LATER), 'DECISION_REFUSED'],
    ['decision: a field in snake_case', field('decisionCounted', 1, 'decided_at', LATER), 'DECISION_REFUSED'],
    [
      'decision: a field in snake_case beside the same in camelCase',
      field('decisionCounted', 1, 'run_id', 'vector-straight'),
      'DECISION_REFUSED',
    ],
    ['decision: an unknown field', field('decisionCounted', 1, 'reviewed', true), 'DECISION_REFUSED'],
    [
      'decision: a look-alike of the actor, with a Cyrillic а',
      field('decisionCounted', 1, 'actor', 'grаce'),
      'DECISION_REFUSED',
    ],
    [
      'decision: of another predicate',
      envelope('decisionCounted', 1, (old) =>
        resigned(
          old,
          (statement) => {
            statement.predicateType = statement.predicateType.replace('v0.1', 'v0.2');
          },
          VECTOR_KEYS.grace,
        ),
      ),
      'DECISION_REFUSED',
    ],
    ['decision: signed by the writer', by(VECTOR_KEYS.nina), 'DECISION_REFUSED'],
    ['decision: signed by the verifier', by(VECTOR_KEYS.vera), 'DECISION_REFUSED'],
    ['decision: signed by the developer', by(VECTOR_KEYS.ada), 'DECISION_REFUSED'],
    ['decision: signed by the engine', by(VECTOR_KEYS.engine), 'DECISION_REFUSED'],
    ['decision: signed by the other integrator', by(VECTOR_KEYS.ivan), 'DECISION_REFUSED'],
    ['decision: signed by an unknown key', by(VECTOR_KEYS.stranger), 'DECISION_REFUSED'],
    [
      'decision: by the developer, in her own name',
      envelope('decisionCounted', 1, (old) =>
        resigned(
          old,
          ({ predicate }) => {
            predicate.actor = 'ada';
          },
          VECTOR_KEYS.ada,
        ),
      ),
      'DECISION_REFUSED',
    ],
    [
      'decision: by the writer, in its own name',
      envelope('decisionCounted', 1, (old) =>
        resigned(
          old,
          ({ predicate }) => {
            predicate.actor = 'nina';
          },
          VECTOR_KEYS.nina,
        ),
      ),
      'DECISION_REFUSED',
    ],
    [
      "decision: signed by an unknown key under the owner's key id",
      envelope('decisionCounted', 1, (old) => {
        const { sig = '' } = VECTOR_KEYS.stranger.seal(statementOf(old)).signatures[0] ?? {};
        return { ...old, signatures: [{ keyid: VECTOR_KEYS.grace.key.keyid, sig }] };
      }),
      'DECISION_REFUSED',
    ],
    ['decision: its envelope taken away', envelope('decisionCounted', 1, () => null), 'DECISION_REFUSED'],
    [
      'decision: its payload edited and not signed again',
      envelope('decisionCounted', 1, (old) => {
        const statement = statementOf(old);
        statement.predicate.comment = 'With praise.';
        return { ...old, payload: Buffer.from(JSON.stringify(statement)).toString('base64') };
      }),
      'DECISION_REFUSED',
    ],
    [
      'decision: a bit of the signature flipped',
      envelope('decisionCounted', 1, (old) => {
        const [one] = old.signatures;
        const sig = Buffer.from(one?.sig ?? '', 'base64');
        sig[5] = (sig[5] ?? 0) ^ 1;
        return { ...old, signatures: [{ keyid: one?.keyid ?? '', sig: sig.toString('base64') }] };
      }),
      'DECISION_REFUSED',
    ],
    [
      'decision: under another payload type',
      envelope('decisionCounted', 1, (old) =>
        VECTOR_KEYS.grace.sealBytes(Buffer.from(old.payload, 'base64').toString('utf8'), 'application/json'),
      ),
      'DECISION_REFUSED',
    ],
    [
      'decision: its payload in base64url',
      envelope('decisionCounted', 1, (old) => ({
        ...old,
        payload: Buffer.from(old.payload, 'base64').toString('base64url'),
      })),
      'DECISION_REFUSED',
    ],
    [
      'decision: a newline behind its payload',
      envelope('decisionCounted', 1, (old) => ({ ...old, payload: `${old.payload}\n` })),
      'DECISION_REFUSED',
    ],
    [
      'decision: a byte in its payload that is no UTF-8, signed so by its owner',
      envelope('decisionCounted', 1, (old) => {
        const text = Buffer.from(old.payload, 'base64').toString('utf8');
        const [head = '', tail = ''] = text.split('"choice":"approve",');
        const comment = Buffer.concat([
          Buffer.from('"choice":"approve","comment":"'),
          Buffer.of(0xff),
          Buffer.from('",'),
        ]);
        return VECTOR_KEYS.grace.sealBytes(Buffer.concat([Buffer.from(head), comment, Buffer.from(tail)]));
      }),
      'DECISION_REFUSED',
    ],
    [
      'decision: a payload with a key twice, signed so by its owner',
      envelope('decisionCounted', 1, (old) =>
        VECTOR_KEYS.grace.sealBytes(
          Buffer.from(old.payload, 'base64').toString('utf8').replace('"attempt":1', '"attempt":1,"attempt":1'),
        ),
      ),
      'DECISION_REFUSED',
    ],
    [
      'decision: a payload with 1.0 for 1, signed so by its owner',
      envelope('decisionCounted', 1, (old) =>
        VECTOR_KEYS.grace.sealBytes(
          Buffer.from(old.payload, 'base64').toString('utf8').replace('"attempt":1', '"attempt":1.0'),
        ),
      ),
      'DECISION_REFUSED',
    ],
    [
      'decision: a payload with a byte order mark, signed so by its owner',
      envelope('decisionCounted', 1, (old) =>
        VECTOR_KEYS.grace.sealBytes(`\ufeff${Buffer.from(old.payload, 'base64').toString('utf8')}`),
      ),
      'DECISION_REFUSED',
    ],
    ['decision: that of another gate', spliced('straight', 4), 'DECISION_REFUSED'],
    ['decision: that of another run, chained again, sealed by the engine', spliced('rejected', 1), 'DECISION_REFUSED'],
    [
      'decision: the first approval of two counted again instead of the second',
      (tree) =>
        forge(
          editLedger(tree, (entries) => {
            Object.assign(nth(entries, 'decisionCounted', 3), {
              decision: nth(entries, 'decisionCounted', 2).decision,
              envelope: nth(entries, 'decisionCounted', 2).envelope,
            });
          }),
          ENGINE,
        ),
      'DECISION_REFUSED',
    ],
    [
      'decision: both approvals by one integrator',
      (tree) =>
        forge(
          editLedger(tree, (entries) => {
            const entry = signedEntry(entries, 'decisionCounted', 3);
            const sealed = resigned(
              entry.envelope,
              ({ predicate }) => {
                predicate.actor = 'grace';
                predicate.decisionId = 'once-more';
              },
              VECTOR_KEYS.grace,
            );
            Object.assign(entry, { envelope: sealed });
          }),
          ENGINE,
        ),
      'DECISION_REFUSED',
    ],
    [
      'decision: a high finding not acknowledged',
      (tree) =>
        forge(
          editLedger(tree, (entries) => {
            const entry = signedEntry(entries, 'decisionCounted', 7);
            Object.assign(entry, {
              envelope: resigned(
                entry.envelope,
                ({ predicate }) => {
                  predicate.acknowledged = [];
                },
                VECTOR_KEYS.grace,
              ),
            });
          }),
          ENGINE,
        ),
      'DECISION_REFUSED',
    ],
    [
      'decision: counted before its gate finished',
      (tree) =>
        forge(
          editLedger(tree, (entries) => {
            const decided = nth(entries, 'decisionCounted');
            const finished = nth(entries, 'gateFinished');
            const rest = entries.filter((entry) => entry !== decided);
            decided.at = finished.at;
            return rest.flatMap((entry) => (entry === finished ? [decided, entry] : [entry]));
          }),
          ENGINE,
        ),
      'DECISION_REFUSED',
    ],
  ]),
  ...recipesOf('reworked', [
    [
      'decision: the approval of an attempt that was voided, for the one after it',
      (tree) =>
        forge(
          editLedger(tree, (entries) => {
            const first = nth(entries, 'decisionCounted', 5);
            Object.assign(nth(entries, 'decisionCounted', 7), { decision: first.decision, envelope: first.envelope });
          }),
          ENGINE,
        ),
      'DECISION_REFUSED',
    ],
    [
      'decision: a rejection turned into an approval by its owner',
      field('decisionCounted', 6, 'choice', 'approve'),
      'DECISION_REFUSED',
    ],
    ['decision: a rejection without its reason', field('decisionCounted', 6, 'reason', ''), 'DECISION_REFUSED'],
    [
      'decision: a rejection to a gate that comes later',
      field('decisionCounted', 6, 'toGate', 'P07'),
      'DECISION_REFUSED',
    ],
  ]),
  ...recipesOf('rotated', [
    ['decision: signed with the key that was valid before', by(VECTOR_KEYS['grace-old']), 'DECISION_REFUSED'],
  ]),
];

/** Puts a decision of another place into the place of the first one. */
function spliced(from: 'straight' | 'rejected', number: number): Recipe['break'] {
  return (tree, genuine) =>
    forge(
      editLedger(tree, (entries) => {
        const other = signedEntry(genuine(from).ledger() as Loose<LedgerEntry>[], 'decisionCounted', number);
        Object.assign(nth(entries, 'decisionCounted'), { decision: other.decision, envelope: other.envelope });
      }),
      ENGINE,
    );
}
