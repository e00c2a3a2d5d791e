import { canonicalSha256 } from '../../../src/contracts/json.js';
import { REFUSAL_REASONS } from '../../../src/contracts/run/decisions.js';
import type { EscalationReport } from '../../../src/contracts/run/escalation.js';
import type { JournalEntry } from '../../../src/contracts/run/journal.js';
import { envelopeSha256 } from '../../../src/domain/attest/envelope.js';
import { openingOf } from '../../../src/domain/ledger/closed-ledger.js';
import { escalationPath } from '../../../src/domain/record/published-tree.js';
import { refuse } from '../../../src/domain/run/refusals.js';
import { ALL_KEYS, forge } from '../../support/forge-tree.js';
import type { Loose, MutableTree } from '../../support/mutable-tree.js';
import { editLedger } from '../../support/rechain.js';
import { VECTOR_KEYS } from '../../support/vector-keys.js';
import { dropped, headBy, type Journal, journalled, placeOf, putAt } from './journal-edits.js';
import { rejection } from './journal-recipes.js';
import { type Entries, inserted, nth, without } from './ledger-edits.js';
import { type Recipe, recipesOf } from './recipe.js';
import { envelope, field, OTHER, resigned, signedEntry, statementOf } from './signed-entries.js';

/** The ledger changed, and everybody signs whatever follows from it, the journal's heads too. */
const everybody =
  (change: (entries: Entries) => unknown): Recipe['break'] =>
  (tree) =>
    forge(editLedger(tree, change), ALL_KEYS);

/** The report of the fork says something else, and the integrator resolved that one. */
const reported = (change: (report: Loose<EscalationReport>) => unknown): Recipe['break'] =>
  everybody((entries) => {
    const { report } = nth(entries, 'escalationOpened');
    change(report);
    const sha256 = canonicalSha256(report);
    const resolved = signedEntry(entries, 'escalationResolved', 1);
    const { resolution } = nth(entries, 'escalationResolved');
    resolution.report_sha256 = sha256;
    resolved.envelope = resigned(
      resolved.envelope,
      ({ subject }) => {
        for (const one of subject) one.digest.sha256 = sha256;
      },
      VECTOR_KEYS.ivan,
    );
  });

const fork = (field: 'journal_entries' | 'ledger_entries' | 'missing', by: number) =>
  reported((report) => {
    if (report.fork) report.fork[field] += by;
  });

/** The message that was left behind. */
const isForgotten = (entry: JournalEntry): boolean =>
  entry.kind === 'message' && statementOf(entry.envelope).predicate.decisionId === 'forgotten';

/** The engine signs over the ledger as it is now that the run closes. */
function closedAnew(entries: Journal, tree: MutableTree): JournalEntry[] {
  const ledger = tree.ledger();
  const last = ledger.at(-2);
  const head = { entries: ledger.length - 1, hash: last?.hash ?? '', gate: null, attempt: 0, by: 'engine' } as const;
  const closing = headBy(VECTOR_KEYS.engine, { run_id: openingOf(ledger).run.run_id, purpose: 'close', ...head });
  return putAt(entries, placeOf(entries, 'end'), closing);
}

/** The place of a refusal in the ledger, and what it says. */
const refusalOf = (entries: Entries, number: number) => nth(entries, 'refused', number);

