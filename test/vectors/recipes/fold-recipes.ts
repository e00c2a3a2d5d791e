import type { Cancellation } from '../../../src/contracts/run/decisions.js';
import type { LedgerEntry } from '../../../src/contracts/run/ledger.js';
import { cancellationStatement } from '../../../src/domain/attest/acts.js';
import { VECTOR_KEYS, type VectorKey } from '../../support/vector-keys.js';
import { type Entries, gone, inserted, insider, nth, twice, without } from './ledger-edits.js';
import { type Recipe, recipesOf } from './recipe.js';

/** The run is cancelled by a message, signed with the key; null: unsigned. */
const cancelledBy =
  (key: VectorKey | null, said: Partial<Cancellation> = {}) =>
  (entries: Entries): Entries => {
    const { run } = nth(entries, 'runOpened');
    const closing = nth(entries, 'runClosed');
    const times = { decided_at: closing.at, expires_at: '2099-01-01T00:00:00.000Z' };
    const cancellation: Cancellation = {
      decision_id: 'forged',
      run_id: run.run_id,
      policy_sha256: run.policy_sha256,
      actor: 'grace',
      reason: 'enough',
      ...(key === null ? {} : times),
      ...said,
    };
    const envelope = key === null ? null : key.seal(cancellationStatement(cancellation));
    const counted = { ...closing, type: 'cancellationCounted', cancellation, envelope };
    for (const field of ['outcome', 'reason', 'refusals_counted', 'through']) Reflect.deleteProperty(counted, field);
    const closed = { ...closing, reason: cancellation.reason };
    Reflect.deleteProperty(closed, 'through');
    return [...entries.slice(0, -1), counted as Entries[number], closed];
  };

