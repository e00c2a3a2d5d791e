import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { DecisionAnswer } from '../contracts/run/decisions.js';
import type { LedgerEntry } from '../contracts/run/ledger.js';
import type { RunStatus } from '../contracts/run/run-status.js';

/*
 * What people and programs send to a run. Each human signal takes at most one JSON value, since that is what the Web UI
 * sends, and does something harmless with none.
 */

export const approveSignal = defineSignal<[unknown?]>('approve');
export const rejectSignal = defineSignal<[unknown?]>('reject');
export const escalateSignal = defineSignal<[unknown?]>('escalate');
export const resolveEscalationSignal = defineSignal<[unknown?]>('resolveEscalation');
export const cancelSignal = defineSignal<[unknown?]>('cancel');

/** The journal has something new about a gate that is done elsewhere. Carries nothing: what counts is signed in the journal. */
export const handOffSignal = defineSignal<[]>('handOff');

/** Takes a `HumanMessage` and answers whether it counted. A refusal is an answer, so that it leaves a trace. */
export const decideUpdate = defineUpdate<DecisionAnswer, [unknown]>('decide');

export const statusQuery = defineQuery<RunStatus>('status');
/** The entries of the current execution's part of the ledger, the oldest first. */
export const ledgerQuery = defineQuery<readonly LedgerEntry[]>('ledger');
