import type { Cancellation, Decision, PersonEscalation, Resolution } from '../contracts/decisions.js';
import type { Envelope } from '../contracts/keys.js';
import type { KeyProtection } from '../contracts/names.js';
import type { GovernedRunInput } from '../contracts/run-plan.js';
import {
  cancellationStatement,
  decisionStatement,
  escalationStatement,
  resolutionStatement,
  runRequestStatement,
} from './acts.js';
import { sealStatement } from './envelope.js';
import type { Statement } from './statement.js';

/** What signs: fits the port `Signer`. */
export interface MessageSigner {
  readonly keyid: string;
  /** The 32 bytes, as base64. */
  readonly publicKey: string;
  /** How the private key is kept, where the signer knows. */
  readonly protection?: KeyProtection;
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** How long a signed message may wait for a worker: as long as the default policy lets a request stand. */
const LIFETIME_MS = 14 * 24 * 3_600_000;

const seal = (statement: Statement, signer: MessageSigner): Promise<Envelope> =>
  sealStatement(statement, { keyid: signer.keyid, raw: signer.publicKey }, (message) => signer.sign(message));

/** As `Date.prototype.toISOString` writes it; the caller brings the clock. */
const instant = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** When a message is made, until when it counts, and how its key is kept. @param now milliseconds since the epoch */
const timed = <M extends object>(message: M, now: number, { protection }: Pick<MessageSigner, 'protection'> = {}) => ({
  decided_at: instant(now),
  expires_at: instant(now + LIFETIME_MS),
  ...(protection === undefined ? {} : { key_protection: protection }),
  ...message,
});

export const sealDecision = (decision: Decision, signer: MessageSigner, now: number): Promise<Envelope> =>
  seal(decisionStatement(timed(decision, now, signer)), signer);

export const sealResolution = (
  resolution: Resolution & { readonly report_sha256: string },
  signer: MessageSigner,
  now: number,
): Promise<Envelope> => seal(resolutionStatement(timed(resolution, now, signer)), signer);

export const sealEscalation = (
  escalation: PersonEscalation,
  policySha256: string,
  signer: MessageSigner,
  now: number,
): Promise<Envelope> => seal(escalationStatement(timed(escalation, now, signer), policySha256), signer);

export const sealCancellation = (cancellation: Cancellation, signer: MessageSigner, now: number): Promise<Envelope> =>
  seal(cancellationStatement(timed(cancellation, now, signer)), signer);

export const sealRunRequest = (run: GovernedRunInput, signer: MessageSigner, now: number): Promise<Envelope> =>
  seal(runRequestStatement(run, instant(now)), signer);
