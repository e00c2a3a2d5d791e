import { afterEach, describe, expect, test } from 'vitest';
import { canonicalSha256 } from '../../../src/contracts/json.js';
import { type Envelope, envelopeSchema } from '../../../src/contracts/keys.js';
import type { AttemptRecord } from '../../../src/contracts/record/attempt.js';
import type { ExecuteGateResult } from '../../../src/contracts/run/activities.js';
import { openEnvelope } from '../../../src/domain/attest/envelope.js';
import { CONSTRAINED_BUILD, SLSA_PROVENANCE, TEST_RESULT } from '../../../src/domain/attest/predicates.js';
import { PREDICATES, readStatement } from '../../../src/domain/attest/statement.js';
import { findingFingerprint } from '../../../src/domain/record/sarif.js';
import { exampleOutputs } from '../../support/gate-outputs.js';
import {
  createGovernedRepository,
  EXAMPLE_POLICY,
  type GovernedRepository,
} from '../../support/governed-repository.js';
import { edits, fails, outputs } from '../../support/scripted-executor.js';
import { signersOf } from '../../support/signed-finished-run.js';
import { makeTestKey, type TestKey } from '../../support/signing.js';

const good = exampleOutputs();
const KEYS = { nina: makeTestKey(), vera: makeTestKey(), rex: makeTestKey() };

/** The example policy without its baseline, with keys for those who do gates. */
const policyWith = (keys: Readonly<Record<string, TestKey>>): string =>
  Object.entries(keys).reduce(
    (text, [name, { line }]) =>
      text.replace(`${name}: { kind: agent }`, `${name}: { kind: agent, keys: [{ public: '${line}' }] }`),
    `${EXAMPLE_POLICY}baseline: off\n`,
  );

let given: GovernedRepository | undefined;
afterEach(async () => given?.remove());

async function surroundings(policy = policyWith(KEYS), held: Readonly<Record<string, TestKey>> = KEYS) {
  given = await createGovernedRepository({ policy, signers: signersOf(held) });
  return given;
}

function opened(envelope: Envelope | null, { key }: TestKey): unknown {
  const result = envelope === null ? null : openEnvelope(envelope, [key]);
  return result?.ok ? result.payload : result;
}

const attestation = async (at: GovernedRepository, record: AttemptRecord, name: string): Promise<Envelope> =>
  envelopeSchema.parse(JSON.parse(await at.text(record, `evidence/attestations/${name}.dsse.json`)));

const RIGHT = { 'src/split.js': "export const split = 'right';\n" };
const build = (at: GovernedRepository, files: Readonly<Record<string, string>> = RIGHT) => {
  at.executors.script('nina', edits(files, outputs(good.P05)));
  return at.executeGate(at.input('P05'));
};
const verify = (at: GovernedRepository, built: ExecuteGateResult) => {
  at.executors.script('vera', outputs(good.P06));
  return at.executeGate(at.input('P06', { inputs: { P05: built.output_sha256 } }));
};

