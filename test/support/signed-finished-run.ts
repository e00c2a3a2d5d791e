import { canonicalJson, canonicalSha256 } from '../../src/contracts/json.js';
import type { LedgerEntry, LedgerEvent } from '../../src/contracts/run/ledger.js';
import {
  decisionStatement,
  gateAttemptStatement,
  resolutionStatement,
  runRequestStatement,
} from '../../src/domain/attest/acts.js';
import { appendEntry, headOf } from '../../src/domain/ledger/ledger-chain.js';
import type { ArtifactStore } from '../../src/ports/artifact-store.js';
import type { Signer, SignerRegistry } from '../../src/ports/signer.js';
import { type FinishedRun, type FinishedRunOptions, finishedRun } from './finished-run.js';
import { makeTestKey, type TestKey } from './signing.js';

export type RunKeys = Readonly<Record<'ada' | 'grace' | 'quill' | 'lens' | 'fox' | 'engine', TestKey>>;

/** A signer over a test's key. */
export const signerOfKey = (key: TestKey): Signer => ({
  keyid: key.key.keyid,
  publicKey: key.key.raw,
  sign: async (message) => key.sign(message),
});

/** A worker with exactly these keys. */
export const signersOf = (keys: Readonly<Record<string, TestKey>>): SignerRegistry => {
  const find = (name: string) => (keys[name] === undefined ? null : signerOfKey(keys[name]));
  return { forPrincipal: (name) => (name === 'engine' ? null : find(name)), forEngine: () => find('engine') };
};

export const makeRunKeys = (): RunKeys => ({
  ada: makeTestKey(),
  grace: makeTestKey(),
  quill: makeTestKey(),
  lens: makeTestKey(),
  fox: makeTestKey(),
  engine: makeTestKey(),
});

/** The policy of a finished run, under which everything must be signed. */
export const signedPolicyText = (keys: RunKeys, engine = `[{ public: '${keys.engine.line}' }]`): string => `
schema_version: 1
name: ours
principals:
${(['ada', 'grace', 'quill', 'lens', 'fox'] as const)
  .map((name) => `  ${name}: { kind: human, keys: [{ public: '${keys[name].line}' }] }`)
  .join('\n')}
roles: { writer: quill, verifier: lens, reviewer: fox, integrator: [grace] }
engine: { keys: ${engine} }
decisions: { authentication: required }
attestations: ${engine === '[]' ? 'optional' : 'required'}
prompt_packs: ['${'9'.repeat(64)}']
`;

export interface SignedFinishedRun extends FinishedRun {
  readonly keys: RunKeys;
  readonly signers: SignerRegistry;
}

/** The finished run with every act signed by whose it was. */
export async function signedFinishedRun(
  store: ArtifactStore,
  options: FinishedRunOptions = {},
  keys = makeRunKeys(),
): Promise<SignedFinishedRun> {
  const { engine, ...people } = keys;
  const plan = {
    authentication: 'required' as const,
    attestations: 'required' as const,
    keys: Object.fromEntries(Object.entries(people).map(([name, { pinned }]) => [name, [pinned]])),
    request_signed_by: { principal: 'ada', keyid: keys.ada.key.keyid },
  };
  const base = await finishedRun(store, {
    policy: signedPolicyText(keys),
    ...options,
    plan: { ...plan, ...options.plan },
  });
  const requestEnvelope = keys.ada.seal(runRequestStatement(base.run, '2026-01-02T03:04:05.000Z'));
  const request = await store.putObject(Buffer.from(canonicalJson(requestEnvelope)));
  const run = { ...base.run, request_attestation_sha256: request.sha256 };
  const reports = new Map<string, string>();
  const entries: LedgerEntry[] = [];
  for (const { seq: _seq, prev: _prev, hash: _hash, at, ...event } of base.entries) {
    const times = { decided_at: at, expires_at: '2026-02-01T00:00:00.000Z' };
    entries.push(appendEntry(headOf(entries), at, signedEvent(event, times)));
  }
  function signedEvent(event: LedgerEvent, times: { decided_at: string; expires_at: string }): LedgerEvent {
    switch (event.type) {
      case 'runOpened':
        return { ...event, run };
      case 'gateFinished':
        return { ...event, attestation: attest(event) };
      case 'decisionCounted': {
        const decision = { ...event.decision, ...times };
        return { ...event, decision, envelope: keys.grace.seal(decisionStatement(decision)) };
      }
      case 'escalationOpened':
        reports.set(event.escalation_id, canonicalSha256(event.report));
        return event;
      case 'escalationResolved': {
        const report_sha256 = reports.get(event.resolution.escalation_id) ?? '';
        const resolution = { ...event.resolution, ...times, report_sha256 };
        return { ...event, resolution, envelope: keys.grace.seal(resolutionStatement(resolution)) };
      }
      default:
        return event;
    }
  }
  function attest(event: Extract<LedgerEvent, { type: 'gateFinished' }>) {
    const { gate, attempt, verdict, output_sha256 } = event;
    const record = base.attempts.get(output_sha256);
    if (record === undefined) throw new Error(`no record of ${gate}.${attempt}`);
    const statement = gateAttemptStatement(output_sha256, {
      runId: run.run_id,
      gate,
      attempt,
      principal: record.principal,
      verdict,
      policySha256: run.policy_sha256,
      promptSha256: record.prompt.sha256,
      renderedPromptSha256: record.tries.at(-1)?.rendered_prompt_sha256 ?? null,
    });
    return keys[record.principal as 'quill' | 'lens' | 'fox'].seal(statement);
  }
  return { ...base, run, entries, head: headOf(entries), keys, signers: signersOf(keys) };
}
