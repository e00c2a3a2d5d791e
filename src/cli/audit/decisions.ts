import { canonicalJson } from '../../contracts/json.js';
import type { Envelope } from '../../contracts/keys.js';
import type { LedgerEntry } from '../../contracts/ledger.js';
import type { RunPlan } from '../../contracts/run-plan.js';
import { PREDICATES } from '../../domain/attest/statement.js';
import { authenticate } from '../../domain/judge/authenticate.js';

/** A decision, a resolution or a cancellation that counted, and who is answerable for it. */
export interface TracedDecision {
  readonly seq: number;
  readonly at: string;
  readonly kind: 'decision' | 'resolution' | 'cancellation';
  /** Gate and attempt such as `P05.2`, an escalation such as `E1`, or `run`. */
  readonly about: string;
  readonly choice: string;
  readonly actor: string;
  /** The key that signed it; null for one that is unauthenticated. */
  readonly keyid: string | null;
  /** `none`: the actor's name is a claim. */
  readonly signature: 'valid' | 'invalid' | 'none';
}

/** Every decision, resolution and cancellation of a ledger; signatures are checked with the keys that the run pinned. */
export function tracedDecisions(entries: readonly LedgerEntry[]): readonly TracedDecision[] {
  const [opening] = entries;
  const plan = opening?.type === 'runOpened' ? opening.plan : null;
  return entries.flatMap((entry): TracedDecision[] => {
    if (entry.type === 'decisionCounted') {
      const { seq, at, decision, envelope } = entry;
      const signature = judge(plan, envelope, PREDICATES.gateDecision, decision, at);
      const about = `${decision.gate}.${decision.attempt}`;
      return [{ seq, at, kind: 'decision', about, ...said(decision), keyid: keyOf(envelope), signature }];
    }
    if (entry.type === 'escalationResolved') {
      const { seq, at, resolution, envelope } = entry;
      const signature = judge(plan, envelope, PREDICATES.escalationResolution, resolution, at);
      const about = resolution.escalation_id;
      return [{ seq, at, kind: 'resolution', about, ...said(resolution), keyid: keyOf(envelope), signature }];
    }
    if (entry.type === 'cancellationCounted') {
      const { seq, at, cancellation, envelope } = entry;
      const { actor } = cancellation;
      const signature = judge(plan, envelope, PREDICATES.runCancellation, cancellation, at);
      return [
        { seq, at, kind: 'cancellation', about: 'run', choice: 'cancel', actor, keyid: keyOf(envelope), signature },
      ];
    }
    return [];
  });
}

const said = ({ choice, actor }: { readonly choice: string; readonly actor: string }) => ({ choice, actor });

const keyOf = (envelope: Envelope | null): string | null => envelope?.signatures[0]?.keyid ?? null;

/** Whether an envelope is signed by the actor and says what the ledger says. */
function judge(
  plan: RunPlan | null,
  envelope: Envelope | null,
  predicate: string,
  message: { readonly actor: string },
  at: string,
): TracedDecision['signature'] {
  if (envelope === null) return 'none';
  if (plan === null) return 'invalid';
  const opened = authenticate(plan, envelope, predicate, at);
  if (!('signer' in opened) || opened.signer !== message.actor) return 'invalid';
  return canonicalJson(opened.content) === canonicalJson(message) ? 'valid' : 'invalid';
}