describe('executeGate, signing', () => {
  test("a result is signed by its principal's key, about the record, in at most 2 KiB", async () => {
    const at = await surroundings();
    at.executors.script('nina', outputs(good.P00));
    const result = await at.executeGate(at.input('P00'));
    const record = await at.record(result);
    const payload = opened(result.attestation, KEYS.nina);
    expect(readStatement(payload, PREDICATES.gateAttemptV2)).toMatchObject({
      subject: [{ name: 'P00.1', digest: { sha256: result.output_sha256 } }],
      predicate: {
        runId: at.run.run_id,
        gate: 'P00',
        attempt: 1,
        principal: 'nina',
        verdict: 'pass',
        policySha256: at.run.policy_sha256,
        promptSha256: record.prompt.sha256,
        renderedPromptSha256: record.tries.at(-1)?.rendered_prompt_sha256,
        reason: null,
        findings: [],
        findingsOmitted: 0,
        escalation: null,
        feedbackSha256: canonicalSha256([]),
        artifactsSha256: canonicalSha256([...record.artifacts, ...record.transcripts]),
        nonce: 'a'.repeat(64),
        ledger: { entries: 2, hash: 'a'.repeat(64) },
      },
    });
    expect(JSON.stringify(result.attestation).length).toBeLessThanOrEqual(2_048);
    expect(record.artifacts.map(({ path }) => path)).toEqual(['evidence/context.json']);
  });

  test('a block is signed too, and says so', async () => {
    const at = await surroundings();
    at.executors.script('nina', fails('broken'), fails('broken'));
    const result = await at.executeGate(at.input('P00'));
    expect(opened(result.attestation, KEYS.nina)).toMatchObject({ predicate: { verdict: 'blocked' } });
  });

  test.each([
    ['the worker has no key of the principal', policyWith(KEYS), { vera: KEYS.vera }],
    ['the policy knows no key of the principal', EXAMPLE_POLICY, KEYS],
  ])('nothing is signed when %s', async (_, policy, held) => {
    const at = await surroundings(policy, held);
    const result = await build(at);
    expect(result.attestation).toBeNull();
    const { artifacts } = await at.record(result);
    expect(artifacts.filter(({ path }) => path.startsWith('evidence/attestations/'))).toEqual([]);
  });

  test('a key that the policy does not list signs, so that the run can refuse the result by name', async () => {
    const stranger = makeTestKey();
    const at = await surroundings(policyWith(KEYS), { nina: stranger });
    const { attestation: envelope } = await build(at);
    expect(envelope?.signatures[0]?.keyid).toBe(stranger.key.keyid);
    expect(opened(envelope, KEYS.nina)).toMatchObject({ ok: false, problem: 'unknown_key' });
  });

  test('P05: SLSA provenance about the patch, with everything that it came from by digest', async () => {
    const at = await surroundings();
    const result = await build(at);
    const record = await at.record(result);
    const find = (path: string) =>
      [...record.artifacts, ...record.transcripts].find((artifact) => artifact.path === path)?.sha256;
    const provenance = opened(await attestation(at, record, 'P05.1.provenance'), KEYS.nina) as {
      predicate: {
        buildDefinition: { resolvedDependencies: object[] };
        runDetails: { byproducts: { name: string }[] };
      };
    };
    expect(provenance).toMatchObject({
      predicateType: SLSA_PROVENANCE,
      subject: [{ name: 'patch/change.patch', digest: { sha256: find('patch/change.patch') } }],
      predicate: {
        buildDefinition: {
          buildType: CONSTRAINED_BUILD,
          externalParameters: {
            runId: at.run.run_id,
            gate: 'P05',
            attempt: 1,
            scopes: [{ allow: ['src/**', 'README.md'] }],
          },
          internalParameters: { executor: { kind: 'scripted', program: 'script' } },
        },
        runDetails: {
          builder: { id: 'https://promptos.dev/principals/nina' },
          metadata: { invocationId: `${at.run.run_id}/P05.1`, startedOn: expect.any(String) },
        },
      },
    });
    expect(provenance.predicate.buildDefinition.resolvedDependencies).toEqual([
      { name: 'example', digest: { gitCommit: at.run.base_commit } },
      { name: 'prompt pack', digest: { sha256: at.run.pack_object_sha256 } },
      { name: 'policy', digest: { sha256: at.run.policy_sha256 } },
      { name: 'request', digest: { sha256: at.run.request_sha256 } },
      {
        name: 'evidence/attempts/P05/1/try-1/prompt.md',
        digest: { sha256: find('try-1/prompt.md') },
        mediaType: 'text/markdown',
      },
    ]);
    expect(provenance.predicate.runDetails.byproducts.map(({ name }) => name)).toEqual([
      'patch/files.json',
      'evidence/traceability.json',
      'patch/summary.md',
      'patch/summary.json',
      ...['stdout.txt', 'stderr.txt', 'answer.txt'].map((file) => `evidence/attempts/P05/1/try-1/${file}`),
    ]);
  });

  test.each([
    ['passed', RIGHT, { result: 'PASSED', passedTests: ['tests'], failedTests: [] }],
    ['failed', { 'src/split.js': 'wrong = 1;\n' }, { result: 'FAILED', passedTests: [], failedTests: ['tests'] }],
  ])('P06: a test result about the patch, when its checks %s', async (_, files, expected) => {
    const at = await surroundings();
    const built = await build(at, files);
    const record = await at.record(await verify(at, built));
    const patch = (await at.record(built)).artifacts.find(({ path }) => path === 'patch/change.patch');
    expect(opened(await attestation(at, record, 'P06.1.test-result'), KEYS.vera)).toEqual({
      _type: 'https://in-toto.io/Statement/v1',
      predicateType: TEST_RESULT,
      subject: [{ name: 'patch/change.patch', digest: { sha256: patch?.sha256 } }],
      predicate: {
        ...expected,
        warnedTests: [],
        configuration: [
          { name: 'policy', digest: { sha256: at.run.policy_sha256 } },
          { name: 'request', digest: { sha256: at.run.request_sha256 } },
          { name: 'example', digest: { gitCommit: at.run.base_commit } },
        ],
      },
    });
  });

  test('findings are kept as SARIF beside the record; without any there is no log', async () => {
    const at = await surroundings(`${EXAMPLE_POLICY}baseline: off\n`);
    const built = await build(at, { 'docs/more.md': '# out of scope\n' });
    const record = await at.record(built);
    expect(record.findings.length).toBeGreaterThan(0);
    const log = JSON.parse(await at.text(record, 'findings.sarif'));
    expect(log.runs[0].results.map((result: { properties: { id: string } }) => result.properties.id)).toEqual(
      record.findings.map(({ id }) => id),
    );
    expect(log.runs[0].results[0].partialFingerprints).toEqual({
      'promptosFinding/v1': findingFingerprint(record.findings[0] as (typeof record.findings)[number]),
    });
    at.executors.script('nina', outputs(good.P00));
    const clean = await at.record(await at.executeGate(at.input('P00')));
    expect(clean.transcripts.map(({ path }) => path)).not.toContain('findings.sarif');
  });
});