/** The journal shows entries that the run dropped, and no integrator's key accounts for them. */
export const FORK_RECIPES: readonly Recipe[] = [
  ...recipesOf('forked', [
    [
      'fork: missing in the ledger, everybody signs it',
      (tree, genuine) => {
        everybody((entries) => without(entries, nth(entries, 'escalationOpened'), nth(entries, 'escalationResolved')))(
          tree.remove(escalationPath('E1')),
          genuine,
        );
        return journalled(closedAnew)(tree, genuine);
      },
      'JOURNAL_FORK',
    ],
    [
      'fork: never resolved, everybody signs it',
      everybody((entries) => without(entries, nth(entries, 'escalationResolved'))),
      'FOLD_DIFFERS',
    ],
    ['fork: its resolution not signed', envelope('escalationResolved', 1, () => null), 'RESOLUTION_REFUSED'],
    [
      'fork: its resolution names another report',
      envelope('escalationResolved', 1, (old) =>
        resigned(
          old,
          ({ subject }) => {
            for (const one of subject) one.digest.sha256 = OTHER;
          },
          VECTOR_KEYS.ivan,
        ),
      ),
      'RESOLUTION_REFUSED',
    ],
    [
      'fork: its resolution signed by the developer',
      envelope('escalationResolved', 1, (old) => resigned(old, () => undefined, VECTOR_KEYS.ada)),
      'RESOLUTION_REFUSED',
    ],
    [
      'fork: its resolution of another escalation',
      field('escalationResolved', 1, 'escalationId', 'E2', VECTOR_KEYS.ivan),
      'RESOLUTION_REFUSED',
    ],
    [
      'fork: resolved by ending the run, and the run goes on',
      field('escalationResolved', 1, 'choice', 'abort', VECTOR_KEYS.ivan),
      'FOLD_DIFFERS',
    ],
    [
      'fork: a report with another digest of what is missing, resolved so',
      reported((report) => {
        if (report.fork) report.fork.missing_sha256 = OTHER;
      }),
      'JOURNAL_DIFFERS',
    ],
    ['fork: a report with fewer missing entries, resolved so', fork('missing', -1), 'JOURNAL_DIFFERS'],
    ['fork: a report with more missing entries, resolved so', fork('missing', 1), 'JOURNAL_DIFFERS'],
    ['fork: a report over less of the journal, resolved so', fork('journal_entries', -2), 'JOURNAL_DIFFERS'],
    ['fork: a report over more of the journal, resolved so', fork('journal_entries', 1), 'JOURNAL_DIFFERS'],
    [
      'fork: a report over more of the journal than there is, resolved so',
      fork('journal_entries', 100),
      'JOURNAL_DIFFERS',
    ],
    ['fork: a report over less of the ledger, resolved so', fork('ledger_entries', -2), 'JOURNAL_DIFFERS'],
    ['fork: a report over more of the ledger, resolved so', fork('ledger_entries', 1), 'JOURNAL_DIFFERS'],
    [
      'fork: a report that names something else as missing, resolved so',
      reported((report) => {
        report.context = '- nothing to speak of';
      }),
      'JOURNAL_DIFFERS',
    ],
    [
      'fork: a report in milder words, resolved so',
      reported((report) => {
        report.impact = 'None.';
      }),
      'JOURNAL_DIFFERS',
    ],
    [
      'fork: reported as a deadline',
      everybody((entries) => {
        nth(entries, 'escalationOpened').report.trigger = 'deadline';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'fork: the rejection dropped from the journal',
      journalled((entries) => dropped(entries, isForgotten)),
      'JOURNAL_DIFFERS',
    ],
    [
      'fork: the abandoned heads dropped from the journal',
      journalled((entries, tree) => {
        const hashes = new Set(tree.ledger().map(({ hash }) => hash));
        return dropped(entries, (entry) => entry.kind === 'head' && !hashes.has(entry.head.hash));
      }),
      'JOURNAL_DIFFERS',
    ],
    [
      'fork: the rejection exchanged for a milder one',
      journalled((entries, tree) =>
        entries.map((entry) => (isForgotten(entry as JournalEntry) ? rejection(tree, { reason: 'A detail.' }) : entry)),
      ),
      'JOURNAL_DIFFERS',
    ],
    [
      'fork: one message more, and the resolution does not know of it',
      journalled((entries, tree) =>
        putAt(
          entries,
          entries.findIndex((entry) => isForgotten(entry as JournalEntry)),
          rejection(tree, { reason: 'And it has no date.', request_id: 'P00.2.1' }),
        ),
      ),
      'JOURNAL_DIFFERS',
    ],
    [
      'fork: another rejection after the resolution',
      journalled((entries, tree) =>
        putAt(entries, placeOf(entries, 'close'), rejection(tree, { request_id: 'P00.2.1', attempt: 2 })),
      ),
      'JOURNAL_FORK',
    ],
  ]),
  ...recipesOf('straight', [
    [
      'fork: one that the journal does not show, everybody signs it',
      (tree, genuine) =>
        forge(
          editLedger(tree, (entries) => {
            const other = genuine('forked').ledger() as Entries;
            const raised = { ...nth(other, 'escalationOpened'), at: nth(entries, 'gateStarted', 2).at };
            return inserted(entries, nth(entries, 'gateStarted', 2), raised);
          }),
          ALL_KEYS,
        ),
      'FOLD_DIFFERS',
    ],
    [
      'refusal: of a signed message that would have counted, everybody signs it',
      everybody((entries) => {
        const decided = signedEntry(entries, 'decisionCounted', 1);
        const { decision, at } = nth(entries, 'decisionCounted');
        return inserted(entries, decided, {
          type: 'refused',
          at,
          kind: 'decision',
          reason: 'RUN_MISMATCH',
          message: refuse('RUN_MISMATCH').message,
          claimed_actor: decision.actor,
          decision_id: decision.decision_id,
          message_sha256: envelopeSha256(decided.envelope),
        });
      }),
      'FOLD_DIFFERS',
    ],
  ]),
  ...recipesOf('reworked', [
    [
      'refusal: of a signed message for another reason than its own, everybody signs it',
      everybody((entries) => {
        const refused = refusalOf(entries, 2);
        const reason = REFUSAL_REASONS.find((one) => one !== refused.reason) ?? refused.reason;
        Object.assign(refused, { reason, message: refuse(reason).message });
      }),
      'FOLD_DIFFERS',
    ],
    [
      'refusal: of another message than the journal has, everybody signs it',
      everybody((entries) => {
        refusalOf(entries, 2).message_sha256 = OTHER;
      }),
      'JOURNAL_FORK',
    ],
    [
      'refusal: that names no message, everybody signs it',
      everybody((entries) => {
        Reflect.deleteProperty(refusalOf(entries, 2), 'message_sha256');
      }),
      'JOURNAL_FORK',
    ],
    [
      'refusal: of a signed message dropped, everybody signs it',
      everybody((entries) => without(entries, refusalOf(entries, 2))),
      'JOURNAL_FORK',
    ],
  ]),
];