/** The ledger is whole and sealed, and yet tells what the rules would not have written. */
export const FOLD_RECIPES: readonly Recipe[] = [
  ...recipesOf('reworked', [
    ['ledger: the run opened twice', insider(twice('runOpened')), 'FOLD_DIFFERS'],
    [
      'ledger: an entry behind the closing',
      insider((entries) => [...entries.slice(0, -1), nth(entries, 'runClosed'), { ...nth(entries, 'runClosed') }]),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: a refusal in other words',
      insider((entries) => {
        nth(entries, 'refused').message = 'It was late.';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: refusals counted that never occurred',
      insider((entries) => {
        nth(entries, 'runClosed').refusals_counted = { MALFORMED: 7 };
      }),
      'FOLD_DIFFERS',
    ],
    ['ledger: a gate started twice', insider(twice('gateStarted', 3)), 'FOLD_DIFFERS'],
    [
      'ledger: a gate started by another principal',
      insider((entries) => {
        nth(entries, 'gateStarted', 5).principal = 'nina';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: a gate started out of order',
      insider((entries) => {
        nth(entries, 'gateStarted', 3).gate = 'P05';
      }),
      'FOLD_DIFFERS',
    ],
    ['ledger: a gate finished and never started', insider(gone('gateStarted', 3)), 'FOLD_DIFFERS'],
    ...(['decisionRequested', 'gatePassed', 'gateSentBack'] as const).map(
      (type) =>
        [
          `ledger: a ${type} later than what it follows from`,
          insider((entries) => {
            const entry = nth(entries, type);
            entry.at = (entries[entries.indexOf(entry) + 1] as LedgerEntry).at;
          }),
          'FOLD_DIFFERS',
        ] as const,
    ),
    ['ledger: a decision dropped', insider(gone('decisionCounted', 1)), 'FOLD_DIFFERS'],
    [
      'ledger: a rejection dropped',
      insider((entries) =>
        without(
          entries,
          entries.find((entry) => entry.type === 'decisionCounted' && entry.decision.choice === 'reject'),
        ),
      ),
      'FOLD_DIFFERS',
    ],
    ['ledger: a gate passed with one approval of two', insider(gone('decisionCounted', 3)), 'FOLD_DIFFERS'],
    ['ledger: the send-back dropped', insider(gone('gateSentBack')), 'FOLD_DIFFERS'],
    [
      'ledger: the send-back voids less',
      insider((entries) => {
        nth(entries, 'gateSentBack').voided.pop();
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: the send-back goes elsewhere',
      insider((entries) => {
        nth(entries, 'gateSentBack').to_gate = 'P06';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: the send-back says something else',
      insider((entries) => {
        for (const one of nth(entries, 'gateSentBack').feedback) one.text = 'Well done.';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: a request under another name',
      insider((entries) => {
        nth(entries, 'decisionRequested').request_id = 'P00.1.2';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: a gate passed by others',
      insider((entries) => {
        nth(entries, 'gatePassed', 2).approved_by = ['grace'];
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: a gate passed and never decided',
      insider((entries) =>
        inserted(entries, nth(entries, 'decisionCounted'), {
          ...nth(entries, 'gatePassed'),
          at: nth(entries, 'decisionRequested').at,
        }),
      ),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: a reminder that was not due',
      insider((entries) =>
        inserted(entries, nth(entries, 'decisionCounted'), {
          type: 'reminded',
          at: nth(entries, 'decisionRequested').at,
          request_id: 'P00.1.1',
        }),
      ),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: approved for another reason',
      insider((entries) => {
        nth(entries, 'runClosed').reason = 'Grace says so.';
      }),
      'FOLD_DIFFERS',
    ],
  ]),
  ...recipesOf('rejected', [
    [
      'ledger: rejected is approved',
      insider((entries) => {
        nth(entries, 'runClosed').outcome = 'approved';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: rejected for another reason',
      insider((entries) => {
        nth(entries, 'runClosed').reason = 'Too late.';
      }),
      'FOLD_DIFFERS',
    ],
  ]),
  ...recipesOf('cancelled', [
    [
      'ledger: cancelled through Temporal, and not marked as that',
      insider((entries) => {
        Reflect.deleteProperty(nth(entries, 'runClosed'), 'through');
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: cancelled through Temporal for an invented reason',
      insider((entries) => {
        nth(entries, 'runClosed').reason = 'grace asked for it';
      }),
      'FOLD_DIFFERS',
    ],
    ["ledger: cancelled in grace's name, without a signature", insider(cancelledBy(null)), 'CANCELLATION_REFUSED'],
    [
      "ledger: cancelled in grace's name, signed by the reviewer",
      insider(cancelledBy(VECTOR_KEYS.rex)),
      'CANCELLATION_REFUSED',
    ],
    [
      'ledger: cancelled by a principal whom the policy does not let cancel',
      insider(cancelledBy(VECTOR_KEYS.rex, { actor: 'rex' })),
      'CANCELLATION_REFUSED',
    ],
    [
      'ledger: cancelled by what was signed for another run',
      insider(cancelledBy(VECTOR_KEYS.grace, { run_id: 'vector-another' })),
      'CANCELLATION_REFUSED',
    ],
    [
      'ledger: a signed cancellation that closes the run for another reason',
      insider((entries) => {
        const { at } = nth(entries, 'runClosed');
        return cancelledBy(VECTOR_KEYS.grace)(entries).with(-1, {
          ...nth(entries, 'runClosed'),
          at,
          reason: 'another',
        });
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: cancelled is expired',
      insider((entries) => {
        nth(entries, 'runClosed').outcome = 'expired';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: cancelled is approved',
      insider((entries) => {
        nth(entries, 'runClosed').outcome = 'approved';
      }),
      'FOLD_DIFFERS',
    ],
  ]),
  ...recipesOf('cancelled-signed', [
    [
      'ledger: a signed cancellation without its envelope',
      insider((entries) => {
        nth(entries, 'cancellationCounted').envelope = null;
      }),
      'CANCELLATION_REFUSED',
    ],
    [
      'ledger: a signed cancellation in the name of another person',
      insider((entries) => {
        nth(entries, 'cancellationCounted').cancellation.actor = 'grace';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: a signed cancellation with another reason',
      insider((entries) => {
        nth(entries, 'cancellationCounted').cancellation.reason = 'Not worth it.';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: a signed cancellation that says it came through Temporal',
      insider((entries) => {
        nth(entries, 'runClosed').through = 'temporal';
      }),
      'FOLD_DIFFERS',
    ],
    ['ledger: a signed cancellation without its closing reason', insider(gone('cancellationCounted')), 'FOLD_DIFFERS'],
  ]),
  ...recipesOf('unopened', [
    [
      'ledger: a run that never opened is approved',
      insider((entries) => {
        nth(entries, 'runClosed').outcome = 'approved';
      }),
      'FOLD_DIFFERS',
    ],
  ]),
  ...recipesOf('escalated', [
    ['ledger: an escalation dropped', insider(gone('escalationOpened')), 'FOLD_DIFFERS'],
    ['ledger: a resolution dropped', insider(gone('escalationResolved')), 'FOLD_DIFFERS'],
    [
      "ledger: a person's escalation and its resolution dropped",
      insider((entries) =>
        without(entries, nth(entries, 'escalationOpened', 2), nth(entries, 'escalationResolved', 2)),
      ),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: an escalation for another reason',
      insider((entries) => {
        nth(entries, 'escalationOpened').report.issue = 'None.';
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: an escalation that was not security sensitive is',
      insider((entries) => {
        nth(entries, 'escalationOpened', 2).report.security_sensitive = true;
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: more was waived',
      insider((entries) => {
        nth(entries, 'escalationResolved', 2).waived.push('scope-1');
      }),
      'FOLD_DIFFERS',
    ],
    [
      'ledger: nothing was waived',
      insider((entries) => {
        nth(entries, 'escalationResolved', 2).waived = [];
      }),
      'FOLD_DIFFERS',
    ],
  ]),
];
